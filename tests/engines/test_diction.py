"""A dialplan's pronunciations and recordings, from its YAML to what is played."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.config import Settings
from voicebot.dialplan.commands import check
from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE
from voicebot.media.loudness import SPEECH_DBFS, active_level
from voicebot.media.recordings import UnusableRecording, phrase_key, read_recording
from voicebot.runtime.engine_room import EngineRoom, diction_of
from voicebot.testing.fake_tts import FakeTts
from voicebot.tts.cache import SpeechCache, speech_key
from voicebot.tts.diction import PLAIN, Diction
from voicebot.tts.spoken import spoken

LEXICON = {"Shimano": "she mah no", "US": "U S", "di2": "D I two", "Harbor Lane": "harber lane", "XT": "ex tee"}


def write_wav(file: Path, *, rate: int = 44_100, channels: int = 1, width: int = 2, dbfs: float = -30) -> Path:
    """Write 400 ms of a tone."""
    peak = 32_768 * 10 ** (dbfs / 20) * np.sqrt(2)
    tone = (peak * np.sin(2 * np.pi * 400 / rate * np.arange(rate * 4 // 10))).astype("<i2")
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(np.repeat(tone, channels).tobytes())
    return file


def dialplan(folder: Path, tts: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "plan.yaml"
    file.write_text(f"version: 1\n{tts}", encoding="utf-8")
    return file


def loaded(file: Path) -> Policy:
    policy, faults = load_dialplan(file)
    assert policy is not None, faults
    return policy


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Shimano's XT is here.", "she mah no's ex tee is here."),
        ("Shimanos and shimano stay.", "Shimanos and shimano stay."),
        ("He told us of the US.", "He told us of the U S."),
        ("A DI2, or a Di2.", "A D I two, or a D I two."),
        ("Harbor  Lane", "harber lane"),
    ],
)
def test_words_are_said_as_the_lexicon_says(written: str, said: str) -> None:
    assert Diction(LEXICON).spoken(written) == said


def test_a_replacement_is_not_replaced_again_and_the_longest_entry_goes_first() -> None:
    diction = Diction({"a": "b", "b": "c", "a b": "both"})
    assert diction.spoken("a and b, a b") == "b and c, both"


@given(st.text(max_size=60))
def test_a_text_without_an_entry_is_said_as_ever(text: str) -> None:
    assert Diction({"zyzzyva": "a weevil"}).spoken(text) == PLAIN.spoken(text) == spoken(text)


def test_another_lexicon_is_another_phrase_to_the_cache() -> None:
    engine, cache = FakeTts(), SpeechCache()
    assert cache.warm(engine, ["We sell Shimano."]) == 1
    assert cache.warm(engine, ["We sell Shimano."], Diction(LEXICON)) == 1
    assert engine.texts == ["We sell Shimano.", "We sell she mah no."]
    assert cache.in_memory(speech_key(engine, "We sell she mah no.")) is not None


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 1), (22_050, 2), (44_100, 1), (48_000, 2)])
def test_a_recording_comes_as_all_speech_does(tmp_path: Path, rate: int, channels: int) -> None:
    pcm = read_recording(write_wav(tmp_path / "x.wav", rate=rate, channels=channels))
    assert len(pcm) == pytest.approx(SAMPLE_RATE * 0.4, abs=2)
    assert active_level(pcm) == pytest.approx(SPEECH_DBFS, abs=1)


def test_a_phrase_is_known_by_its_words() -> None:
    assert phrase_key("Let me see.") == phrase_key("let-me_see") == phrase_key("LET ME\nSEE!")
    assert phrase_key("I don\u2019t know") == phrase_key("i don't know") != phrase_key("I do not know")
    diction = Diction(recordings={phrase_key("One moment, please."): b"x"})
    assert diction.recorded("One moment please!") == b"x"
    assert diction.recorded("One moment") is None


def test_a_folder_and_a_map_name_recordings_and_the_map_goes_first(tmp_path: Path) -> None:
    write_wav(tmp_path / "voices" / "let-me-see.wav")
    write_wav(tmp_path / "voices" / "one-moment.wav")
    write_wav(tmp_path / "greeting.wav", rate=8_000)
    by_folder = diction_of(loaded(dialplan(tmp_path, "tts: {prompts: voices}\n")))
    assert by_folder.recorded("Let me see.") is not None
    both = "tts:\n  prompts:\n    '*': voices\n    'One moment!': greeting.wav\n"
    policy = loaded(dialplan(tmp_path, both))
    frames = diction_of(policy).recorded("One moment.")
    assert frames is not None
    assert len(frames) == 20 * FRAME_BYTES
    assert Policy.from_json(policy.to_json()).sha256 == policy.sha256


FAULTS = {
    "missing": ("prompts:\n    Hello: gone.wav", "4:12: tts.prompts.Hello: the recording 'gone.wav' does not exist"),
    "no wav": ("prompts: {Hello: plan.yaml}", "tts.prompts.Hello: the recording 'plan.yaml' is not a WAV of PCM"),
    "folder": ("prompts: nowhere", "3:12: tts.prompts: there is no folder 'nowhere' with WAVs beside the dialplan"),
    "outside": ("prompts: {Hello: ../a.wav}", "tts.prompts.Hello: '../a.wav' leaves the folder of the dialplans"),
    "eight bits": ("prompts: {Hello: bits.wav}", "the recording 'bits.wav' has 8 bits"),
    "silent": ("prompts: {Hello: silent.wav}", "the recording 'silent.wav' holds nothing that can be heard"),
    "no words": ("prompts: {'...': good.wav}", "tts.prompts....: '...' holds no word"),
    "twice": ("prompts: {Hello: good.wav, hello.: good.wav}", "tts.prompts.hello.: has the same words as 'Hello'"),
    "wrong type": ("prompts: 5", "tts.prompts: must be a mapping"),
    "speed": ("speed: 9", "3:10: tts.speed: 9"),
    "empty spelling": ("lexicon: {'-': dash}", "tts.lexicon.-: '-' holds no word"),
    "unspoken": ("lexicon: {XT: '--'}", "3:17: tts.lexicon.XT: '--' cannot be spoken"),
}


@pytest.mark.parametrize(("tts", "told"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_told_with_its_place_and_a_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tts: str, told: str
) -> None:
    write_wav(tmp_path / "good.wav")
    write_wav(tmp_path / "bits.wav", width=1)
    write_wav(tmp_path / "silent.wav", dbfs=-120)
    assert check(dialplan(tmp_path, f"tts:\n  {tts}\n")) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.rstrip().endswith(")"), "no remedy"


def test_a_recording_that_goes_away_before_it_is_loaded_is_named(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav")
    file.unlink()
    with pytest.raises(UnusableRecording, match="does not exist"):
        read_recording(file)


def test_after_a_reload_a_changed_recording_is_played(tmp_path: Path) -> None:
    file = dialplan(tmp_path / "plans", "tts: {prompts: {'Thank you for calling. Goodbye.': bye.wav}}\n")
    write_wav(tmp_path / "plans" / "bye.wav", rate=16_000)
    room = EngineRoom(Settings.model_validate({"data": {"dir": tmp_path / "data"}}))
    try:
        policy = loaded(file)
        room.prepare([policy])
        first = room.for_policy(policy).diction.recorded("Thank you for calling. Goodbye.")
        with wave.open(str(tmp_path / "plans" / "bye.wav"), "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(16_000)
            writer.writeframes(np.full(16_000, 9_000, "<i2").tobytes())
        room.prepare([loaded(file)])
        second = room.for_policy(policy).diction.recorded("Thank you for calling. Goodbye.")
    finally:
        room.close()
    assert first is not None
    assert second is not None
    assert len(second) > len(first)
