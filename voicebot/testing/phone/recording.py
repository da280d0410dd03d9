"""What went over the line in both directions, with the time of every packet.

The time of a frame is the time at which its packet left or arrived (the kernel's stamp); its sample `i` is at that time
plus i/8 ms. Times are ms on the process's monotonic clock.
"""

from __future__ import annotations

import bisect
import threading
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.testing.wire import Stretch, audible

Pcm = NDArray[np.int16]
"""int16 mono samples at 8 kHz."""
SAMPLE_RATE = 8000
_PER_MS = SAMPLE_RATE // 1000
_CAPACITY = 180_000
"""Frames kept in each direction: one hour. Later frames are counted as `dropped` and not kept."""
_REANCHOR_MS = 60.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A packet of audio. `leg` counts the calls of one phone: a followed REFER opens the next leg."""

    at_ms: float
    leg: int
    timestamp: int
    pcm: Pcm


class Recording:
    """Both directions of a call, and a bell for those who wait until the other side speaks or falls silent.

    The line's thread appends; the lists may be read at any time, and are complete when the call is over.
    """

    def __init__(self) -> None:
        self.sent: list[Frame] = []
        self.heard: list[Frame] = []
        self.spoken: list[Stretch] = []
        self.audible_ms: list[float] = []
        """Arrivals of the audible frames among `heard`."""
        self.keys: list[str] = []
        """What the other side pressed."""
        self.pressed_ms: list[float] = []
        """When each of our runs of key presses was over."""
        self.dropped = 0
        self._bell = threading.Condition()
        self._over = False

    def keep_sent(self, frame: Frame) -> None:
        """Append a frame that has left."""
        if len(self.sent) < _CAPACITY:
            self.sent.append(frame)
        else:
            self.dropped += 1

    def keep_heard(self, frame: Frame) -> None:
        """Append a frame that has arrived, and wake those who wait."""
        if len(self.heard) >= _CAPACITY:
            self.dropped += 1
            return
        self.heard.append(frame)
        if audible(frame.pcm):
            with self._bell:
                self.audible_ms.append(frame.at_ms)
                self._bell.notify_all()

    def close(self) -> None:
        """Wake all who wait: nothing more will come."""
        with self._bell:
            self._over = True
            self._bell.notify_all()

    def wait_audible(self, after_ms: float, timeout_ms: float) -> float | None:
        """Wait for the first audible frame after `after_ms`; return its arrival, None when there is none in time."""
        deadline_ms = time.monotonic() * 1000 + timeout_ms
        with self._bell:
            while not self.audible_ms or self.audible_ms[-1] <= after_ms:
                left_ms = deadline_ms - time.monotonic() * 1000
                if self._over or left_ms <= 0:
                    return None
                self._bell.wait(left_ms / 1000)
            return self.audible_ms[bisect.bisect_right(self.audible_ms, after_ms)]

    def wait_quiet(self, quiet_ms: float, since_ms: float, timeout_ms: float) -> bool:
        """Wait until nothing audible has arrived for `quiet_ms`, counted from `since_ms` at the earliest."""
        deadline_ms = time.monotonic() * 1000 + timeout_ms
        with self._bell:
            while not self._over:
                now_ms = time.monotonic() * 1000
                quiet_at_ms = max([since_ms, *self.audible_ms[-1:]]) + quiet_ms
                if now_ms >= quiet_at_ms:
                    return True
                if now_ms >= deadline_ms:
                    return False
                self._bell.wait((min(quiet_at_ms, deadline_ms) - now_ms) / 1000)
            return False

    def stereo(self) -> NDArray[np.int16]:
        """Return (samples, 2): what we sent on the left, what we heard on the right, from the first packet on."""
        frames = self.sent + self.heard
        if not frames:
            return np.zeros((0, 2), np.int16)
        start_ms = min(frame.at_ms for frame in frames)
        end_ms = max(frame.at_ms + len(frame.pcm) / _PER_MS for frame in frames)
        samples = np.zeros((int((end_ms - start_ms + _REANCHOR_MS) * _PER_MS) + 1, 2), np.int16)
        for channel, direction in enumerate((self.sent, self.heard)):
            _place(direction, start_ms, samples[:, channel])
        return samples

    def save(self, path: Path) -> None:
        """Write `stereo()` as a 16-bit WAV of 8 kHz. Raises OSError."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(self.stereo().tobytes())


def _place(direction: list[Frame], start_ms: float, channel: NDArray[np.int16]) -> None:
    """Lay frames side by side by RTP timestamp, so that jitter leaves no cracks; start anew where arrival disagrees."""
    anchor: tuple[int, int, int] | None = None
    for frame in direction:
        arrived = int((frame.at_ms - start_ms) * _PER_MS)
        if anchor is not None and anchor[0] == frame.leg:
            position = anchor[2] + (frame.timestamp - anchor[1] + (1 << 31)) % (1 << 32) - (1 << 31)
        else:
            position = arrived
        if anchor is None or abs(position - arrived) > _REANCHOR_MS * _PER_MS:
            position = arrived
        anchor = (frame.leg, frame.timestamp, position)
        room = channel[position : position + len(frame.pcm)]
        room[:] = frame.pcm[: len(room)]
