"""The socket under an HTTP client, so that another thread can cut it.

Closing a response does not wake a thread that is blocked in recv; shutting its socket down does. The only public way
to the socket is the `trace` extension of the HTTP client, which reports each connection as it is made. So a client with
one connection gets one `Wire`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import httpx2


class Wire:
    """Follows the connection of one client. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._dead_on_arrival = False

    def lease(self) -> None:
        """Make the wire usable for a new exchange."""
        with self._lock:
            self._dead_on_arrival = False

    def cut(self) -> None:
        """Shut the connection down, or the one that is being made. Returns at once; the reader wakes with an error."""
        with self._lock:
            self._dead_on_arrival = True
            self._shut_down()

    def follow(self, request: httpx2.Request) -> None:
        """Watch the connection that carries a request: a hook for the client's `event_hooks`."""
        request.extensions["trace"] = self._traced

    def _traced(self, name: str, info: dict[str, Any]) -> None:
        if name not in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket")
            if self._dead_on_arrival:
                self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            # A socket that is closed already, or whose peer is gone, is as cut as can be. The plain class's method is
            # called because SSLSocket's own would take the TLS state away from under the reader.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
