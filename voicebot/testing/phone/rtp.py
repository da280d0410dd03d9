"""RTP packets (RFC 3550) and telephone events (RFC 4733)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SAMPLES_PER_FRAME = 160
"""20 ms at the 8 kHz clock of G.711 and of telephone-event."""
FRAME_MS = 20
KEYS = "0123456789*#ABCD"
"""Keys in the order of their event codes."""
_VERSION = 2
_FIXED_HEADER = 12
_VOLUME_DBM0 = 10
_END_REPEATS = 3


class MalformedPacket(ValueError):
    """The bytes are not an RTP packet or not a telephone event."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """`sequence` is of 16 bits, `timestamp` and `ssrc` of 32."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        """Return the bytes for the wire."""
        second = (self.marker << 7) | self.payload_type
        return struct.pack("!BBHII", _VERSION << 6, second, self.sequence, self.timestamp, self.ssrc) + self.payload

    @classmethod
    def parse(cls, datagram: bytes) -> RtpPacket:
        """Read a packet; contributing sources, extension and padding are skipped. Raises MalformedPacket."""
        if len(datagram) < _FIXED_HEADER or datagram[0] >> 6 != _VERSION:
            raise MalformedPacket("not RTP version 2")
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", datagram)
        start = _FIXED_HEADER + 4 * (first & 0x0F)
        if first & 0x10:
            if len(datagram) < start + 4:
                raise MalformedPacket("the extension is cut off")
            start += 4 + 4 * int(struct.unpack_from("!H", datagram, start + 2)[0])
        end = len(datagram) - (datagram[-1] if first & 0x20 else 0)
        if start > end:
            raise MalformedPacket("the payload is cut off")
        return cls(second & 0x7F, sequence, timestamp, ssrc, datagram[start:end], marker=bool(second & 0x80))


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """One report of a key press. `duration` is in samples of 8 kHz since the key went down."""

    key: str
    ended: bool
    duration: int

    def encode(self) -> bytes:
        """Return the four octets of RFC 4733 section 2.3."""
        return struct.pack("!BBH", KEYS.index(self.key), (self.ended << 7) | _VOLUME_DBM0, self.duration)

    @classmethod
    def parse(cls, payload: bytes) -> TelephoneEvent:
        """Read the first event of a payload. Raises MalformedPacket."""
        if len(payload) < struct.calcsize("!BBH") or payload[0] >= len(KEYS):
            raise MalformedPacket("not a key press")
        code, flags, duration = struct.unpack_from("!BBH", payload)
        return cls(KEYS[code], bool(flags & 0x80), duration)


def key_press(key: str, pressed_ms: int = 100) -> Iterator[list[TelephoneEvent]]:
    """Yield what to send in each frame of a key press: one report a frame, three with the last (RFC 4733 2.5.1)."""
    frames = max(1, pressed_ms // FRAME_MS)
    for frame in range(1, frames + 1):
        duration = frame * SAMPLES_PER_FRAME
        if frame < frames:
            yield [TelephoneEvent(key, ended=False, duration=duration)]
        else:
            yield [TelephoneEvent(key, ended=True, duration=duration)] * _END_REPEATS
