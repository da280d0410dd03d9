"""Keeps strangers out of a leg's RTP.

pjmedia follows whoever sends ten packets in a row, and pjsua2 has no switch for that. A UDP socket that is connected
takes packets from its peer only: the kernel drops the rest before the library sees them. So the socket is connected to
the signalled address; a caller who sends from another port of that host, or who sits behind a NAT and signals a private
address, is let in by the first packet (symmetric RTP, RFC 4961) and kept to it from then on.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import stat
from enum import Enum, auto
from pathlib import Path

_GRACE_MS = 2_000
"""How long a caller may stay mute before the signalled port is doubted."""

_NOBODY = bytes(16)
"""A sockaddr of family AF_UNSPEC: connecting to it dissolves a connection (connect(2)). Python cannot spell it."""

Address = tuple[str, int]


def parse_address(text: str) -> Address | None:
    """Split `host:port` or `[host]:port`; None when it names no usable peer."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        unspecified = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return None
    return (host, int(port)) if port.isdigit() and int(port) and not unspecified else None


def is_behind_nat(media_host: str, signalling_host: str) -> bool:
    """A private media address in an INVITE that came from a public one cannot be where the RTP comes from."""
    media = ipaddress.ip_address(media_host)
    return media.is_private and not ipaddress.ip_address(signalling_host).is_private


def _own_udp_socket(local_port: int) -> socket.socket | None:
    """Borrow the library's socket that is bound to a port: a duplicate, to be closed by the caller."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are wanted, and one of them vanishes while listing
        try:
            if not stat.S_ISSOCK(Path("/proc/self/fd", name).stat().st_mode):
                continue
            borrowed = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        is_udp = borrowed.family in (socket.AF_INET, socket.AF_INET6) and borrowed.type == socket.SOCK_DGRAM
        if is_udp and borrowed.getsockname()[1] == local_port:
            return borrowed
        borrowed.close()
    return None


def restrict(local_port: int, peer: Address | None) -> bool:
    """Let the UDP socket on `local_port` hear only `peer`, or everybody when None. False when that cannot be done.

    The socket must have been bound to that very port: one bound to port 0 loses its port when it is opened again.
    """
    borrowed = _own_udp_socket(local_port)
    if borrowed is None:
        return False
    with borrowed:
        if peer is None:
            return int(ctypes.CDLL(None).connect(borrowed.fileno(), _NOBODY, len(_NOBODY))) == 0
        try:
            borrowed.connect(peer)
        except OSError:
            return False
    return True


class _Stage(Enum):
    UNKNOWN = auto()
    SIGNALLED = auto()
    OPEN = auto()
    SETTLED = auto()


class MediaSource:
    """Decides whose RTP a leg hears. Used on the SIP thread only; all times are monotonic ms."""

    def __init__(self, signalling_host: str) -> None:
        self._signalling_host = signalling_host
        self._stage = _Stage.UNKNOWN
        self._signalled: Address | None = None
        self._local_port = 0
        self._since_ms = 0

    def signalled(self, local_port: int, peer: Address | None, now_ms: int) -> None:
        """Take the addresses of a finished offer and answer. A repeated one changes nothing."""
        if peer is None or (peer, local_port) == (self._signalled, self._local_port):
            return
        self._signalled, self._local_port, self._since_ms = peer, local_port, now_ms
        if is_behind_nat(peer[0], self._signalling_host):
            restrict(local_port, None)
            self._stage = _Stage.OPEN
        else:
            restrict(local_port, peer)
            self._stage = _Stage.SIGNALLED

    def observe(self, packets: int, seen: Address | None, now_ms: int) -> None:
        """Take the number of packets heard since the start of the stream, and where the last one came from."""
        if self._signalled is None or self._stage in (_Stage.UNKNOWN, _Stage.SETTLED):
            return
        if self._stage is _Stage.SIGNALLED:
            if packets:
                self._stage = _Stage.SETTLED
            elif now_ms - self._since_ms >= _GRACE_MS:
                restrict(self._local_port, None)
                self._stage = _Stage.OPEN
        elif seen is not None:
            expected = seen[0] == self._signalled[0] or is_behind_nat(self._signalled[0], self._signalling_host)
            restrict(self._local_port, seen if expected else self._signalled)
            self._stage = _Stage.SETTLED
