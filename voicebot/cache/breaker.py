"""Keeps a call from waiting for something that has just failed several others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row; then lets one through every `rest_s` until one works. Thread-safe."""

    def __init__(self, failures: int = 3, rest_s: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._rest_s = rest_s
        self._clock = clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._try_at_s = 0.0

    @property
    def open(self) -> bool:
        """Whether it holds most back."""
        return self._in_a_row >= self._failures

    def passes(self) -> bool:
        """Whether something may be tried now; it counts as the one that is let through."""
        with self._lock:
            if not self.open:
                return True
            now = self._clock()
            if now < self._try_at_s:
                return False
            self._try_at_s = now + self._rest_s
            return True

    def worked(self) -> bool:
        """Something worked: close. Return whether that is news."""
        with self._lock:
            news, self._in_a_row = self.open, 0
            return news

    def failed(self) -> bool:
        """Something failed. Return whether that opened it."""
        with self._lock:
            before = self.open
            self._in_a_row += 1
            if self.open:
                self._try_at_s = self._clock() + self._rest_s
            return self.open and not before
