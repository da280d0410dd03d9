"""The shape of all audio inside the bot: 16 kHz, int16, mono, in frames of 20 ms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicebot.core.events import FRAME_MS

Pcm = NDArray[np.int16]
"""int16 mono samples, one dimension."""

SAMPLE_RATE = 16_000
"""Hz."""

FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000
"""320 samples."""

FRAME_BYTES = 2 * FRAME_SAMPLES
"""640 bytes, little endian."""

SILENCE = bytes(FRAME_BYTES)
"""One frame of digital silence."""


def whole_frames(pcm: Pcm) -> bytes:
    """Return `pcm` as bytes, padded with silence to whole frames of 640 bytes."""
    audio = pcm.astype("<i2", copy=False).tobytes()
    return audio + bytes(-len(audio) % FRAME_BYTES)
