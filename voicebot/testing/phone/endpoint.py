"""A SIP address with its socket: feeds dialogs with what arrives, sends what they want, and keeps their timers.

One thread reads. Whoever acts on a dialog does so under `changed`, a condition that is notified after every step, so
that callers may wait on it for the state they need. Notices are delivered under the same lock.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
import uuid
from collections.abc import Callable

from voicebot.testing.phone.dialog import ALLOWED, Dialog, LocalEnd
from voicebot.testing.phone.message import Address, MalformedMessage, Message, Request, StreamFraming, parse
from voicebot.testing.phone.notices import Notice
from voicebot.testing.phone.resend import Send

logger = logging.getLogger(__name__)

_DATAGRAM = 65_536
_LONGEST_WAIT_S = 0.5


def now_ms() -> int:
    """Return the clock of every phone in this process: ms, monotonic."""
    return time.monotonic_ns() // 1_000_000


def new_id() -> str:
    """Return a fresh tag, branch or Call-ID."""
    return uuid.uuid4().hex[:20]


class Endpoint:
    """Listens on `local_ip`:`port` (0: any free one) until `close`.

    `on_notice(dialog, notice)` learns what happens in dialogs; `on_invite(request, source)` may return a dialog for a
    call from outside, or None to refuse it with 486. Both run under `changed`.
    """

    def __init__(
        self,
        local_ip: str,
        port: int,
        transport: str,
        on_notice: Callable[[Dialog, Notice], None],
        on_invite: Callable[[Request, Address], Dialog | None],
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.malformed = 0
        self._on_notice = on_notice
        self._on_invite = on_invite
        self._dialogs: dict[str, Dialog] = {}
        self._streams: dict[Address, tuple[socket.socket, StreamFraming]] = {}
        self._transport = transport.upper()
        self._socket = _listen(local_ip, port, stream=self._transport == "TCP")
        self.address = Address(*self._socket.getsockname()[:2])
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="phone-sip", daemon=True)
        self._thread.start()

    def local_end(self, user: str) -> LocalEnd:
        """Return who `user` is at this address."""
        return LocalEnd(user, self.address, self._transport)

    def act(self, dialog: Dialog, action: Callable[[int], None]) -> None:
        """Run `action(now_ms)`, which does something to `dialog`, and carry out what follows from it."""
        with self.changed:
            self._dialogs[dialog.call_id] = dialog
            action(now_ms())
            self._drain(dialog)
        self._waker.send(b"\0")

    def close(self) -> None:
        """Stop the thread and close the sockets; calls that are still up are abandoned."""
        self._closing = True
        self._waker.send(b"\0")
        self._thread.join()
        for connection, _ in self._streams.values():
            connection.close()
        for each in (self._socket, self._waker, self._woken):
            each.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(self._wait_s()):
                if key.fileobj is self._woken:
                    self._woken.recv(_DATAGRAM)
                elif key.fileobj is not self._socket:
                    self._read_stream(key.data)
                elif self._transport == "TCP":
                    self._accept()
                else:
                    self._read_datagram()
            with self.changed:
                for dialog in list(self._dialogs.values()):
                    dialog.handle_timer(now_ms())
                    self._drain(dialog)

    def _wait_s(self) -> float:
        with self.changed:
            timers = [timer for dialog in self._dialogs.values() if (timer := dialog.next_timer()) is not None]
        return min(_LONGEST_WAIT_S, max(0.0, (min(timers, default=1 << 62) - now_ms()) / 1000))

    def _read_datagram(self) -> None:
        try:
            datagram, source = self._socket.recvfrom(_DATAGRAM)
        except OSError:  # an ICMP error of an earlier send; the dialog's timer tells the rest
            return
        if datagram.strip():
            self._take(datagram, Address(*source[:2]))

    def _accept(self) -> None:
        connection, source = self._socket.accept()
        self._add_stream(connection, Address(*source[:2]))

    def _add_stream(self, connection: socket.socket, peer: Address) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._streams[peer] = (connection, StreamFraming())
        self._selector.register(connection, selectors.EVENT_READ, peer)

    def _read_stream(self, peer: Address) -> None:
        connection, framing = self._streams[peer]
        try:
            received = connection.recv(_DATAGRAM)
            messages = framing.feed(received)
        except (OSError, MalformedMessage):
            received, messages = b"", []
        for message in messages:
            self._take(message, peer)
        if not received:
            self._selector.unregister(connection)
            connection.close()
            with self.changed:
                del self._streams[peer]

    def _take(self, wire: bytes, source: Address) -> None:
        with self.changed:
            try:
                self._dispatch(parse(wire), source)
            except ValueError:
                self.malformed += 1
                logger.warning("unreadable SIP message", extra={"peer": source.host, "bytes": len(wire)})

    def _dispatch(self, message: Message, source: Address) -> None:
        dialog = self._dialogs.get(message.call_id)
        if dialog is not None:
            dialog.receive(message, source, now_ms())
        elif isinstance(message, Request) and message.method == "INVITE":
            dialog = self._on_invite(message, source)
            if dialog is not None:
                self._dialogs[message.call_id] = dialog
            else:
                self._refuse(message, source, "486 Busy Here")
        elif isinstance(message, Request) and message.method == "OPTIONS":
            self._refuse(message, source, "200 OK")
        elif isinstance(message, Request) and message.method != "ACK":
            self._refuse(message, source, "481 Call/Transaction Does Not Exist")
        if dialog is not None:
            self._drain(dialog)

    def _refuse(self, request: Request, source: Address, status: str) -> None:
        echoed = [
            f"{name}: {value}"
            for name in ("Via", "From", "To", "Call-ID", "CSeq")
            for value in request.header_lines(name)
        ]
        lines = [f"SIP/2.0 {status}", *echoed, f"Allow: {ALLOWED}", "Content-Length: 0", "", ""]
        self._put("\r\n".join(lines).encode("utf-8", "surrogateescape"), source)

    def _drain(self, dialog: Dialog) -> None:
        while dialog.sends or dialog.notices:
            sends, dialog.sends = dialog.sends, []
            notices, dialog.notices = dialog.notices, []
            for send in sends:
                self._send(dialog, send)
            for notice in notices:
                self._on_notice(dialog, notice)
        self.changed.notify_all()

    def _send(self, dialog: Dialog, send: Send) -> None:
        reason = self._put(send.message.encode(), send.destination)
        if reason and isinstance(send.message, Request):
            dialog.not_sent(send.message, f"not sent from {self.address.host} to {send.destination.host}: {reason}")

    def _put(self, wire: bytes, destination: Address) -> str:
        """Send, and return why that was not possible; empty when it was."""
        try:
            if self._transport == "TCP":
                self._connected(destination).sendall(wire)
            else:
                self._socket.sendto(wire, destination)
        except OSError as error:
            logger.warning("SIP message not sent", extra={"peer": destination.host, "errno": error.errno})
            return error.strerror or str(error)
        return ""

    def _connected(self, peer: Address) -> socket.socket:
        if peer not in self._streams:
            self._add_stream(socket.create_connection(peer, timeout=2), peer)
        return self._streams[peer][0]


def _listen(local_ip: str, port: int, *, stream: bool) -> socket.socket:
    opened = socket.socket(
        socket.AF_INET6 if ":" in local_ip else socket.AF_INET,
        socket.SOCK_STREAM if stream else socket.SOCK_DGRAM,
    )
    try:
        if stream:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((local_ip, port))
        if stream:
            opened.listen()
    except OSError:
        opened.close()
        raise
    opened.setblocking(False)  # noqa: FBT003  the standard library takes it by position
    return opened
