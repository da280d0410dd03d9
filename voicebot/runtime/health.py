"""Whether an engine can be relied on, judged over all calls of the process.

A circuit breaker counts failures in a row. Once it opens, calls ask the next engine of their chain, and a thread of
the engine's own tries it, off every call's path, until it answers again: that closes the breaker, and calls come back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pybreaker

from voicebot.core.events import Role
from voicebot.telemetry import metrics

_LOG = logging.getLogger(__name__)

EAGER_PROBES = 60
"""So many times an engine is tried at the usual pace, then only at every tenth beat: it is gone for longer."""

RARELY = 10


class ProbeFailed(Exception):
    """The engine did not answer. The message says why."""


class Health:
    """The breaker of one engine. `worked` and `failed` never wait: they are called on calls' driver threads."""

    def __init__(
        self, role: Role, name: str, probe: Callable[[], None], *, failures: int = 2, probe_s: float = 1.0
    ) -> None:
        self.role = role
        self.name = name
        self._probe = probe
        self._probe_s = probe_s
        # The breaker's own timer never fires: only a probe that worked closes it.
        self._breaker = pybreaker.CircuitBreaker(fail_max=failures, reset_timeout=float("inf"))
        self._lock = threading.Lock()
        self._listeners: dict[object, Callable[[bool], None]] = {}
        self._closed = threading.Event()
        self._prober: threading.Thread | None = None
        metrics.engine_well(role, name, well=True)

    @property
    def well(self) -> bool:
        """Whether calls should ask this engine."""
        return bool(self._breaker.current_state == pybreaker.STATE_CLOSED)

    def watch(self, key: object, listener: Callable[[bool], None]) -> None:
        """Tell `listener` of every change, on the thread that causes it, until `unwatch` with the same key."""
        with self._lock:
            self._listeners[key] = listener

    def unwatch(self, key: object) -> None:
        """End a watch."""
        with self._lock:
            self._listeners.pop(key, None)

    def worked(self) -> None:
        """The engine did what it was asked: failures before it do not count any more."""
        if self.well:
            self._breaker.call(_nothing)

    def failed(self) -> None:
        """The engine failed a call."""
        if not self.well:
            return
        try:
            self._breaker.call(_raise)
        except (pybreaker.CircuitBreakerError, ProbeFailed):
            self._look_after()

    def doubted(self) -> None:
        """The engine could not be reached as it was loaded: it has to answer a probe before calls ask it."""
        self._breaker.open()
        self._look_after()

    def close(self) -> None:
        """Stop probing; a probe that is under way is left behind."""
        self._closed.set()

    def _look_after(self) -> None:
        """If the breaker is open now, tell everybody and start to probe."""
        with self._lock:
            if self.well or self._prober is not None or self._closed.is_set():
                return
            self._prober = threading.Thread(target=self._watch_over, name=f"probe-{self.role}-{self.name}", daemon=True)
            prober = self._prober
        _LOG.warning("engine is not well, calls use the next one", extra={"role": self.role, "engine": self.name})
        self._tell(well=False)
        prober.start()

    def _watch_over(self) -> None:
        beats = 0
        while not self._closed.wait(self._probe_s if beats < EAGER_PROBES else self._probe_s * RARELY):
            beats += 1
            try:
                self._probe()
            except ProbeFailed:
                continue
            except Exception as error:  # noqa: BLE001 - a thread's root: an engine may raise anything while it is ill
                _LOG.warning("engine probe failed unexpectedly", extra={"error": type(error).__name__})
                continue
            break
        if self._closed.is_set():
            return
        with self._lock:
            self._breaker.close()
            self._prober = None
        _LOG.info("engine is well again", extra={"role": self.role, "engine": self.name, "probes": beats})
        self._tell(well=True)

    def _tell(self, *, well: bool) -> None:
        metrics.engine_well(self.role, self.name, well=well)
        with self._lock:
            listeners = tuple(self._listeners.values())
        for listener in listeners:
            listener(well)


def _nothing() -> None:
    """Succeed."""


def _raise() -> None:
    raise ProbeFailed
