"""When an engine counts as ill, and how it is found to be well again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from voicebot.core.events import Role
from voicebot.runtime import probes
from voicebot.runtime.health import Health, ProbeFailed
from voicebot.testing.fake_asr import FakeAsr
from voicebot.testing.fake_brain import FakeBrain
from voicebot.testing.fake_tts import FakeTts

PATIENCE_S = 10


class Engine:
    """An engine whose probes wait until the test lets them through, one by one."""

    def __init__(self) -> None:
        self.tried = threading.Semaphore(0)
        self.answers: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def probe(self) -> None:
        self.tried.release()
        answer = self.answers.get(timeout=PATIENCE_S)
        if answer is not None:
            raise answer


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def news() -> queue.SimpleQueue[bool]:
    return queue.SimpleQueue()


@pytest.fixture
def health(engine: Engine, news: queue.SimpleQueue[bool]) -> Iterator[Health]:
    watched = Health(Role.ASR, "openai", engine.probe, failures=2, probe_s=0.001)
    watched.watch("a call", news.put)
    yield watched
    watched.close()
    engine.answers.put(None)


def test_failures_in_a_row_make_it_ill_and_a_probe_makes_it_well(
    health: Health, engine: Engine, news: queue.SimpleQueue[bool]
) -> None:
    health.failed()
    assert health.well
    health.failed()
    assert not health.well
    assert news.get(timeout=PATIENCE_S) is False
    engine.answers.put(ProbeFailed("no text"))
    engine.answers.put(RuntimeError("an engine may raise anything"))
    engine.answers.put(None)
    assert news.get(timeout=PATIENCE_S) is True
    assert health.well
    health.failed()
    assert health.well, "it starts afresh"


def test_what_works_in_between_keeps_it_well(health: Health) -> None:
    for _ in range(5):
        health.failed()
        health.worked()
    assert health.well


def test_an_engine_that_is_ill_is_probed_by_one_thread_whatever_else_fails(health: Health, engine: Engine) -> None:
    for _ in range(10):
        health.failed()
    health.worked()
    assert not health.well, "a late success is no proof"
    assert engine.tried.acquire(timeout=PATIENCE_S)
    assert sum(thread.name == "probe-asr-openai" for thread in threading.enumerate()) == 1


def test_one_that_was_not_reached_at_the_start_has_to_prove_itself(
    health: Health, engine: Engine, news: queue.SimpleQueue[bool]
) -> None:
    health.doubted()
    assert not health.well
    engine.answers.put(None)
    assert [news.get(timeout=PATIENCE_S) for _ in range(2)] == [False, True]


def test_a_call_that_is_over_hears_no_more(health: Health, engine: Engine, news: queue.SimpleQueue[bool]) -> None:
    health.unwatch("a call")
    health.doubted()
    assert engine.tried.acquire(timeout=PATIENCE_S)
    assert news.empty()


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: probes.try_asr(FakeAsr()),
        lambda: probes.try_tts(FakeTts()),
        lambda: probes.try_brain(FakeBrain()),
    ],
)
def test_an_engine_that_works_passes_its_probe(attempt: Callable[[], None]) -> None:
    attempt()
