"""The audio of one utterance, in one growing buffer."""

from __future__ import annotations

import numpy as np

from voicebot.asr.protocol import SAMPLE_RATE
from voicebot.media.frames import FRAME_BYTES, FRAME_SAMPLES, Pcm

_FIRST_SECONDS = 4


class UtteranceAudio:
    """Appended to by one thread; a snapshot stays valid whatever is appended later.

    Overflow policy: `drop_newest` beyond `max_seconds`, counted in `dropped_frames`.
    """

    def __init__(self, max_seconds: int = 40) -> None:
        self.dropped_frames = 0
        self._limit = max_seconds * SAMPLE_RATE
        self._samples: Pcm = np.empty(min(_FIRST_SECONDS, max_seconds) * SAMPLE_RATE, np.int16)
        self._length = 0

    def append(self, frame: bytes) -> None:
        """Add one frame. Raises ValueError when it is not 640 bytes long."""
        if len(frame) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, got {len(frame)}")
        end = self._length + FRAME_SAMPLES
        if end > self._limit:
            self.dropped_frames += 1
            return
        if end > len(self._samples):
            grown = np.empty(min(2 * len(self._samples), self._limit), np.int16)
            grown[: self._length] = self._samples[: self._length]
            self._samples = grown
        self._samples[self._length : end] = np.frombuffer(frame, "<i2")
        self._length = end

    def snapshot(self) -> Pcm:
        """Return all samples so far, without copying: written samples are never written again."""
        return self._samples[: self._length]
