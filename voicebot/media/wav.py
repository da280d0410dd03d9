"""A stereo WAV that grows and can be played at any moment, also after its process was killed.

The sizes in the header (RIFF WAVE, PCM) are written anew after the samples that they count: so whenever the file is
left alone, it is a whole WAV up to the last `settle`, with at most some samples behind its end.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from voicebot.media.frames import SAMPLE_RATE

CHANNELS = 2
SAMPLE_BYTES = 2 * CHANNELS
"""Of one int16 in each channel."""
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM = 1
_BITS = 16
_MOST = (1 << 32) - 1


class StereoWav:
    """int16, left and right interleaved, at 16 kHz.

    Its methods raise OSError; a disk that refuses costs no sample that was settled before.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("xb", buffering=0)
        self._bytes = 0
        try:
            self.settle()
        except OSError:
            self._file.close()
            raise

    def write(self, at: int, audio: bytes) -> None:
        """Put whole stereo samples at position `at`, counted in samples; what is left out before it is silence."""
        self._put(_HEADER.size + at * SAMPLE_BYTES, audio)
        self._bytes = max(self._bytes, at * SAMPLE_BYTES + len(audio))

    def settle(self) -> None:
        """Let the header count what was written."""
        size = min(self._bytes, _MOST - _HEADER.size)
        rate = SAMPLE_RATE * SAMPLE_BYTES
        form = (b"fmt ", 16, _PCM, CHANNELS, SAMPLE_RATE, rate, SAMPLE_BYTES, _BITS)
        self._put(0, _HEADER.pack(b"RIFF", _HEADER.size - 8 + size, b"WAVE", *form, b"data", size))

    def close(self) -> None:
        """Settle, and put the file on the disk."""
        try:
            self.settle()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Leave the file as it was settled last."""
        self._file.close()

    def _put(self, offset: int, content: bytes) -> None:
        self._file.seek(offset)
        rest = memoryview(content)
        while rest:
            # A disk that is nearly full takes a part; the next attempt says why.
            rest = rest[self._file.write(rest) or 0 :]
