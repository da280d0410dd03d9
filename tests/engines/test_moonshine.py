"""Moonshine on speech that no part of the bot made, over G.711."""

from __future__ import annotations

import queue
import shutil
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from voicebot.asr.catalogue import build
from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.moonshine import MoonshineEngine
from voicebot.asr.protocol import NO_HINTS, AsrResult, Heard, Hints
from voicebot.core.digits import digit_runs
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, Pcm, whole_frames
from voicebot.media.g711 import mulaw_decode, mulaw_encode
from voicebot.media.resample import Resampler

ANSWER_S = 60.0


@pytest.fixture(scope="module")
def engine() -> Iterator[MoonshineEngine]:
    loaded = MoonshineEngine()
    loaded.warm_up()
    yield loaded
    loaded.close()


def spoken(folder: Path, text: str, voice: str = "rms") -> Pcm:
    """Return a voice of flite after PCMU, with the 300 ms in front of it that the bot's pre-roll gives."""
    if shutil.which("flite") is None:
        pytest.skip("flite is missing: apt-get install flite")
    path = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
    with wave.open(str(path)) as reader:
        pcm = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
        narrow = Resampler(reader.getframerate(), 8_000).process(pcm)
    padded = np.concatenate((np.zeros(2_400, np.int16), narrow, np.zeros(1_280, np.int16)))
    return Resampler(8_000, SAMPLE_RATE).process(mulaw_decode(mulaw_encode(padded)))


def results_of(engine: MoonshineEngine, pcm: Pcm, hints: Hints = NO_HINTS) -> list[Heard]:
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    stream = engine.open(results.put, hints)
    audio = whole_frames(pcm)
    for at in range(0, len(audio), FRAME_BYTES):
        stream.feed(audio[at : at + FRAME_BYTES])
    stream.decode(1)
    heard: list[Heard] = []
    while not heard or heard[-1].decode != 1:
        result = results.get(timeout=ANSWER_S)
        assert isinstance(result, Heard)
        heard.append(result)
    return heard


@pytest.mark.peers
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What are your opening hours on Saturday?", {"opening", "hours", "saturday"}),
        ("How much is shipping to Canada?", {"how", "much", "shipping"}),
        ("I want to return my order.", {"return", "order"}),
        ("No thank you.", {"no"}),
    ],
)
def test_recognises_what_a_caller_says_on_the_telephone(
    engine: MoonshineEngine, tmp_path: Path, text: str, words: set[str]
) -> None:
    final = results_of(engine, spoken(tmp_path, text))[-1]
    heard = {word.strip(".,!?") for word in final.text.lower().split()}
    assert words <= heard
    assert final.confidence > 0.5


SOUNDS = {
    "digital silence": np.zeros(SAMPLE_RATE, np.int16),
    "a quiet line": np.random.default_rng(1).integers(-8, 9, SAMPLE_RATE).astype(np.int16),
    "white noise": (np.random.default_rng(2).standard_normal(SAMPLE_RATE) * 1_000).astype(np.int16),
    "a tone": np.asarray(5_000 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE), np.int16),
}


@pytest.mark.parametrize(
    "hints", [NO_HINTS, Hints("digits:5"), Hints("digits"), Hints(sentences=("thank you", "you"))], ids=str
)
@pytest.mark.parametrize("sound", SOUNDS)
def test_hears_nothing_where_nobody_speaks(engine: MoonshineEngine, sound: str, hints: Hints) -> None:
    assert results_of(engine, SOUNDS[sound], hints)[-1].text == ""


@pytest.mark.peers
def test_partials_come_while_the_caller_speaks(engine: MoonshineEngine, tmp_path: Path) -> None:
    pcm = spoken(tmp_path, "What are your opening hours on Saturday?")
    partials: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    stream = engine.open(partials.put)
    audio = whole_frames(pcm)
    for at in range(0, len(audio), FRAME_BYTES):
        stream.feed(audio[at : at + FRAME_BYTES])
    partial = partials.get(timeout=ANSWER_S)
    stream.close()
    assert isinstance(partial, Heard)
    assert partial.decode == 0
    assert partial.text


def test_an_unknown_engine_is_named_with_those_that_exist() -> None:
    with pytest.raises(EngineUnavailableError, match=r"no 'ears'.*moonshine, openai"):
        build("ears")


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EngineUnavailableError, match="OPENAI_API_KEY"):
        build("openai")


@pytest.mark.peers
@pytest.mark.parametrize(
    ("whole", "begun"),
    [
        ("How much does express shipping cost?", "how much does express"),
        ("I would like to check the status of my order.", "I would like to check the status of my"),
        ("Could you tell me if you are open on Sunday?", "could you tell me if you are"),
    ],
)
def test_a_whole_sentence_is_more_final_than_its_beginning(
    engine: MoonshineEngine, tmp_path: Path, whole: str, begun: str
) -> None:
    final, hanging = (results_of(engine, spoken(tmp_path, text))[-1].finality for text in (whole, begun))
    assert 1 >= final > 0.5 > hanging >= 0


def test_silence_says_nothing_about_the_end(engine: MoonshineEngine) -> None:
    assert results_of(engine, np.zeros(SAMPLE_RATE, np.int16))[-1].finality == 0.5


def digits_in(heard: Heard) -> str:
    return "".join(run.digits for run in digit_runs(heard.text))


@pytest.mark.peers
@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("nine zero zero three", "9003"),
        ("four six two four two three", "462423"),
        ("eight four six two five five zero five one nine", "8462550519"),
        ("double four two nine eight", "44298"),
        ("It's seven two one zero nine.", "72109"),
        ("five five oh one two, please", "55012"),
    ],
)
def test_digits_that_were_asked_for_are_heard_as_digits(
    engine: MoonshineEngine, tmp_path: Path, text: str, digits: str
) -> None:
    heard = results_of(engine, spoken(tmp_path, text), Hints(f"digits:{len(digits)}"))[-1]
    assert digits_in(heard) == digits
    assert 0.0 < heard.confidence <= 1.0


@pytest.mark.peers
def test_digits_of_unknown_length_and_fewer_than_asked_for_are_heard(engine: MoonshineEngine, tmp_path: Path) -> None:
    pcm = spoken(tmp_path, "nine one six")
    assert [digits_in(results_of(engine, pcm, Hints(expects))[-1]) for expects in ("digits", "digits:6")] == ["916"] * 2


@pytest.mark.peers
@pytest.mark.parametrize(
    "text",
    [
        "I don't have it with me.",
        "I would like to speak to a person, please.",
        "No.",
        "Hold on a second.",
        "What are your opening hours on Saturday?",
    ],
)
def test_a_caller_who_was_asked_for_digits_may_say_anything(engine: MoonshineEngine, tmp_path: Path, text: str) -> None:
    pcm = spoken(tmp_path, text)
    assert results_of(engine, pcm, Hints("digits:5"))[-1] == results_of(engine, pcm)[-1]


KNOWN = Hints(
    sentences=(
        "what are your opening hours on friday",
        "what are your opening hours on saturday",
        "where is your shop",
        "goodbye",
        "thank you",
        "what can you do",
    )
)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("What are your opening hours on Friday?", "What are your opening hours on Friday?"),
        ("Goodbye.", "Goodbye."),
    ],
)
def test_a_sentence_that_callers_are_known_to_say_is_heard_as_it_is_written(
    engine: MoonshineEngine, tmp_path: Path, text: str, heard: str
) -> None:
    assert results_of(engine, spoken(tmp_path, text, "kal16"), KNOWN)[-1].text == heard


@pytest.mark.peers
@pytest.mark.parametrize(
    "text",
    [
        "What are your prices on Saturday?",
        "Where is your manager?",
        "My wheel is bent.",
        "No.",
        "What are your opening hours on",
        "What can you",
    ],
)
def test_what_callers_are_not_known_to_say_is_heard_as_without(
    engine: MoonshineEngine, tmp_path: Path, text: str
) -> None:
    pcm = spoken(tmp_path, text)
    assert results_of(engine, pcm, KNOWN)[-1] == results_of(engine, pcm)[-1]
