"""Levels in dBFS and what counts as voiced and audible.

0 dBFS is the RMS of a full-scale square wave. Voiced: a 10 ms block within 40 dB of the utterance's loudest block.
Audible: 20 ms RMS above -45 dBFS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicebot.media.frames import FRAME_SAMPLES, SAMPLE_RATE, Pcm

BLOCK_MS = 10
"""Length of the blocks in which voicing is judged, in ms."""

BLOCK_SAMPLES = SAMPLE_RATE * BLOCK_MS // 1000

VOICED_RANGE_DB = 40.0
"""A block this far below the utterance's loudest one is no longer voiced."""

AUDIBLE_DBFS = -45.0
"""RMS of 20 ms above which the bot is heard."""

FADE_MS = 2
"""Over which speech that is cut at its start rises, so that it does not click."""

DIGITAL_SILENCE_DBFS = -100.0
"""The level given to all-zero audio, a little below one bit."""

_FULL_SCALE = 32768.0
_FLOOR_POWER = 10.0 ** (DIGITAL_SILENCE_DBFS / 10.0)


def block_levels(pcm: Pcm, block: int = BLOCK_SAMPLES) -> NDArray[np.float64]:
    """Return the RMS level in dBFS of each whole block of `block` samples."""
    blocks = pcm[: len(pcm) // block * block].reshape(-1, block).astype(np.float64)
    power = np.einsum("ij,ij->i", blocks, blocks) / (block * _FULL_SCALE * _FULL_SCALE)
    return np.asarray(10.0 * np.log10(np.maximum(power, _FLOOR_POWER)))


def voiced_span(pcm: Pcm) -> tuple[int, int] | None:
    """Return the voiced part of one utterance as (first, one past the last) sample; None for digital silence."""
    levels = block_levels(pcm)
    if not len(levels) or levels.max() <= DIGITAL_SILENCE_DBFS:
        return None
    voiced = np.nonzero(levels >= levels.max() - VOICED_RANGE_DB)[0]
    return int(voiced[0]) * BLOCK_SAMPLES, (int(voiced[-1]) + 1) * BLOCK_SAMPLES


def first_audible(pcm: Pcm, rate: int = SAMPLE_RATE) -> int | None:
    """Return the sample at which the first audible 20 ms (in steps of 10 ms) begin, None when nothing is audible."""
    half = rate * BLOCK_MS // 1000
    power = 10.0 ** (block_levels(pcm, half) / 10.0)
    if len(power) < FRAME_SAMPLES // BLOCK_SAMPLES:
        return None
    audible = np.nonzero((power[:-1] + power[1:]) / 2 > 10.0 ** (AUDIBLE_DBFS / 10.0))[0]
    return int(audible[0]) * half if len(audible) else None


class LeadingSilenceTrim:
    """Drops what a synthesiser says before its first audible 20 ms, chunk by chunk, and fades in over 2 ms.

    These 20 ms become the first frame: with anything quieter before them that frame could not be heard, and every
    answer would come a frame later. Text that never becomes audible passes whole at `flush`: a pause may be meant.
    """

    def __init__(self, rate: int = SAMPLE_RATE) -> None:
        self._rate = rate
        self._fade = np.linspace(0.0, 1.0, rate * FADE_MS // 1000)
        self._held: Pcm | None = np.empty(0, np.int16)

    def process(self, chunk: Pcm) -> Pcm:
        """Return what of the audio so far may be played."""
        if self._held is None:
            return chunk
        self._held = np.concatenate((self._held, chunk))
        start = first_audible(self._held, self._rate)
        if start is None:
            return np.empty(0, np.int16)
        audio, self._held = self._held[start:].copy(), None
        audio[: len(self._fade)] = audio[: len(self._fade)] * self._fade
        return audio

    def flush(self) -> Pcm:
        """Return what is still held back."""
        held, self._held = self._held, None
        return np.empty(0, np.int16) if held is None else held
