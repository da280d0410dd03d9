"""Retransmission (RFC 3261 section 17): timers A and E, B and F, G and H in one schedule."""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.testing.phone.message import Address, Message

T1_MS = 500
"""Round-trip estimate."""
T2_MS = 4000
"""Longest interval between retransmissions of anything but an INVITE."""
LIFETIME_MS = 64 * T1_MS
"""How long a transaction waits for its answer."""


@dataclass(frozen=True, slots=True)
class Send:
    """A message to be put on the wire."""

    message: Message
    destination: Address


@dataclass(slots=True)
class _Repeat:
    send: Send
    interval_ms: int
    longest_ms: int
    due_ms: int | None
    expires_ms: int


class ResendSchedule:
    """What must be sent again, and when to give up. `reliable` transports only ever give up."""

    def __init__(self, *, reliable: bool) -> None:
        self._reliable = reliable
        self._repeats: dict[str, _Repeat] = {}

    def start(self, key: str, send: Send, now_ms: int, *, longest_ms: int = T2_MS) -> None:
        """Repeat `send` after T1, doubling up to `longest_ms`, until `stop(key)` or the lifetime is over."""
        due = None if self._reliable else now_ms + T1_MS
        self._repeats[key] = _Repeat(send, T1_MS, longest_ms, due, now_ms + LIFETIME_MS)

    def expect(self, key: str, send: Send, now_ms: int) -> None:
        """Repeat nothing, but report `key` as expired when its lifetime is over without `stop(key)`."""
        self._repeats[key] = _Repeat(send, T1_MS, T2_MS, None, now_ms + LIFETIME_MS)

    def stop(self, key: str) -> None:
        """Forget a message: it was answered."""
        self._repeats.pop(key, None)

    def next_timer(self) -> int | None:
        """Return when `fire` has something to do, in ms; None when nothing is pending."""
        times = [
            time for repeat in self._repeats.values() for time in (repeat.due_ms, repeat.expires_ms) if time is not None
        ]
        return min(times, default=None)

    def fire(self, now_ms: int) -> tuple[list[Send], list[str]]:
        """Return what is to be sent again now, and the keys whose lifetime is over."""
        expired = [key for key, repeat in self._repeats.items() if repeat.expires_ms <= now_ms]
        for key in expired:
            del self._repeats[key]
        again = []
        for repeat in self._repeats.values():
            if repeat.due_ms is not None and repeat.due_ms <= now_ms:
                again.append(repeat.send)
                repeat.interval_ms = min(2 * repeat.interval_ms, repeat.longest_ms)
                repeat.due_ms = now_ms + repeat.interval_ms
        return again, expired
