"""Is there a voice's pitch in it? A cough or a breath fools a speech model now and then, but has none."""

from __future__ import annotations

import numpy as np

from voicebot.media.frames import SAMPLE_RATE, Pcm

_DOWN = 2
_RATE = SAMPLE_RATE // _DOWN
_WINDOW = _RATE * 35 // 1000
_SHORTEST, _LONGEST = _RATE // 400, _RATE // 60
"""Periods of 400 Hz to 60 Hz, in samples."""

SPAN_SAMPLES = _DOWN * (_WINDOW + _LONGEST)
"""What `periodicity` looks at, at 16 kHz: 52 ms."""


def periodicity(pcm: Pcm) -> float:
    """Return how well the newest 35 ms repeat what came a pitch period before: 1 for a vowel, about 0.3 for noise.

    Takes the newest `SPAN_SAMPLES` of audio at 16 kHz; the normalised correlation at its best lag.
    """
    samples = pcm[-SPAN_SAMPLES::_DOWN].astype(np.float64)
    samples -= samples.mean()
    newest = samples[-_WINDOW:]
    products = np.correlate(samples, newest, "valid")[::-1]
    energies = np.convolve(samples * samples, np.ones(_WINDOW), "valid")[::-1]
    similar = products / np.sqrt(np.maximum(energies * float(newest @ newest), 1.0))
    return float(similar[_SHORTEST:].max())
