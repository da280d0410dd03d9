"""One connector call under way: its deadline, its cancellation, and the one result that the call waits for."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable

from voicebot.core.events import Category, ToolFailed, ToolReturned
from voicebot.remote.watchdog import Watchdog
from voicebot.tools.protocol import ToolResult

_LOG = logging.getLogger(__name__)

_keys = itertools.count(1)


class Run:
    """Posts the first result. A later one, of work that could not be stopped in time, is logged and posted too."""

    def __init__(self, call: int, name: str, post: Callable[[ToolResult], None], watchdog: Watchdog) -> None:
        self.call = call
        self.name = name
        self._post = post
        self._watchdog = watchdog
        self._key = next(_keys)
        self._lock = threading.Lock()
        self._over = False
        self._stopped = False
        self.timed_out = False
        self._cut: Callable[[], object] | None = None
        self._began = time.monotonic()

    def limit(self, seconds: float) -> None:
        """Post a TIMEOUT after this time unless there is a result before, and stop the work if that is possible."""
        self._watchdog.arm(self._key, max(0.0, seconds), self._expire)

    def cancel(self) -> None:
        """Stop the work if that is possible; what comes of it is posted either way."""
        with self._lock:
            self._stopped = True
            if self._cut is not None:
                self._cut()  # under the lock: after `on_cut` has returned nothing of before is cut any more

    def on_cut(self, cut: Callable[[], object]) -> None:
        """Have `cut` called when the work shall stop, at once if it shall already."""
        with self._lock:
            self._cut = cut
            if self._stopped:
                cut()

    @property
    def stopped(self) -> bool:
        """Whether the work was told to stop, by whomever."""
        with self._lock:
            return self._stopped

    def finish(self, result: ToolResult) -> None:
        """Post a result. That work fails once it was cut is no news."""
        with self._lock:
            late, self._over = self._over, True
            cut = self._stopped and self._cut is not None
        if not late:
            self._watchdog.disarm(self._key)
        elif cut and isinstance(result, ToolFailed):
            return
        else:
            self._note_late(result)
        self._post(result)

    def _expire(self) -> None:
        self.timed_out = True
        self.finish(ToolFailed(self.call, Category.TIMEOUT, permanent=False))
        self.cancel()

    def _note_late(self, result: ToolResult) -> None:
        outcome = "returned" if isinstance(result, ToolReturned) else str(result.category)
        took_ms = round((time.monotonic() - self._began) * 1000)
        _LOG.warning("connector late", extra={"connector": self.name, "outcome": outcome, "took_ms": took_ms})
