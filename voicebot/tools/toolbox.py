"""Connectors written in Python: an entry `module:function` that takes JSON arguments and returns a JSON object.

A function cannot be stopped from outside. So the caller stops waiting at the deadline and the function runs to its end
on its thread; what it then did is logged as late, for its side effects are real.
"""

from __future__ import annotations

import importlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from voicebot.core.commands import CallTool
from voicebot.core.events import Category, ToolFailed, ToolReturned
from voicebot.dialplan.policy import Policy, SecretMissingError, resolve
from voicebot.tools.protocol import ToolResult

MAX_RUNNING: Final = 16
"""Calls at a time, late ones included. A further one fails as unavailable at once: nobody waits in a hidden queue."""
MAX_RESULT_BYTES: Final = 64 * 1024

_LOG = logging.getLogger(__name__)


class ConnectorError(Exception):
    """A connector says what went wrong. `permanent`: another attempt would fail the same way."""

    def __init__(self, category: Category, *, permanent: bool, detail: str = "") -> None:
        super().__init__(detail)
        self.category = category
        self.permanent = permanent


class ConnectorMissing(Exception):
    """An entry names no function that can be called."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a connector is told besides its arguments."""

    settings: Mapping[str, str]
    """Those of the dialplan, secrets resolved."""
    key: str
    """Idempotency key: the same for each attempt of one call."""
    seconds_left: float


Function = Callable[[Mapping[str, object], ToolContext], Mapping[str, object]]


class PythonToolbox:
    """A Toolbox of Python functions on a bounded pool of threads."""

    def __init__(self, policy: Policy) -> None:
        """Import the entry of every connector of a dialplan. Raises ConnectorMissing."""
        self._connectors = policy.dialplan.connectors
        self._functions = {name: function_of(connector.entry) for name, connector in self._connectors.items()}
        self._pool = ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="connector")
        self._free = threading.BoundedSemaphore(MAX_RUNNING)

    def start(self, request: CallTool, seconds_left: float, post: Callable[[ToolResult], None]) -> PythonToolRun:
        """Begin one attempt and return at once. Exactly one result is posted, a TIMEOUT one after `seconds_left`."""
        run = PythonToolRun(request.call, request.name, post)
        function = self._functions.get(request.name)
        if function is None:
            run.finish(ToolFailed(request.call, Category.REJECTED, permanent=True))
        elif not self._free.acquire(blocking=False):
            _LOG.warning("connector refused, all threads are busy", extra={"connector": request.name})
            run.finish(ToolFailed(request.call, Category.UNAVAILABLE, permanent=False))
        else:
            run.limit(seconds_left)
            future = self._pool.submit(self._call, function, request, seconds_left)
            future.add_done_callback(lambda done: self._done(run, done))
        return run

    def close(self) -> None:
        """Take no more calls. Functions that still run finish on their threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _call(self, function: Function, request: CallTool, seconds_left: float) -> ToolResult:
        try:
            arguments = json.loads(request.arguments)
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            return ToolFailed(request.call, Category.REJECTED, permanent=True)
        try:
            named = self._connectors[request.name].settings
            settings = {name: resolve(value) for name, value in named.items()}
            result = function(arguments, ToolContext(settings, request.key, seconds_left))
            text = json.dumps(dict(result), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        except SecretMissingError as error:
            _LOG.error("connector lacks a secret", extra={"connector": request.name, "variable": error.name})
            return ToolFailed(request.call, Category.INTERNAL, permanent=True)
        except ConnectorError as error:
            return ToolFailed(request.call, error.category, error.permanent)
        if len(text.encode()) > MAX_RESULT_BYTES:
            return ToolFailed(request.call, Category.GARBAGE, permanent=True)
        return ToolReturned(request.call, text)

    def _done(self, run: PythonToolRun, done: Future[ToolResult]) -> None:
        self._free.release()
        error = None if done.cancelled() else done.exception()
        if done.cancelled():
            run.finish(ToolFailed(run.call, Category.UNAVAILABLE, permanent=False))
        elif error is not None:
            # The message may hold a caller's words; the type and the place say enough to find it.
            _LOG.error("connector raised", extra={"connector": run.name, "error": type(error).__name__})
            run.finish(ToolFailed(run.call, Category.INTERNAL, permanent=True))
        else:
            run.finish(done.result())


class PythonToolRun:
    """A connector call under way. It posts once; what comes after that is logged as late."""

    def __init__(self, call: int, name: str, post: Callable[[ToolResult], None]) -> None:
        self.call = call
        self.name = name
        self._post = post
        self._lock = threading.Lock()
        self._over = False
        self._timer: threading.Timer | None = None
        self._began = time.monotonic()

    def limit(self, seconds: float) -> None:
        """Post a TIMEOUT after this time unless there is a result before."""
        failure = ToolFailed(self.call, Category.TIMEOUT, permanent=False)
        self._timer = threading.Timer(max(0.0, seconds), self.finish, (failure,))
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Change nothing: a function runs to its end, and its outcome is reported or the time-out is."""

    def finish(self, result: ToolResult) -> None:
        """Post the first result; note a later one."""
        with self._lock:
            late, self._over = self._over, True
        if late:
            self._note_late(result)
            return
        if self._timer is not None:
            self._timer.cancel()
        self._post(result)

    def _note_late(self, result: ToolResult) -> None:
        outcome = "returned" if isinstance(result, ToolReturned) else str(result.category)
        if outcome != Category.TIMEOUT:
            took_ms = round((time.monotonic() - self._began) * 1000)
            _LOG.warning("connector late", extra={"connector": self.name, "outcome": outcome, "took_ms": took_ms})


def function_of(entry: str) -> Function:
    """Import `module:function`. Raises ConnectorMissing."""
    module_name, _, name = entry.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except ImportError as error:
        raise ConnectorMissing(f"{entry}: cannot import {error.name} (install it or correct the entry)") from error
    if not callable(found):
        raise ConnectorMissing(f"{entry}: there is no such function (correct the entry)")
    function: Function = found
    return function
