"""What passes a call's audio port in both directions, tick by tick, on its way to a recording.

The tape stands between the port and the call: the caller's frames as they arrived, before any echo was taken out, and
the bot's as they leave, pauses and flushes included. Both callbacks come from the same clock in one tick, so the two
channels are aligned to the sample by counting ticks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from voicebot.core.events import FRAME_MS
from voicebot.sip.legs import FrameSink, FrameSource

CAPACITY = 500
"""10 s. Overflow policy: `drop_newest`, counted: the recording has silence there, and the call goes on."""

_SLACK_TICKS = 10
"""The clock catches up after a delay; only when it is further behind than this did it really stand still for us."""


class Tick(NamedTuple):
    """Frames of 640 bytes that arrived and left in tick `number`; None is silence."""

    number: int
    heard: bytes | None
    said: bytes | None


class Tape:
    """Passes frames on, and keeps them once it was started.

    Time that passes without ticks, as when the leg has no media, counts as silence.
    `put` and `pop` are for pjsip's clock thread, `take` for one reader.
    """

    def __init__(self, sink: FrameSink, source: FrameSource, now_ms: Callable[[], int]) -> None:
        self.dropped = 0
        """Ticks that nobody took in time."""
        self.over = False
        self._sink = sink
        self._source = source
        self._now_ms = now_ms
        self._ticks: deque[Tick] = deque()
        self._next = 0
        self._began_ms: int | None = None
        self._said: bytes | None = None
        self._owed = False

    def start(self) -> None:
        """Keep frames from now on."""
        self._began_ms = self._now_ms()

    def stop(self) -> None:
        """Keep none from now on."""
        self.over = True

    def put(self, frame: bytes) -> None:
        """Pass the caller's frame on."""
        self._sink.put(frame)
        self._keep(frame)

    def pop(self) -> bytes | None:
        """Pass the bot's frame on."""
        if self._owed:  # the tick before had no frame of the caller
            self._keep(None)
        said = self._said = self._source.pop()
        self._owed = True
        return said

    def take(self) -> list[Tick]:
        """Return the ticks since the last call, in order."""
        taken = []
        while self._ticks:
            taken.append(self._ticks.popleft())
        return taken

    def _keep(self, heard: bytes | None) -> None:
        said, self._said, self._owed = self._said, None, False
        if self._began_ms is None or self.over:
            return
        elapsed = (self._now_ms() - self._began_ms) // FRAME_MS
        number = elapsed if elapsed - self._next > _SLACK_TICKS else self._next
        self._next = number + 1
        if len(self._ticks) >= CAPACITY:
            self.dropped += 1
        else:
            self._ticks.append(Tick(number, heard, said))
