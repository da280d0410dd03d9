"""One connection to a vosk-server: a segment of an utterance out, its text in.

The protocol: a configuration as JSON text, then PCM as binary messages, each answered by one JSON object: `partial`
for text that may change, or `text` and the words of `result` when the server found a pause. `{"eof" : 1}` asks for the
rest, which is the last answer; the server then closes the connection. So a connection serves one segment.
(https://github.com/alphacep/vosk-server, websocket/asr_server.py)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from voicebot.asr.protocol import SAMPLE_RATE, Word
from voicebot.asr.vosk_model import timed_word
from voicebot.media.frames import Pcm

_PIECE = SAMPLE_RATE // 10
"""Samples in one message: 100 ms, a round trip each."""
_EOF = '{"eof" : 1}'
"""Byte for byte as the servers compare it."""
_LARGEST_REPLY = 2**20


class GarbledReplyError(Exception):
    """The server answered with something that is not its protocol."""


class SegmentText(NamedTuple):
    """The text of a segment, and its words with their times in the utterance."""

    text: str
    words: tuple[Word, ...]


class Segment:
    """Sends the samples of an utterance from `start` on, as they come. Lives on one event loop."""

    def __init__(self, start: int, partial: Callable[[str], None]) -> None:
        self._sent = start
        self._start_ms = start * 1000 // SAMPLE_RATE
        self._partial = partial
        self._pcm: Pcm | None = None
        self._news = asyncio.Event()
        self._last = False
        self._awaited: int | None = None
        """Replies until the last one, known once everything is sent."""
        self._pieces = 0
        self._texts: list[str] = []
        self._words: list[Word] = []

    def push(self, pcm: Pcm, *, last: bool) -> None:
        """Send what of the whole utterance `pcm` is new. `last`: ask for the text of it."""
        self._pcm = pcm
        self._last = last
        self._news.set()

    async def run(self, url: str, connect_s: float, farewells: set[asyncio.Task[None]]) -> SegmentText:
        """Converse until the text asked for is there; the connection is closed by a task that is put into `farewells`.

        Raises OSError, websockets' WebSocketException, TimeoutError or GarbledReplyError.
        """
        socket = await connect(
            url,
            open_timeout=connect_s,
            close_timeout=connect_s,
            # Whether an answer is late is judged by the decode's own deadline.
            ping_interval=None,
            max_size=_LARGEST_REPLY,
            compression=None,
            # A recogniser is not on the other side of a web proxy.
            proxy=None,
        )
        reading = asyncio.create_task(self._read(socket))
        reading.add_done_callback(lambda _reading: self._news.set())
        try:
            with contextlib.suppress(ConnectionClosed):
                # The reader knows better why the connection ended.
                await self._write(socket, reading)
            text = await reading
        except BaseException:
            reading.cancel()
            # Closing politely would keep the failure from whoever waits.
            socket.transport.abort()
            raise
        farewell = asyncio.create_task(socket.close())
        farewells.add(farewell)
        farewell.add_done_callback(farewells.discard)
        return text

    async def _write(self, socket: ClientConnection, reading: asyncio.Task[SegmentText]) -> None:
        await socket.send(json.dumps({"config": {"sample_rate": SAMPLE_RATE, "words": 1}}))
        while True:
            await self._news.wait()
            self._news.clear()
            if reading.done():
                return
            pcm, last = self._pcm, self._last
            while pcm is not None and (len(pcm) - self._sent >= _PIECE or (last and self._sent < len(pcm))):
                piece = pcm[self._sent : self._sent + _PIECE]
                self._sent += len(piece)
                self._pieces += 1
                await socket.send(piece.astype("<i2", copy=False).tobytes())
            if last:
                self._awaited = self._pieces + 1
                await socket.send(_EOF)
                return

    async def _read(self, socket: ClientConnection) -> SegmentText:
        replies = 0
        while True:
            reply = _parsed(await socket.recv())
            replies += 1
            try:
                self._hear(reply)
            except (KeyError, TypeError, ValueError) as error:
                raise GarbledReplyError from error
            if replies == self._awaited:
                return SegmentText(" ".join(self._texts), tuple(self._words))

    def _hear(self, reply: dict[str, Any]) -> None:
        if "text" in reply:
            if reply["text"]:
                self._texts.append(str(reply["text"]))
            self._words += [timed_word(word, self._start_ms) for word in reply.get("result", ())]
        elif reply["partial"]:
            self._partial(" ".join((*self._texts, str(reply["partial"]))))


def _parsed(message: str | bytes) -> dict[str, Any]:
    try:
        reply = json.loads(message)
    except ValueError as error:
        raise GarbledReplyError from error
    if not isinstance(reply, dict):
        raise GarbledReplyError
    return reply
