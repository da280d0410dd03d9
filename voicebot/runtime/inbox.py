"""A call's inbox: everything that its driver reacts to, in the order in which it came."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from typing import Generic, TypeVar

from voicebot.media.playout import PlayoutRing
from voicebot.telemetry import metrics

Item = TypeVar("Item")

FRAME_CAPACITY = 150
"""3 s of audio. Overflow policy: `drop_newest`, counted: a driver that is so far behind is deaf for a moment, while the
clock thread goes on for the other calls."""

ITEM_CAPACITY = 4096
"""Results and news. Overflow policy: `drop_newest`, counted. A call has at most some hundred under way."""


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of the caller's audio, the call time at which its last sample arrived, and the playout pops until then."""

    audio: bytes
    at_ms: int
    tick: int = 0


class CallClock:
    """Whole ms since the INVITE, on the machine's monotonic clock."""

    def __init__(self) -> None:
        self._start_ns = time.monotonic_ns()

    def now_ms(self) -> int:
        """Return the call time."""
        return (time.monotonic_ns() - self._start_ns) // 1_000_000


class Inbox(Generic[Item]):
    """Bounded in frames and in items. `put` and `post` never block, so every thread may use them."""

    def __init__(self, clock: CallClock) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Frame | Item] = queue.SimpleQueue()
        self._frames_in = 0
        self._frames_out = 0
        self._frames_dropped = 0
        self._playout: PlayoutRing | None = None

    def follow(self, playout: PlayoutRing) -> None:
        """Date frames by the pops of `playout` as well, before the first one comes: an echo keeps its distance."""
        self._playout = playout

    def put(self, frame: bytes) -> None:
        """Take a frame of 640 bytes from the clock thread, its only caller."""
        if self._frames_in - self._frames_out >= FRAME_CAPACITY:
            self._frames_dropped += 1
            return
        self._frames_in += 1
        tick = 0 if self._playout is None else self._playout.ticks
        self._queue.put(Frame(frame, self._clock.now_ms(), tick))

    def post(self, item: Item, *, always: bool = False) -> None:
        """Take anything else. `always`: also when the inbox is full, for what ends the call."""
        if not always and self._queue.qsize() >= ITEM_CAPACITY:
            metrics.queue_overflowed("call_inbox_items", "drop_newest")
            return
        self._queue.put(item)

    def take(self, timeout_s: float) -> Frame | Item | None:
        """Return the next entry, None when none came in time. Called by the driver only."""
        try:
            entry = self._queue.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None
        if isinstance(entry, Frame):
            self._frames_out += 1
            if self._frames_dropped:
                dropped, self._frames_dropped = self._frames_dropped, 0
                metrics.queue_overflowed("call_inbox_frames", "drop_newest", dropped)
        return entry
