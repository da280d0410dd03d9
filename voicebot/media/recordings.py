"""Recorded prompts: a WAV in place of what would be synthesised, found by the words of the phrase."""

from __future__ import annotations

import re
import wave
from pathlib import Path

import numpy as np

from voicebot.media.frames import SAMPLE_RATE, Pcm
from voicebot.media.levels import first_audible
from voicebot.media.loudness import levelled
from voicebot.media.resample import Resampler

LOWEST_RATE = 8_000
LONGEST_S = 30
"""A recording goes into the playout ring as a whole; longer ones are no prompts."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


class UnusableRecording(Exception):
    """The file cannot be played. The message says what is wrong with it."""


def phrase_key(text: str) -> str:
    """Return the words of a phrase: case and punctuation do not matter, and a file name can write them with `-`."""
    return " ".join(_WORD.findall(text.casefold().replace("\u2019", "'")))


def read_recording(file: Path) -> Pcm:
    """Read a WAV of 16-bit PCM, of two channels the mean, as 16 kHz mono at the level of all speech.

    Raises UnusableRecording.
    """
    try:
        with wave.open(str(file), "rb") as reader:
            rate, channels, width = reader.getframerate(), reader.getnchannels(), reader.getsampwidth()
            raw = reader.readframes(reader.getnframes())
    except FileNotFoundError:
        raise UnusableRecording("does not exist") from None
    except OSError as error:
        raise UnusableRecording(f"cannot be read: {error.strerror or type(error).__name__}") from None
    except (wave.Error, EOFError) as error:
        raise UnusableRecording(f"is not a WAV of PCM: {str(error) or 'it ends too early'}") from None
    if width != np.dtype(np.int16).itemsize or rate < LOWEST_RATE:
        raise UnusableRecording(f"has {8 * width} bits at {rate} Hz")
    if len(raw) > LONGEST_S * rate * channels * width:
        raise UnusableRecording(f"is longer than {LONGEST_S} s")
    whole = len(raw) // (channels * width) * channels * width
    mono = np.frombuffer(raw[:whole], "<i2").reshape(-1, channels).mean(axis=1).astype(np.int16)
    resampler = Resampler(rate, SAMPLE_RATE)
    pcm = levelled(np.concatenate((resampler.process(mono), resampler.flush())))
    if first_audible(pcm) is None:
        raise UnusableRecording("holds nothing that can be heard")
    return pcm
