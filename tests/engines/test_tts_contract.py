"""What every synthesiser promises, on the fake and on the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from voicebot.media.frames import FRAME_BYTES
from voicebot.media.loudness import SPEECH_DBFS, active_level
from voicebot.remote.link import Endpoint
from voicebot.testing.fake_tts import FakeTts
from voicebot.testing.openai_server import OpenAiServer
from voicebot.tts.catalogue import TtsUnavailable, build_tts, workers_for
from voicebot.tts.framing import FrameMaker, render
from voicebot.tts.passages import passages
from voicebot.tts.protocol import TtsEngine

TEXT = "We are open from nine to five."


def fake(_: ExitStack) -> TtsEngine:
    return FakeTts()


def piper(_: ExitStack) -> TtsEngine:
    return build_tts("piper")


def remote(stack: ExitStack) -> TtsEngine:
    server = stack.enter_context(OpenAiServer())
    return build_tts("openai", endpoint=Endpoint(base_url=server.url, links=2))


@pytest.fixture(params=[fake, piper, remote])
def engine(request: pytest.FixtureRequest) -> Iterator[TtsEngine]:
    make: Callable[[ExitStack], TtsEngine] = request.param
    with ExitStack() as stack:
        built = make(stack)
        stack.callback(built.close)
        built.warm_up()
        yield built


def test_it_says_who_it_is(engine: TtsEngine) -> None:
    assert engine.name
    assert engine.voice
    assert engine.version
    assert engine.rate >= 16_000


def test_a_text_becomes_audible_samples(engine: TtsEngine) -> None:
    chunks = list(engine.open(TEXT).chunks())
    assert all(chunk.dtype == np.int16 and chunk.ndim == 1 for chunk in chunks)
    samples = np.concatenate(chunks)
    assert 0.4 * engine.rate < len(samples) < 6 * engine.rate
    assert np.abs(samples).max() > 1_000


def test_no_chunk_is_longer_than_a_cancel_may_take(engine: TtsEngine) -> None:
    assert max(len(chunk) for chunk in engine.open(TEXT).chunks()) <= engine.rate // 5


def test_a_cancel_ends_it_quietly_within_a_chunk(engine: TtsEngine) -> None:
    stream = engine.open(TEXT)
    chunks = stream.chunks()
    next(chunks)
    stream.cancel()
    assert len(list(chunks)) <= 1


def test_cancelled_before_it_began_it_says_nothing(engine: TtsEngine) -> None:
    stream = engine.open(TEXT)
    stream.cancel()
    assert list(stream.chunks()) == []


def test_it_can_be_used_again_after_a_cancel(engine: TtsEngine) -> None:
    stream = engine.open(TEXT)
    next(chunks := stream.chunks())
    stream.cancel()
    list(chunks)
    assert sum(len(chunk) for chunk in engine.open(TEXT).chunks()) > 0


def test_rendered_whole_it_starts_audibly_and_fills_frames(engine: TtsEngine) -> None:
    frames = render(engine, TEXT)
    assert frames
    assert len(frames) % FRAME_BYTES == 0
    first = np.frombuffer(frames[: 3 * FRAME_BYTES], "<i2").astype(np.float64)
    assert np.sqrt((first**2).mean()) > 100


def test_speech_comes_out_at_the_level_of_all_speech_and_unclipped(engine: TtsEngine) -> None:
    for text in (TEXT, "Hello.", "I am sorry, something is not working on my side."):
        pcm = np.frombuffer(render(engine, text), "<i2")
        # A server's voice is learned while it says its first words.
        assert active_level(pcm) == pytest.approx(SPEECH_DBFS, abs=2.0)
        assert np.abs(pcm.astype(np.int32)).max() < 32_767


def test_a_voice_speaks_faster_when_told_to() -> None:
    # The pauses around a text stay as they are, and no rendering is as long as the last one.
    text = "On Saturday we are open from nine in the morning until five in the afternoon, and on Sunday we rest."
    usual, fast = (len(render(build_tts("piper", speed=speed), text)) for speed in (1.0, 2.0))
    assert fast < 0.8 * usual


def test_a_server_is_told_the_speed() -> None:
    with OpenAiServer() as server, ExitStack() as stack:
        engine = build_tts("openai", endpoint=Endpoint(base_url=server.url, links=1), speed=1.25)
        stack.callback(engine.close)
        render(engine, TEXT)
        assert server.requests[-1].json()["speed"] == 1.25


def test_framing_does_not_depend_on_how_the_audio_was_cut() -> None:
    engine = FakeTts()
    whole = np.concatenate(list(engine.open(TEXT).chunks()))
    at_once, piecewise = FrameMaker(22_050), FrameMaker(22_050)
    expected = at_once.push(whole) + at_once.finish()
    pieces = [piecewise.push(whole[start : start + 117]) for start in range(0, len(whole), 117)]
    assert b"".join(pieces) + piecewise.finish() == expected


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("We open at nine.", "We open at nine."),
        ("Sure, we are open until five, and on Sunday we rest.", "Sure, we are open until five,"),
        (
            "On Saturday we are open from nine in the morning until five in the afternoon.",
            "On Saturday we are open,",
        ),
    ],
)
def test_piper_gets_a_short_first_passage(text: str, first: str) -> None:
    cut = passages(text)
    assert cut[0] == first
    assert "".join(cut).replace(" ", "").replace(",", "") == text.replace(" ", "").replace(",", "")


def test_after_a_lone_word_the_second_passage_is_short_as_well() -> None:
    text = "Sure. Your order left the warehouse on Monday, and it should reach you well before the weekend begins."
    assert passages(text)[:2] == ["Sure.", "Your order left the warehouse on Monday,"]


def test_an_unknown_engine_and_a_missing_model_are_named_with_a_remedy(tmp_path: object) -> None:
    with pytest.raises(TtsUnavailable, match="no 'festival'; choose one of piper, coqui, openai"):
        build_tts("festival")
    with pytest.raises(TtsUnavailable, match=r"nowhere\.onnx.*is missing; name a Piper voice"):
        build_tts("piper", model=f"{tmp_path}/nowhere.onnx")


def test_only_an_engine_that_is_waited_for_gets_several_workers() -> None:
    engine = build_tts("openai", endpoint=Endpoint(base_url="http://127.0.0.1:9/v1", links=1))
    assert workers_for(engine) > workers_for(FakeTts()) == 1
    engine.close()
