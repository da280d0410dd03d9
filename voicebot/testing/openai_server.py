"""A deterministic server on loopback that speaks the OpenAI dialect: transcriptions, chat completions, speech.

It exists so that every remote adapter is tested over a real socket, with the faults that real services have. Nothing
in it is random and nothing is timed unless a delay is asked for. What it saw is in `requests`; what it answers, and
how it misbehaves, may be changed while it runs, from any thread.

    with OpenAiServer(replies=[Reply("We open at nine.")]) as server:
        client = openai.OpenAI(base_url=server.url, api_key="x")
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import numpy as np

SPEECH_RATE = 24_000
"""Hz, of the int16 mono samples that /v1/audio/speech sends."""
SPEECH_CHUNK_MS = 100
"""Audio in one HTTP chunk of /v1/audio/speech."""
PARTS_BEFORE_FAULT = 3
"""Tokens or audio chunks that are sent before MIDSTALL and MIDRESET strike."""


class Service(StrEnum):
    """The three services."""

    ASR = "asr"
    CHAT = "chat"
    SPEECH = "speech"


class Fault(StrEnum):
    """How a service misbehaves."""

    NONE = "none"
    STALL = "stall"
    """The request is read and never answered."""
    ERR500 = "err500"
    ERR429 = "err429"
    RESET = "reset"
    GARBAGE = "garbage"
    """A 200 whose body is not what the dialect promises."""
    MIDSTALL = "midstall"
    MIDRESET = "midreset"


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A tool call in a scripted reply. `arguments` is JSON text; it is sent in two pieces, as real servers do."""

    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted chat completion. `tokens` overrides the split of `text` at spaces."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    tokens: tuple[str, ...] = ()
    finish_reason: str = ""
    usage: tuple[int, int, int] | None = None
    """Tokens read, read from the cache, written; reported when the request asks for it."""

    def pieces(self) -> tuple[str, ...]:
        """Return the content deltas, in order."""
        if self.tokens or not self.text:
            return self.tokens
        first, *rest = self.text.split(" ")
        return (first, *(f" {word}" for word in rest))


@dataclass(slots=True)
class Request:
    """One request as it arrived. Times are `time.monotonic()` in seconds, 0 when it has not happened."""

    service: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Which connection it came on, counted from 1."""
    arrived: float
    marks: dict[str, float] = field(default_factory=dict)
    """`first` (first part sent), `last` (last part sent), `cancelled` (the client went away before the end)."""
    fault: Fault = Fault.NONE
    """How it is answered: as was in force when it arrived."""
    parts: list[float] = field(default_factory=list)
    """When each streamed part (token, audio chunk) was written."""

    def json(self) -> dict[str, Any]:
        """Parse the body of a chat or speech request."""
        parsed = json.loads(self.body)
        if not isinstance(parsed, dict):
            raise TypeError("the request body is not a JSON object")
        return parsed


DEFAULT_REPLIES = (Reply("Sure, I can help you with that. Your order left the warehouse on Monday."),)


class OpenAiServer:
    """The server. Use as a context manager; `url` ends in `/v1`.

    `replies` are given out in order and the last one repeats. `delays` maps a service to the seconds it waits before
    its first part. `token_gap` is the wait between two tokens in seconds.
    """

    def __init__(
        self,
        *,
        replies: Sequence[Reply] = DEFAULT_REPLIES,
        transcript: str = "when does my order arrive",
        speech_ms: int = 600,
        token_gap: float = 0.0,
        delays: dict[Service, float] | None = None,
    ) -> None:
        self.replies = list(replies)
        self.transcript = transcript
        self.speech_ms = speech_ms
        self.token_gap = token_gap
        self.delays = dict(delays or {})
        self.requests: list[Request] = []
        self.connections = 0
        self._faults = dict.fromkeys(Service, Fault.NONE)
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="openai-server", daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def url(self) -> str:
        """Base URL for a client, as in OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    def fault(self, service: Service, fault: Fault) -> None:
        """Let `service` misbehave from its next request on; a running one is not changed."""
        self._faults[service] = fault

    def seen(self, service: Service) -> list[Request]:
        """Return the requests that `service` has got so far."""
        return [request for request in self.requests if request.service == service]

    def await_mark(self, service: Service, mark: str, *, count: int = 1, timeout: float = 10.0) -> bool:
        """Wait until `count` requests of `service` carry `mark` (`arrived` counts too). False after `timeout` s."""

        def reached() -> bool:
            marked = [r for r in self.seen(service) if mark == "arrived" or mark in r.marks]
            return len(marked) >= count

        with self._news:
            return self._news.wait_for(reached, timeout)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        open_conversations = asyncio.all_tasks() - {asyncio.current_task()}
        for conversation in open_conversations:
            conversation.cancel()
        await asyncio.gather(*open_conversations, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        try:
            while (request := await _read_request(reader, connection)) is not None:
                if request.service in set(Service):
                    request.fault = self._faults[Service(request.service)]
                with self._news:
                    self.requests.append(request)
                    self._news.notify_all()
                if not await self._answer_or_notice_departure(request, reader, writer):
                    return
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            # The root of this conversation: a client may leave in mid-request, and asyncio would print a cancellation
            # that passed it as an error.
            return
        finally:
            writer.close()

    async def _answer_or_notice_departure(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer; a client that closes its connection meanwhile ends the answer and is marked as `cancelled`."""
        answer = asyncio.ensure_future(self._answer(request, writer))
        departure = asyncio.ensure_future(_departure(reader))
        try:
            await asyncio.wait({answer, departure}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                self._mark(request, "cancelled")
                return False
            return answer.result()
        except ConnectionError:
            self._mark(request, "cancelled")
            return False
        finally:
            for part in (answer, departure):
                part.cancel()
            await asyncio.gather(answer, departure, return_exceptions=True)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Send the response; True when the connection may be used again."""
        if request.service not in set(Service):
            await _send_whole(writer, 200 if request.path.endswith("/models") else 404, b'{"object":"list","data":[]}')
            return True
        service = Service(request.service)
        fault = request.fault
        await asyncio.sleep(self.delays.get(service, 0.0))
        if fault is Fault.STALL:
            await asyncio.Event().wait()
        if fault is Fault.RESET:
            _reset(writer)
            return False
        if fault in {Fault.ERR500, Fault.ERR429}:
            await _send_whole(writer, int(fault[3:]), b'{"error":{"message":"scripted","type":"server_error"}}')
            return True
        if service is Service.ASR:
            body = b"<html>" if fault is Fault.GARBAGE else json.dumps({"text": self.transcript}).encode()
            await _send_whole(writer, 200, body)
            self._mark(request, "last")
            return True
        if service is Service.CHAT:
            return await self._stream(request, writer, "text/event-stream", self._chat_parts(request, fault), fault)
        parts = iter([b"<html>"]) if fault is Fault.GARBAGE else tone_parts(self.speech_ms)
        kind = "text/html" if fault is Fault.GARBAGE else "audio/pcm"
        return await self._stream(request, writer, kind, parts, fault)

    def _chat_parts(self, request: Request, fault: Fault) -> Iterator[bytes]:
        number = len(self.seen(Service.CHAT)) - 1
        reply = self.replies[min(number, len(self.replies) - 1)]
        if fault is Fault.GARBAGE:
            return iter([b"data: {not json\n\n"])
        body = request.json()
        wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        return chat_parts(reply, str(body.get("model", "scripted")), wants_usage=wants_usage)

    async def _stream(
        self, request: Request, writer: asyncio.StreamWriter, kind: str, parts: Iterable[bytes], fault: Fault
    ) -> bool:
        writer.write(_head(200, kind, "Transfer-Encoding: chunked"))
        for index, part in enumerate(parts):
            if index == PARTS_BEFORE_FAULT and fault is Fault.MIDRESET:
                _reset(writer)
                return False
            if index == PARTS_BEFORE_FAULT and fault is Fault.MIDSTALL:
                self._mark(request, "stalled")
                await asyncio.Event().wait()
            if index and self.token_gap:
                await asyncio.sleep(self.token_gap)
            writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await writer.drain()
            request.parts.append(time.monotonic())
            if index == 0:
                self._mark(request, "first")
        self._mark(request, "last")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _mark(self, request: Request, mark: str) -> None:
        with self._news:
            request.marks[mark] = time.monotonic()
            self._news.notify_all()


def chat_parts(reply: Reply, model: str, *, wants_usage: bool = False) -> Iterator[bytes]:
    """Yield the server-sent events of one streamed chat completion, each whole."""

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"

    for piece in reply.pieces():
        yield event({"role": "assistant", "content": piece})
    for index, call in enumerate(reply.calls):
        head, tail = call.arguments[:2], call.arguments[2:]
        named = {"index": index, "id": f"call_{index}", "type": "function"}
        yield event({"tool_calls": [{**named, "function": {"name": call.name, "arguments": head}}]})
        if tail:
            yield event({"tool_calls": [{"index": index, "function": {"arguments": tail}}]})
    yield event({}, reply.finish_reason or ("tool_calls" if reply.calls else "stop"))
    if reply.usage is not None and wants_usage:
        read, cached, written = reply.usage
        usage = {
            "prompt_tokens": read,
            "completion_tokens": written,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": []}
        yield b"data: " + json.dumps({**chunk, "usage": usage}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def tone_parts(length_ms: int) -> Iterator[bytes]:
    """Yield a 440 Hz tone at -12 dBFS as int16 mono at 24 kHz, in pieces of 100 ms."""
    samples = np.arange(SPEECH_RATE * length_ms // 1000)
    wave = 8_192 * np.sin(2 * math.pi * 440 / SPEECH_RATE * samples)
    pcm = wave.astype("<i2").tobytes()
    step = SPEECH_RATE * SPEECH_CHUNK_MS // 1000 * 2
    for start in range(0, len(pcm), step):
        yield pcm[start : start + step]


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Request | None:
    """Read one HTTP/1.1 request with a Content-Length or a chunked body (RFC 9112); None at the end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    path = first.split(" ")[1]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
    arrived = time.monotonic()
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunked(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    endings = {"/audio/transcriptions": Service.ASR, "/chat/completions": Service.CHAT, "/audio/speech": Service.SPEECH}
    service = next((str(service) for ending, service in endings.items() if path.endswith(ending)), "other")
    return Request(service, path, headers, body, connection, arrived)


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


async def _departure(reader: asyncio.StreamReader) -> None:
    """Return when the client has closed. Polled: a read would steal the first byte of the next request."""
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110 - there is no event for its end
        await asyncio.sleep(0.005)


async def _send_whole(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    writer.write(_head(status, "application/json", f"Content-Length: {len(body)}") + body)
    await writer.drain()


def _head(status: int, kind: str, framing: str) -> bytes:
    return f"HTTP/1.1 {status} Scripted\r\nContent-Type: {kind}\r\n{framing}\r\n\r\n".encode()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Abort with RST: linger on, zero seconds."""
    transport = writer.transport
    raw: socket.socket | None = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
