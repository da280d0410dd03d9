"""Who may call a connector now: a circuit breaker and a limit on calls at a time, for each connector of a worker.

The breaker counts failures in a row, over all phone calls. Once it opens, calls are refused at once, which makes room
for their fallbacks; after a while one call is let through, and its outcome decides.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pybreaker

from voicebot.core.events import Category, Role, ToolReturned
from voicebot.dialplan.connectors import ConnectorPart
from voicebot.telemetry import metrics
from voicebot.tools.protocol import ToolResult

_LOG = logging.getLogger(__name__)

NEUTRAL = frozenset({Category.REJECTED, Category.RATE_LIMITED})
"""Failures that say nothing about whether the service is well."""


class _Failed(Exception):
    """What the breaker counts."""


class Gate:
    """The breaker and the limit of one connector. Thread-safe; never waits."""

    def __init__(self, name: str, part: ConnectorPart, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._reset_s = part.breaker.reset_ms / 1000
        self._lock = threading.Lock()
        self._free = part.concurrency
        # The breaker's own timer never fires, so that it can be asked without a call.
        self._breaker = pybreaker.CircuitBreaker(fail_max=part.breaker.failures, reset_timeout=float("inf"))
        self._opened_at = 0.0
        self._trying = False

    def enter(self) -> Category | None:
        """Take a place; None when that worked. UNAVAILABLE: left alone; RATE_LIMITED: too many at a time."""
        with self._lock:
            if self._breaker.current_state != pybreaker.STATE_CLOSED:
                if self._trying or self._clock() - self._opened_at < self._reset_s:
                    return Category.UNAVAILABLE
                self._breaker.half_open()
                self._trying = True
            if not self._free:
                self._trying = False
                return Category.RATE_LIMITED
            self._free -= 1
            return None

    def leave(self) -> None:
        """Give the place back: the work is over, whenever its result came."""
        with self._lock:
            self._free += 1

    def judge(self, result: ToolResult | None) -> None:
        """Let the breaker know how a call ended; None: it was cancelled, which tells nothing."""
        with self._lock:
            was_open = self._breaker.current_state != pybreaker.STATE_CLOSED
            if isinstance(result, ToolReturned):
                self._breaker.close()  # also by a call from before it opened: the service answers
            elif result is not None and result.category not in NEUTRAL:
                self._count_failure()
            self._trying = False
            is_open = self._breaker.current_state != pybreaker.STATE_CLOSED
        if was_open != is_open:
            self._tell(well=was_open)

    def _tell(self, *, well: bool) -> None:
        metrics.engine_well(Role.TOOL, self._name, well=well)
        if well:
            _LOG.info("connector is well again", extra={"connector": self._name})
        else:
            _LOG.warning("connector keeps failing and is left alone", extra={"connector": self._name})

    def _count_failure(self) -> None:
        try:
            self._breaker.call(_fail)
        except (pybreaker.CircuitBreakerError, _Failed):
            self._opened_at = self._clock()


def _fail() -> None:
    raise _Failed
