"""An end-of-turn model that is plugged in by its path, judged by its contract with real files."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from tests.engines.tiny_onnx import quiet_tail
from voicebot.asr.end_of_turn import LONGEST_SAMPLES, EndOfTurnModel, JudgedEngine
from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import NO_HINTS, AsrResult, Heard, HearingFailed, Hints
from voicebot.core.events import Category
from voicebot.media.frames import SILENCE

ANSWER_S = 60.0
LOUD = (np.random.default_rng(1).standard_normal(320) * 3_000).astype("<i2").tobytes()
OWN = 0.3


class Scripted:
    """A recogniser whose results the test gives by hand."""

    name = "scripted"

    def __init__(self) -> None:
        self.post: Callable[[AsrResult], None] = lambda _: None

    def warm_up(self) -> None: ...

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> Scripted:  # noqa: ARG002 - the contract's
        self.post = post
        return self

    def feed(self, frame: bytes) -> None: ...

    def decode(self, number: int) -> None: ...

    def close(self) -> None: ...

    def hears(self, number: int) -> None:
        self.post(Heard(number, "some words", 0.9, OWN))


@pytest.fixture(params=["samples", 8_000, LONGEST_SAMPLES], ids=["free", "half-a-second", "eight-seconds"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EndOfTurnModel]:
    built = EndOfTurnModel(quiet_tail(tmp_path / "tail.onnx", request.param))
    yield built
    built.close()


Results = queue.SimpleQueue[AsrResult]


@pytest.fixture
def results() -> Results:
    return queue.SimpleQueue()


@pytest.mark.parametrize("seconds", [0.1, 1, 9])
def test_its_answer_is_the_finality(model: EndOfTurnModel, results: Results, seconds: float) -> None:
    asr = Scripted()
    stream = JudgedEngine(asr, model).open(results.put)
    answers: list[float] = []
    for frame in (LOUD, SILENCE):
        for _ in range(int(seconds * 50) + 10):
            stream.feed(frame)
        number = len(answers) + 1
        answered = threading.Event()
        stream.decode(number)
        model.ask(np.zeros(1, np.int16), functools.partial(_tell, answered))  # behind it in the queue
        assert answered.wait(ANSWER_S)
        asr.hears(number)
        heard = results.get(timeout=ANSWER_S)
        assert isinstance(heard, Heard)
        answers.append(heard.finality)
    assert answers == [0.0, pytest.approx(0.9)]
    assert model.counts == {"used": 2}


def _tell(answered: threading.Event, _answer: float | None) -> None:
    answered.set()


class Slow(EndOfTurnModel):
    """Answers when it is told to."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.answers: list[Callable[[float | None], None]] = []

    def ask(self, pcm: object, answer: Callable[[float | None], None]) -> None:
        del pcm
        self.answers.append(answer)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    built = Slow(quiet_tail(tmp_path / "tail.onnx"))
    yield built
    built.close()


def test_a_text_waits_for_the_answer_but_not_for_long(slow: Slow, results: Results) -> None:
    asr = Scripted()
    stream = JudgedEngine(asr, slow).open(results.put)
    stream.decode(1)
    asr.hears(1)
    late = results.get(timeout=ANSWER_S)
    assert late == Heard(1, "some words", 0.9, OWN)
    slow.answers[0](0.9)
    assert results.empty(), "one result answers one decode"
    assert slow.counts == {"late": 1}


def test_an_answer_just_after_the_text_counts(slow: Slow, results: Results) -> None:
    asr = Scripted()
    stream = JudgedEngine(asr, slow).open(results.put)
    stream.decode(1)
    slow.answers[0](None)
    asr.hears(1)
    assert results.get_nowait() == Heard(1, "some words", 0.9, OWN), "no answer, no waiting"
    stream.decode(2)
    slow.answers[1](0.7)
    asr.hears(2)
    assert results.get_nowait() == Heard(2, "some words", 0.9, 0.7)


def test_an_answer_to_an_older_decode_judges_nothing(slow: Slow, results: Results) -> None:
    asr = Scripted()
    stream = JudgedEngine(asr, slow).open(results.put)
    stream.decode(1)
    stream.decode(2)
    slow.answers[0](1.0)
    slow.answers[1](0.2)
    asr.hears(2)
    assert results.get_nowait() == Heard(2, "some words", 0.9, 0.2)


def test_partials_and_failures_wait_for_nothing(slow: Slow, results: Results) -> None:
    asr = Scripted()
    stream = JudgedEngine(asr, slow).open(results.put)
    stream.decode(1)
    asr.hears(0)
    assert results.get_nowait() == Heard(0, "some words", 0.9, OWN)
    failed = HearingFailed(1, Category.TIMEOUT, permanent=False, detail="")
    asr.post(failed)
    assert results.get_nowait() == failed
    stream.close()
    slow.answers[0](1.0)
    assert results.empty()


def test_a_file_that_does_not_fit_is_named_with_the_remedy(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"no model")
    for path, told in (
        (str(tmp_path / "nowhere.onnx"), "is not there; correct the path"),
        (str(garbage), "is no model that onnxruntime can load; export it again"),
        (
            quiet_tail(tmp_path / "long.onnx", LONGEST_SAMPLES + 1),
            "wants 128001 samples, which is more than 8 s; give it",
        ),
        (quiet_tail(tmp_path / "double.onnx", dtype=TensorProto.DOUBLE), "has other inputs and outputs .* give it one"),
        (quiet_tail(tmp_path / "more.onnx", scale=7.0), "gives no single number from 0 to 1; let it give the probab"),
    ):
        with pytest.raises(EngineUnavailableError, match=rf"endpointing\.model: '.*' {told}"):
            EndOfTurnModel(path)
