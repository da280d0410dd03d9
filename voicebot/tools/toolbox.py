"""The connectors of one dialplan, whatever their kind, under one contract.

A call is checked, let through the connector's gate, and carried out on one thread of a bounded pool. The call waits for
one result: the outcome, or a TIMEOUT at the deadline. What comes of work that went on after that is posted too, because
its side effects are real.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from voicebot.core.commands import CallTool
from voicebot.core.events import Category, ToolFailed, ToolReturned
from voicebot.dialplan.connectors import ConnectorPart
from voicebot.dialplan.policy import Policy, SecretMissingError, resolve
from voicebot.remote.watchdog import Watchdog
from voicebot.tools.arguments import Checker
from voicebot.tools.contract import Arguments, ConnectorError, ConnectorMissing, Kind, ToolContext
from voicebot.tools.gate import Gate
from voicebot.tools.http import HttpConnector
from voicebot.tools.protocol import ToolResult
from voicebot.tools.python import Function, PythonConnector, function_of
from voicebot.tools.run import Run

if TYPE_CHECKING:
    from voicebot.tools import mcp

__all__ = [
    "MAX_RUNNING",
    "ConnectorError",
    "ConnectorMissing",
    "DialplanToolbox",
    "Function",
    "ToolContext",
    "function_of",
]

MAX_RUNNING: Final = 16
"""Calls at a time, late ones included. A further one fails as unavailable at once: nobody waits in a hidden queue."""
MAX_RESULT_BYTES: Final = 64 * 1024

_LOG = logging.getLogger(__name__)


class _Connector:
    """One connector with what stands before it."""

    def __init__(self, name: str, part: ConnectorPart, kind: Kind) -> None:
        self.name = name
        self.settings = part.settings
        self.kind = kind
        self.checker = Checker(part)
        self.gate = Gate(name, part)


class DialplanToolbox:
    """A Toolbox on a bounded pool of threads."""

    def __init__(self, policy: Policy) -> None:
        """Make every connector of a dialplan; sessions with MCP servers begin to open. Raises ConnectorMissing."""
        for library in ("httpx2", "httpcore2", "mcp"):  # below that they log URLs, which hold arguments
            logging.getLogger(library).setLevel(logging.WARNING)
        self._mcp = _Servers()
        self._watchdog = Watchdog("connector-watchdog")
        self._pool = ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="connector")
        self._free = threading.BoundedSemaphore(MAX_RUNNING)
        try:
            self._connectors = {
                name: _Connector(name, part, self._kind(part)) for name, part in policy.dialplan.connectors.items()
            }
        except ConnectorMissing:
            self._watchdog.close()
            raise

    def start(self, request: CallTool, seconds_left: float, post: Callable[[ToolResult], None]) -> Run:
        """Begin one attempt and return at once. A result is posted by `seconds_left`, a TIMEOUT one if need be."""
        run = Run(request.call, request.name, post, self._watchdog)
        connector = self._connectors.get(request.name)
        if connector is None:
            run.finish(ToolFailed(request.call, Category.REJECTED, permanent=True))
            return run
        try:
            arguments = connector.checker.read(request.arguments)
            self._enter(connector)
        except ConnectorError as error:
            _LOG.warning("connector not called", extra={"connector": request.name, "reason": str(error)})
            run.finish(ToolFailed(request.call, error.category, error.permanent))
            return run
        run.limit(seconds_left)
        future = self._pool.submit(self._call, connector, arguments, request, seconds_left, run)
        future.add_done_callback(lambda done: self._done(connector, run, done))
        return run

    def close(self) -> None:
        """Take no more calls and cut what can be cut. Functions that still run finish on their threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for connector in self._connectors.values():
            connector.kind.close()
        self._mcp.close()
        self._watchdog.close()

    def _kind(self, part: ConnectorPart) -> Kind:
        if part.http is not None:
            return HttpConnector(part.http)
        if part.mcp is not None:
            return self._mcp.connector(part)
        return PythonConnector(function_of(part.entry or ""))

    def _enter(self, connector: _Connector) -> None:
        """Take a place at the connector and in the pool. Raises ConnectorError."""
        refused = connector.gate.enter()
        if refused is Category.UNAVAILABLE:
            raise ConnectorError(Category.UNAVAILABLE, permanent=True, detail="it keeps failing and is left alone")
        if refused is not None:
            raise ConnectorError(Category.UNAVAILABLE, permanent=False, detail="too many calls at a time")
        if not self._free.acquire(blocking=False):
            connector.gate.leave()
            connector.gate.judge(None)
            raise ConnectorError(Category.UNAVAILABLE, permanent=False, detail="all threads are busy")

    def _call(
        self, connector: _Connector, arguments: Arguments, request: CallTool, seconds_left: float, run: Run
    ) -> ToolResult:
        try:
            settings = {name: resolve(value) for name, value in connector.settings.items()}
            result = connector.kind.call(arguments, ToolContext(settings, request.key, seconds_left), run)
            text = json.dumps(dict(result), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        except SecretMissingError as error:
            _LOG.error("connector lacks a secret", extra={"connector": request.name, "variable": error.name})
            return ToolFailed(request.call, Category.INTERNAL, permanent=True)
        except ConnectorError as error:
            _LOG.info("connector failed", extra={"connector": request.name, "reason": str(error)})
            return ToolFailed(request.call, error.category, error.permanent, error.retry_after_ms)
        if len(text.encode()) > MAX_RESULT_BYTES:
            return ToolFailed(request.call, Category.GARBAGE, permanent=True)
        return ToolReturned(request.call, text)

    def _done(self, connector: _Connector, run: Run, done: Future[ToolResult]) -> None:
        self._free.release()
        connector.gate.leave()
        error = None if done.cancelled() else done.exception()
        if done.cancelled():
            result: ToolResult = ToolFailed(run.call, Category.UNAVAILABLE, permanent=False)
        elif error is not None:
            # The message may hold a caller's words; the type and the place say enough to find it.
            _LOG.error("connector raised", extra={"connector": run.name, "error": type(error).__name__})
            result = ToolFailed(run.call, Category.INTERNAL, permanent=True)
        else:
            result = done.result()
        connector.gate.judge(_telling(result, run, cancelled=done.cancelled()))
        run.finish(result)


def _telling(result: ToolResult, run: Run, *, cancelled: bool) -> ToolResult | None:
    """Return what a result says of its service: nothing when it was stopped, a failure when its time was up."""
    if run.timed_out:
        return ToolFailed(run.call, Category.TIMEOUT, permanent=False)
    return None if cancelled or (run.stopped and isinstance(result, ToolFailed)) else result


class _Servers:
    """The MCP servers of a dialplan, each once; the client is imported only where there is one."""

    def __init__(self) -> None:
        self._loop: mcp.Loop | None = None
        self._servers: dict[str, mcp.Server] = {}

    def connector(self, part: ConnectorPart) -> Kind:
        from voicebot.tools import mcp  # noqa: PLC0415 - half a second that most dialplans need not wait

        if part.mcp is None:
            raise ConnectorMissing("a connector is one of 'entry', 'http' and 'mcp'")
        self._loop = self._loop or mcp.Loop()
        key = part.mcp.model_dump_json(exclude={"tool", "result"})
        if key not in self._servers:
            self._servers[key] = mcp.Server(part.mcp, self._loop)
            self._servers[key].warm_up()
        return mcp.McpConnector(part.mcp, self._servers[key])

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
        if self._loop is not None:
            self._loop.close()
