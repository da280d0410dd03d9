"""A vosk-server on loopback that hears what it is told to, with faults on demand."""

from __future__ import annotations

import asyncio
import json
import threading
from enum import Enum
from http import HTTPStatus
from types import TracebackType
from typing import Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

EOF = '{"eof" : 1}'


class Fault(Enum):
    """What the server does wrong."""

    NONE = "none"
    REFUSE = "refuse"
    """503 in place of the WebSocket."""
    UNAUTHORISED = "unauthorised"
    RESET = "reset"
    """The connection is gone when the text is asked for."""
    EARLY_RESET = "early reset"
    """The connection is gone with the first audio."""
    STALL = "stall"
    """Nothing is answered, ever."""
    GARBAGE = "garbage"
    """The answer is no JSON."""
    WRONG = "wrong"
    """The answer is JSON, and not of this protocol."""


class VoskServer:
    """Speaks the protocol of vosk-server on a port of its own choosing, until the `with` block ends.

    Each message of audio is answered with the words so far, one more each 100 ms; the end with all of `transcript`.
    `heard` has the bytes of audio of each connection.
    """

    def __init__(self, transcript: str = "some words") -> None:
        self.fault = Fault.NONE
        self.heard: list[int] = []
        self.configs: list[dict[str, object]] = []
        self.url = ""
        self._words = transcript.split()
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="vosk-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with serve(
            self._hear, "127.0.0.1", 0, process_request=self._admit, compression=None, close_timeout=0.1
        ) as server:
            self.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            self._started.set()
            await self._stop.wait()

    def _admit(self, _connection: ServerConnection, _request: Request) -> Response | None:
        match self.fault:
            case Fault.REFUSE:
                status = HTTPStatus.SERVICE_UNAVAILABLE
            case Fault.UNAUTHORISED:
                status = HTTPStatus.UNAUTHORIZED
            case _:
                return None
        return Response(status.value, status.phrase, Headers())

    async def _hear(self, connection: ServerConnection) -> None:
        number = len(self.heard)
        self.heard.append(0)
        try:
            async for message in connection:
                if isinstance(message, str) and "config" in message:
                    self.configs.append(json.loads(message)["config"])
                elif self.fault is not Fault.STALL:
                    self.heard[number] += len(message) if isinstance(message, bytes) else 0
                    await self._reply(connection, message, self.heard[number])
                    if message == EOF:
                        return
        except ConnectionClosed:
            return

    async def _reply(self, connection: ServerConnection, message: str | bytes, heard: int) -> None:
        ending = message == EOF
        if self.fault is Fault.EARLY_RESET or (ending and self.fault is Fault.RESET):
            connection.transport.abort()
        elif ending and self.fault is Fault.GARBAGE:
            await connection.send("<html>")
        elif ending and self.fault is Fault.WRONG:
            await connection.send('{"result": 7}')
        elif not ending:
            await connection.send(json.dumps({"partial": " ".join(self._words[: heard // 3_200])}))
        elif heard:
            words = [{"word": word, "conf": 0.75, "start": 0.0, "end": 0.1} for word in self._words]
            await connection.send(json.dumps({"text": " ".join(self._words), "result": words}))
        else:
            await connection.send(json.dumps({"text": ""}))
