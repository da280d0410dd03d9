"""Sample rate conversion as audio streams by: a polyphase FIR that keeps its state between chunks.

A Kaiser-windowed low-pass of 64 input samples (at the lower rate) holds aliases below -80 dB; soxr's streams would hold
back 12 ms and more, linear interpolation aliases audibly. The filter's own delay is taken out, so output sample m lies
at the time of input sample m * source / target.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, upfirdn

from voicebot.media.frames import Pcm

_HALF_TAPS = 32
"""Samples of the lower rate on each side of the filter's centre: 2 ms at 16 kHz."""
_KAISER_BETA = 8.0
"""Stop band of about -80 dB."""
_PASS = 0.92
"""Cut-off as a part of the lower rate's Nyquist frequency."""


@functools.cache
def _low_pass(up: int, down: int) -> NDArray[np.float64]:
    """Return the filter at `up` times the source rate; its gain makes up for the zeros that upsampling puts in."""
    taps = 2 * _HALF_TAPS * max(up, down) + 1
    return np.asarray(firwin(taps, _PASS / max(up, down), window=("kaiser", _KAISER_BETA)) * up)


class Resampler:
    """Converts one stream of int16 mono from `source` to `target` Hz."""

    def __init__(self, source: int, target: int) -> None:
        divisor = math.gcd(source, target)
        self._up, self._down = target // divisor, source // divisor
        self._filter = _low_pass(self._up, self._down)
        delay = len(self._filter) // 2
        self._memory = len(self._filter) // self._up + 1
        self._kept = np.zeros(0, np.float64)
        self._kept_from = 0
        self._taken = 0
        # Outputs count at source * up / down; the first ones are the filter's delay and are never given out.
        self._given = self._first = delay // self._down
        self._tail = delay // self._up + 1

    def process(self, chunk: Pcm) -> Pcm:
        """Return what can be computed with `chunk`."""
        if self._up == self._down:
            return chunk
        self._taken += len(chunk)
        return self._convert(chunk.astype(np.float64))

    def flush(self) -> Pcm:
        """Return the rest of the stream; none can follow."""
        if self._up == self._down:
            return np.empty(0, np.int16)
        rest = self._convert(np.zeros(self._tail))
        missing = self._taken * self._up // self._down - (self._given - len(rest) - self._first)
        return rest[: max(0, missing)]

    def _convert(self, samples: NDArray[np.float64]) -> Pcm:
        self._kept = np.concatenate((self._kept, samples))
        end = (self._kept_from + len(self._kept)) * self._up // self._down
        # The kept samples begin at a multiple of `down`, where an output sample falls on an input sample.
        before = self._kept_from // self._down * self._up
        audio = upfirdn(self._filter, self._kept, self._up, self._down)[self._given - before : end - before]
        self._given = max(self._given, end)
        self._forget()
        return np.clip(np.rint(audio), -32768, 32767).astype(np.int16)

    def _forget(self) -> None:
        wanted_from = self._given * self._down // self._up - self._memory
        drop = max(0, wanted_from - self._kept_from) // self._down * self._down
        self._kept = self._kept[drop:]
        self._kept_from += drop
