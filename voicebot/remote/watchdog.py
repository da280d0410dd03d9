"""Deadlines for reads that block.

A client's read timeout bounds each gap between two packets, headers and keep-alive comments included, so a server that
sends something now and then can hold a caller for ever. The watchdog bounds what matters, the wait for the next useful
piece, by calling back when a deadline passes; the callback shuts the socket down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Watchdog:
    """One thread that watches the deadlines of many exchanges. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._due: dict[int, tuple[float, Callable[[], None]]] = {}
        self._changed = threading.Condition()
        self._wakes_at = float("inf")
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)
        self._thread.start()

    def arm(self, key: int, seconds: float, expire: Callable[[], None]) -> None:
        """Call `expire` once after `seconds` unless `key` is armed again or disarmed before."""
        due = time.monotonic() + seconds
        with self._changed:
            self._due[key] = (due, expire)
            # Being armed later than the next waking is the common case, once a token, and costs no switch of threads.
            if due < self._wakes_at:
                self._changed.notify()

    def disarm(self, key: int) -> None:
        """Forget `key`; its callback may still be running."""
        with self._changed:
            self._due.pop(key, None)

    def close(self) -> None:
        """End the thread. Nothing expires after it."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                over = [key for key, (due, _) in self._due.items() if due <= now]
                expired = [self._due.pop(key)[1] for key in over]
                if not expired:
                    self._wakes_at = min((due for due, _ in self._due.values()), default=float("inf"))
                    self._changed.wait(None if self._wakes_at == float("inf") else self._wakes_at - now)
            for expire in expired:
                expire()
