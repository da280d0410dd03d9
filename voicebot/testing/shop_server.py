"""A shop's HTTP service that can fail in every way, for connectors: a real server on loopback.

Each request takes the fault that is scheduled for it. What was done is counted by idempotency key and by what it was. A
path that begins with `/keyed` belongs to a service that knows such keys: the same key again does nothing.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

MAX_HEAD_BYTES = 64 * 1024


class Fault(StrEnum):
    """What goes wrong with a request."""

    NONE = "none"
    SLOW = "slow"
    """The answer waits for `release`, before its headers; the effect is there already."""
    STALLED_BODY = "stalled_body"
    """The body begins and then waits for `release`."""
    LOST_REPLY = "lost_reply"
    """The effect is there, and the connection is reset instead of an answer."""
    RESET = "reset"
    """The connection is reset before anything is done."""
    ERROR_500 = "500"
    LIMITED_429 = "429"
    """With `Retry-After: 1`."""
    GARBAGE = "garbage"
    """No HTTP at all."""
    NOT_JSON = "not_json"
    HUGE = "huge"
    """A body of 100 MB, or as much of it as is read."""
    MISSING_404 = "404"
    REDIRECT = "302"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.headers.get("idempotency-key", "")


class ShopServer:
    """Serves until it is closed. Thread-safe."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.effects: Counter[str] = Counter()
        """How often something was done, by idempotency key."""
        self.wishes: Counter[str] = Counter()
        """The same by what was done: method, path and body."""
        self.faults: deque[Fault] = deque()
        """For the coming requests, one each; then there are none."""
        self.slow_s = 60.0
        """How long a slow answer waits for its release."""
        self.release = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = False
        threading.Thread(target=self._accept, name="shop-server", daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Close every connection."""
        self._closing = True
        self.release.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            with contextlib.suppress(OSError):
                while (request := _read(connection)) is not None and self._answer(connection, request):
                    pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Answer one request; tell whether the connection can carry another."""
        with self._lock:
            self.requests.append(request)
            fault = self.faults.popleft() if self.faults else Fault.NONE
        if fault is Fault.RESET:
            return _reset(connection)
        if fault in {Fault.NONE, Fault.SLOW, Fault.STALLED_BODY, Fault.LOST_REPLY, Fault.GARBAGE, Fault.NOT_JSON}:
            self._do(request)
        order = {"eta": "Friday", "items": [1, 2]}
        answer = json.dumps({"status": "ok", "order": order, "path": request.path}).encode()
        match fault:
            case Fault.LOST_REPLY:
                return _reset(connection)
            case Fault.SLOW:
                self.release.wait(self.slow_s)
            case Fault.STALLED_BODY:
                connection.sendall(_head(200, len(answer)) + answer[:5])
                self.release.wait(self.slow_s)
                connection.sendall(answer[5:])
                return True
            case Fault.GARBAGE:
                connection.sendall(b"\x00\xff garbage\r\n\r\n")
                return False
            case Fault.HUGE:
                connection.sendall(_head(200, 100_000_000))
                for _ in range(1000):
                    connection.sendall(b" " * 100_000)
                return True
            case _:
                pass
        connection.sendall(_reply(fault, answer))
        return True

    def _do(self, request: Request) -> None:
        with self._lock:
            if request.path.startswith("/keyed") and self.effects[request.key]:
                return
            self.effects[request.key] += 1
            self.wishes[f"{request.method} {request.path} {request.body.decode()}"] += 1


def _reply(fault: Fault, answer: bytes) -> bytes:
    status, body, more = {
        Fault.ERROR_500: (500, b"", ""),
        Fault.LIMITED_429: (429, b"", "Retry-After: 1\r\n"),
        Fault.MISSING_404: (404, b"", ""),
        Fault.REDIRECT: (302, b"", "Location: http://127.0.0.1:9/\r\n"),
        Fault.NOT_JSON: (200, b"<html></h", ""),
        Fault.LIST: (200, b"[1, 2]", ""),
    }.get(fault, (200, answer, ""))
    return _head(status, len(body), more) + body


def _head(status: int, length: int, more: str = "") -> bytes:
    lines = f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n"
    return lines.encode()


def _reset(connection: socket.socket) -> bool:
    """Close with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _read(connection: socket.socket) -> Request | None:
    """Read one request; None when the peer is gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(MAX_HEAD_BYTES)
        if not more or len(data) > MAX_HEAD_BYTES:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        more = connection.recv(MAX_HEAD_BYTES)
        if not more:
            return None
        body += more
    method, path, _ = first.split(" ", 2)
    return Request(method, path, headers, body)


@contextmanager
def shop_server() -> Iterator[ShopServer]:
    """Serve for the length of a block."""
    server = ShopServer()
    try:
        yield server
    finally:
        server.close()
