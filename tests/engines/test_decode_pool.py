from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from voicebot.asr.decode_pool import DecodePool, Stop

LONG_S = 60.0


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    running = DecodePool("test", workers=1, capacity=3)
    yield running
    running.close()


def unexpected(error: Exception) -> None:
    raise AssertionError from error


class Busy:
    """Keeps the only worker busy until it is released."""

    def __init__(self, pool: DecodePool) -> None:
        self.release = threading.Event()
        started = threading.Event()

        def work() -> None:
            started.set()
            self.release.wait(LONG_S)

        assert pool.submit(work, 0.0, unexpected)
        assert started.wait(LONG_S)


def test_the_earliest_deadline_goes_first_and_partials_last(pool: DecodePool) -> None:
    busy = Busy(pool)
    order: list[str] = []
    done = threading.Event()

    def partial(_stop: Stop) -> None:
        order.append("partial")
        done.set()

    pool.offer("stream", partial)
    pool.submit(lambda: order.append("late"), 2.0, unexpected)
    pool.submit(lambda: order.append("early"), 1.0, unexpected)
    busy.release.set()
    assert done.wait(LONG_S)
    assert order == ["early", "late", "partial"]


def test_a_newer_partial_replaces_the_one_that_waits(pool: DecodePool) -> None:
    busy = Busy(pool)
    order: list[int] = []
    done = threading.Event()
    pool.offer("stream", lambda _stop: order.append(1))
    pool.offer("stream", lambda _stop: order.append(2))
    pool.offer("other", lambda _stop: done.set())
    busy.release.set()
    assert done.wait(LONG_S)
    assert order == [2]
    assert pool.counts["replace_older"] == 1


def test_a_running_partial_gives_way(pool: DecodePool) -> None:
    running, gave_way, decoded = threading.Event(), threading.Event(), threading.Event()

    def partial(stop: Stop) -> None:
        running.set()
        while not stop():
            running.wait(LONG_S)
        gave_way.set()

    pool.offer("stream", partial)
    assert running.wait(LONG_S)
    pool.submit(decoded.set, 0.0, unexpected)
    assert gave_way.wait(LONG_S)
    assert decoded.wait(LONG_S)
    assert pool.counts["preempt"] == 1


def test_a_full_queue_refuses_and_counts(pool: DecodePool) -> None:
    busy = Busy(pool)
    assert [pool.submit(lambda: None, 0.0, unexpected) for _ in range(4)] == [True, True, True, False]
    assert pool.counts["reject_newest"] == 1
    busy.release.set()


def test_a_crash_costs_one_decode_only(pool: DecodePool) -> None:
    def crash() -> None:
        raise RuntimeError("broken model")

    errors: list[str] = []
    survived = threading.Event()
    pool.submit(crash, 0.0, lambda error: errors.append(str(error)))
    pool.submit(survived.set, 1.0, unexpected)
    assert survived.wait(LONG_S)
    assert errors == ["broken model"]
    assert pool.counts["crashed"] == 1
