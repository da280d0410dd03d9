"""The line between a caller and the recogniser: G.711, noise, lost packets.

A caller's microphone is quiet, or has pink noise 15 dB below the speech. On the way 3 % of the packets of 20 ms are
lost, each by itself; the receiving end fills a gap with the last frame that came, ever fainter.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from benchmarks.turn_taking.stimuli import line_noise
from voicebot.media.g711 import mulaw_decode, mulaw_encode
from voicebot.media.resample import Resampler
from voicebot.testing.speech import SAMPLE_RATE as LINE_RATE
from voicebot.testing.speech import Pcm, as_int16

BOT_RATE = 16_000
_FRAME = LINE_RATE // 50
_PRE_ROLL_MS, _PAUSE_MS = 300, 160
"""What the bot feeds before the speech, and the quiet after which it asks for the text."""
_SNR_DB = 15.0
_LOSS = 0.03
_FAINTER = 0.6


class Condition(StrEnum):
    """What is wrong with the line."""

    CLEAN = "clean"
    NOISE = "noise at 15 dB"
    LOSS = "3 % packet loss"


def received(pcm: Pcm, condition: Condition, rng: np.random.Generator) -> Pcm:
    """Return an utterance of 8 kHz as the recogniser gets it: 16 kHz, with the bot's pre-roll and a pause behind it."""
    sent = np.concatenate([line_noise(_PRE_ROLL_MS, rng), pcm, line_noise(_PAUSE_MS, rng)])
    sent = np.concatenate([sent, line_noise(20, rng)[: -len(sent) % _FRAME]])
    if condition is Condition.NOISE:
        sent = _noisy(sent, float(np.square(pcm.astype(np.float64)).mean()), rng)
    arrived = mulaw_decode(mulaw_encode(sent))
    if condition is Condition.LOSS:
        arrived = _with_gaps(arrived, rng)
    up = Resampler(LINE_RATE, BOT_RATE)
    return np.concatenate([up.process(arrived), up.flush()])


def _noisy(pcm: Pcm, speech_power: float, rng: np.random.Generator) -> Pcm:
    spectrum = np.fft.rfft(rng.normal(size=len(pcm)))
    frequencies = np.maximum(np.fft.rfftfreq(len(pcm), 1 / LINE_RATE), 50)
    pink = np.fft.irfft(spectrum / np.sqrt(frequencies), len(pcm))
    pink *= np.sqrt(speech_power / 10 ** (_SNR_DB / 10) / np.square(pink).mean())
    return as_int16(pcm + pink)


def _with_gaps(pcm: Pcm, rng: np.random.Generator) -> Pcm:
    frames = pcm.reshape(-1, _FRAME).astype(np.float64)
    for number in np.nonzero(rng.random(len(frames)) < _LOSS)[0]:
        frames[number] = frames[number - 1] * _FAINTER if number else 0.0
    return as_int16(frames.reshape(-1))
