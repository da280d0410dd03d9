"""The scripted caller's lines, spoken by a voice that is not the bot's. README.md tells where they come from."""

from __future__ import annotations

import wave
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

Pcm = NDArray[np.int16]
SAMPLE_RATE = 8000
"""Hz, of every line."""
LINES = {
    "hours_saturday": "What are your opening hours on Saturday?",
    "hours_sunday": "And what about Sunday?",
    "hours_christmas": "Are you open on Christmas Day?",
    "shipping_express": "And how much does express shipping cost?",
    "order_48213": "Where is my order? The number is four eight two one three.",
    "person": "I would like to speak to a person, please.",
    "yes": "Yes, please.",
    "no": "No, thank you.",
    "goodbye": "Thank you, goodbye.",
    "okay": "Okay",
    "uh_huh": "uh-huh",
    "digits_48213": "four eight two one three",
    "digits_90125": "nine, zero, one, two, five.",
}
"""What is said in each file, as it was given to the synthesiser."""


class UnusableWav(ValueError):
    """The file is not a mono or stereo WAV of 16-bit samples."""


def line(name: str) -> Pcm:
    """Return a line of `LINES` as int16 mono at 8 kHz. Raises KeyError."""
    if name not in LINES:
        raise KeyError(name)
    with files(__name__).joinpath(f"{name}.wav").open("rb") as file, wave.open(file) as wav:
        return _samples(wav)


def read_wav(path: Path) -> Pcm:
    """Read any 16-bit WAV as int16 mono at 8 kHz; of two channels, the left. Raises OSError and UnusableWav."""
    try:
        with wave.open(str(path)) as wav:
            return _samples(wav)
    except (wave.Error, EOFError) as error:
        raise UnusableWav(f"{path}: {error}") from error


def to_line_rate(pcm: Pcm, rate: int) -> Pcm:
    """Resample int16 mono of `rate` Hz to 8 kHz."""
    if rate == SAMPLE_RATE:
        return pcm
    return as_int16(resample_poly(pcm.astype(np.float64), SAMPLE_RATE, rate))


def as_int16(samples: NDArray[np.float64]) -> Pcm:
    """Round to int16 and clip what is too loud."""
    pcm: Pcm = np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
    return pcm


def _samples(wav: wave.Wave_read) -> Pcm:
    if wav.getsampwidth() != np.dtype(np.int16).itemsize:
        raise wave.Error("samples are not of 16 bits")
    pcm = np.frombuffer(wav.readframes(wav.getnframes()), np.int16).reshape(-1, wav.getnchannels())
    return to_line_rate(np.ascontiguousarray(pcm[:, 0]), wav.getframerate())
