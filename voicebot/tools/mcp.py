"""Connectors that are tools of an MCP server: a program on stdio, or a URL that speaks streamable HTTP.

The official client is asyncio; it lives on a loop in a thread of its own. One session a server is kept open, because
starting one takes longer than a caller likes to wait; a session that has died is replaced by the next call.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import anyio
import httpx2
import mcp
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult, RequestParamsMeta, TextContent

from voicebot.core.events import Category
from voicebot.dialplan.connectors import McpPart
from voicebot.dialplan.policy import resolve
from voicebot.tools.contract import Arguments, ConnectorError, Cuttable, Result, ToolContext
from voicebot.tools.shaping import Shape

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

CLOSE_S: Final = 5.0
"""How long sessions may take to end."""

_BROKEN: Final = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream, httpx2.HTTPError, OSError)
"""What a session that has died raises."""


class Loop:
    """An asyncio loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mcp", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin some work from any thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Stop the loop, and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Server:
    """One MCP server and the session with it. Its coroutines run on the loop."""

    def __init__(self, part: McpPart, loop: Loop) -> None:
        self._part = part
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._session: asyncio.Future[mcp.ClientSession] | None = None
        self._leave: asyncio.Event | None = None

    def warm_up(self) -> None:
        """Open the session without waiting for it."""
        self._loop.submit(self._opened())

    def begin(self, tool: str, arguments: Arguments, context: ToolContext) -> Future[CallToolResult]:
        """Call a tool. The future can be cancelled."""
        return self._loop.submit(self._call(tool, arguments, context))

    def close(self) -> None:
        """End the session, and a program with it."""
        try:
            self._loop.submit(self._closed()).result(CLOSE_S)
        except FutureTimeout:
            _LOG.warning("MCP session did not end in time")

    async def _call(self, tool: str, arguments: Arguments, context: ToolContext) -> CallToolResult:
        session = await self._opened()
        try:
            return await session.call_tool(
                tool,
                dict(arguments),
                read_timeout_seconds=context.seconds_left,
                meta=cast("RequestParamsMeta", {"idempotencyKey": context.key}),
            )
        except _BROKEN:
            self._drop()
            raise
        except MCPError as error:
            if error.error.code == CONNECTION_CLOSED:
                self._drop()
            raise

    async def _opened(self) -> mcp.ClientSession:
        """Return the session, a new one if there is none or it has died."""
        if self._task is None or self._task.done() or self._session is None:
            self._session = asyncio.get_running_loop().create_future()
            self._leave = asyncio.Event()
            self._task = asyncio.create_task(self._keep(self._session, self._leave))
        return await asyncio.shield(self._session)

    def _drop(self) -> None:
        """Let the session go; the next call opens another."""
        if self._leave is not None:
            self._leave.set()
        self._task = self._session = None

    async def _keep(self, ready: asyncio.Future[mcp.ClientSession], leave: asyncio.Event) -> None:
        """Hold a session open: the library wants it closed by the coroutine that opened it."""
        try:
            async with self._connected() as session:
                await session.initialize()
                ready.set_result(session)
                await leave.wait()
        except Exception as error:  # noqa: BLE001 - a task's root: whatever it was, the calls that wait get it
            _LOG.warning("MCP session ended", extra={"error": type(error).__name__})
            if not ready.done():
                ready.set_exception(_as_error(error))
                ready.exception()  # nobody may be waiting

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[mcp.ClientSession]:
        part = self._part
        if part.command:
            env = {name: resolve(value) for name, value in part.env.items()}
            args = [resolve(value) for value in part.args]
            program = StdioServerParameters(command=resolve(part.command), args=args, env=env)
            with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: ASYNC230, PTH123 - it takes no time
                async with stdio_client(program, nowhere) as streams, mcp.ClientSession(*streams) as session:
                    yield session
            return
        headers = {name: resolve(value) for name, value in part.headers.items()}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(None, connect=2.0), trust_env=False) as client,
            streamable_http_client(resolve(part.url), http_client=client) as streams,
            mcp.ClientSession(*streams) as session,
        ):
            yield session

    async def _closed(self) -> None:
        if self._leave is not None:
            self._leave.set()
        if self._task is not None:
            _, pending = await asyncio.wait({self._task}, timeout=CLOSE_S / 2)
            for task in pending:
                task.cancel()


class McpConnector:
    """One tool of a server."""

    def __init__(self, part: McpPart, server: Server) -> None:
        self._tool = part.tool
        self._shape = Shape(part.result)
        self._server = server

    def call(self, arguments: Arguments, context: ToolContext, run: Cuttable) -> Result:
        """Call the tool and shape what it gives. Raises ConnectorError and SecretMissingError."""
        future = self._server.begin(self._tool, arguments, context)
        run.on_cut(future.cancel)
        try:
            result = future.result(context.seconds_left)
        except (CancelledError, FutureTimeout, TimeoutError) as error:
            future.cancel()
            raise ConnectorError(Category.TIMEOUT, permanent=False, detail="no answer in time") from error
        except (MCPError, *_BROKEN) as error:
            raise _as_error(error) from error
        if result.is_error:
            raise ConnectorError(Category.REJECTED, permanent=True, detail="the tool says that it failed")
        return self._shape.of(_answer(result))

    def close(self) -> None:
        """The server is closed by whoever made it."""


def _answer(result: CallToolResult) -> object:
    """Return what is structured, else the first text, as JSON if it is that."""
    if result.structured_content is not None:
        return result.structured_content
    text = next((block.text for block in result.content if isinstance(block, TextContent)), "{}")
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}


def _as_error(error: Exception) -> Exception:
    """Return what failed in the words of connectors. Errors of a group of tasks count as their first."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    match error:
        case MCPError() if error.error.code == REQUEST_TIMEOUT:
            return ConnectorError(Category.TIMEOUT, permanent=False, detail="no answer in time")
        case MCPError() if error.error.code == CONNECTION_CLOSED:
            return ConnectorError(Category.UNAVAILABLE, permanent=False, detail="the session has ended")
        case MCPError():
            return ConnectorError(Category.REJECTED, permanent=True, detail=f"error {error.error.code}")
        case _ if isinstance(error, _BROKEN):
            return ConnectorError(Category.UNAVAILABLE, permanent=False, detail=type(error).__name__)
        case _:
            return error
