"""A few threads that decode: asked-for results first, by deadline; unasked partials when nothing else waits.

Overflow policies: asked-for decodes beyond the capacity are refused (`reject_newest`); a stream has at most one partial
waiting, and a newer one replaces it (`replace_older`); a partial that is running gives way to an asked-for decode that
waits (`preempt`) and is not repeated. Each is counted.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from typing import NamedTuple

_log = logging.getLogger(__name__)

Stop = Callable[[], bool]
Failed = Callable[[Exception], None]


class _Job(NamedTuple):
    deadline: float
    number: int
    work: Callable[[], None]
    failed: Failed


class DecodePool:
    """Bounded worker threads. `submit` and `offer` never block."""

    def __init__(self, name: str, workers: int = 1, capacity: int = 64) -> None:
        self.counts: Counter[str] = Counter()
        self._capacity = capacity
        self._lock = threading.Condition()
        self._asked: list[_Job] = []
        self._partials: dict[Hashable, Callable[[Stop], None]] = {}
        self._number = 0
        self._closing = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{index}", daemon=True) for index in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[], None], deadline: float, failed: Failed) -> bool:
        """Queue an asked-for decode; earliest deadline (any clock, in seconds) goes first. False: the queue is full.

        An exception of `work` goes to `failed`, on the worker's thread.
        """
        with self._lock:
            if self._closing or len(self._asked) >= self._capacity:
                self.counts["reject_newest"] += 1
                return False
            self._number += 1
            heapq.heappush(self._asked, _Job(deadline, self._number, work, failed))
            self._lock.notify()
            return True

    def offer(self, stream: Hashable, work: Callable[[Stop], None]) -> None:
        """Queue a partial of `stream` in place of the one that may wait. `work` gets a test for giving way."""
        with self._lock:
            if self._closing:
                return
            if self._partials.pop(stream, None) is not None:
                self.counts["replace_older"] += 1
            self._partials[stream] = work
            self._lock.notify()

    def withdraw(self, stream: Hashable) -> None:
        """Forget a partial that waits."""
        with self._lock:
            self._partials.pop(stream, None)

    def close(self) -> None:
        """Finish what runs, drop what waits, and join the threads."""
        with self._lock:
            self._closing = True
            self._asked.clear()
            self._partials.clear()
            self._lock.notify_all()
        for thread in self._threads:
            thread.join()

    def _give_way(self) -> bool:
        """Tell a running partial that an asked-for decode waits. Read without the lock: late by one token at worst."""
        if self._asked or self._closing:
            self.counts["preempt"] += 1
            return True
        return False

    def _next(self) -> _Job | None:
        with self._lock:
            while not (self._closing or self._asked or self._partials):
                self._lock.wait()
            if self._closing:
                return None
            if self._asked:
                return heapq.heappop(self._asked)
            stream = next(iter(self._partials))
            partial = self._partials.pop(stream)
            return _Job(0.0, 0, lambda: partial(self._give_way), _nobody_asked)

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.work()
            except Exception as error:  # noqa: BLE001 - a thread's root: one bad decode must not silence every call
                self.counts["crashed"] += 1
                _log.exception("asr_decode_crashed")
                job.failed(error)


def _nobody_asked(_error: Exception) -> None:
    """Take the failure of a partial: nobody waits for it."""
