"""Bringing speech to one level, -18 dBFS, without ever clipping it: a gain, and a limiter that looks ahead.

The level of speech is that of its active parts alone, as in ITU-T P.56: pauses would pull a mean down. What is there as
a whole is measured and brought to the level at once. Of what streams in, the voice is learned: its gain moves slowly,
and is remembered from text to text.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from voicebot.core.events import FRAME_MS
from voicebot.media.frames import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from voicebot.media.levels import block_levels

SPEECH_DBFS = -18.0
"""The active speech level of everything that the bot says."""
TOLERANCE_DB = 1.0
"""Nobody hears a difference of this size: speech that is so near is left as it is."""
CEILING_DBFS = -1.0
"""No sample's magnitude exceeds this part of full scale."""
GAIN_LIMIT_DB = 30.0
"""A voice that is further off is no voice; more would make its noise audible."""

_MARGIN_DB = 15.9
"""P.56: what lies further below the active level is a pause."""
_NOTHING_DBFS = -90.0
"""Rounding noise of int16; not even a pause."""
_PASSES = 20
"""The level settles in fewer."""
_GUESS_DBFS = -20.0
_GUESS_S = 0.1
"""What a voice is taken for before it has spoken, and the seconds of speech that outweigh it."""
_MEMORY_S = 10.0
_FAINT_DBFS = -60.0
"""Below this nobody speaks."""
_SINK_DB = 0.06
"""By how much a frame of 20 ms that seems to be a pause lowers what the voice is taken for: 3 dB a second."""
_SEGMENT = 40
"""Samples over which the limiter's gain moves in a straight line, and how far it looks ahead: about 2 ms."""
_RELEASE = 1.0 / 80
"""How much the limiter's gain may rise in a segment: from nothing to one in 200 ms."""
_CEILING = 32768.0 * 10.0 ** (CEILING_DBFS / 20.0)

_Signal = NDArray[np.float64]


def active_level(pcm: Pcm, frame: int = FRAME_SAMPLES) -> float | None:
    """Return the level in dBFS of the frames that hold speech, None when there is nothing but digital silence.

    `frame` is the length in samples over which pauses are told from speech: 20 ms at 16 kHz.
    """
    levels = block_levels(pcm, frame)
    levels = levels[levels > _NOTHING_DBFS]
    if not len(levels):
        return None
    power = 10.0 ** (levels / 10.0)
    active = 10.0 * float(np.log10(power.mean()))
    for _ in range(_PASSES):
        before, active = active, 10.0 * float(np.log10(power[levels > active - _MARGIN_DB].mean()))
        if active == before:
            break
    return active


def gain_for(level_dbfs: float | None) -> float:
    """Return the factor that brings speech of a level to -18 dBFS; 1 for a level that is not known."""
    if level_dbfs is None:
        return 1.0
    gain_db = min(GAIN_LIMIT_DB, max(-GAIN_LIMIT_DB, SPEECH_DBFS - level_dbfs))
    return float(10.0 ** (gain_db / 20.0))


def levelled(pcm: Pcm, rate: int = SAMPLE_RATE) -> Pcm:
    """Return speech of `rate` Hz at -18 dBFS, as long as it was. Silence stays silence."""
    level_dbfs = active_level(pcm, rate * FRAME_MS // 1000)
    near = level_dbfs is None or abs(level_dbfs - SPEECH_DBFS) <= TOLERANCE_DB
    if near and (not len(pcm) or np.abs(pcm.astype(np.int32)).max() <= _CEILING):
        return pcm
    leveller = Leveller(1.0 if near else gain_for(level_dbfs))
    return np.concatenate((leveller.process(pcm), leveller.flush()))


class VoiceLevel:
    """How loud a voice is, learned from all that it says. Thread-safe.

    It begins with a guess, which the first word outweighs; what was said more than some ten seconds ago fades.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dbfs = _GUESS_DBFS
        self._weight_s = _GUESS_S

    def learn(self, pcm: Pcm, rate: int) -> float:
        """Take a piece of speech into account and return the gain for it."""
        levels = block_levels(pcm, rate * FRAME_MS // 1000)
        with self._lock:
            for level in levels:
                if level > self._dbfs - _MARGIN_DB:
                    self._weight_s = min(self._weight_s + FRAME_MS / 1000, _MEMORY_S)
                    self._dbfs += (float(level) - self._dbfs) * (FRAME_MS / 1000) / self._weight_s
                elif level > _FAINT_DBFS:
                    # A pause that is not silent, or a voice so faint that the guess takes it for one.
                    self._dbfs -= _SINK_DB
            return gain_for(self._dbfs)

    def applied(self, chunks: Iterable[Pcm], rate: int) -> Iterator[Pcm]:
        """Yield a stream of `rate` Hz at the level, learning as it passes. It comes up to 80 samples later."""
        leveller: Leveller | None = None
        for chunk in chunks:
            gain = self.learn(chunk, rate)
            if leveller is None:
                leveller = Leveller(gain)
            leveller.gain = gain
            audio = leveller.process(chunk)
            if len(audio):
                yield audio
        if leveller is not None:
            yield leveller.flush()


class Leveller:
    """Multiplies a stream of int16 by `gain` and keeps its peaks below the ceiling. A new gain is reached in a chunk.

    It holds back up to 80 samples. Where a segment would be too loud the gain sinks to what it bears during the segment
    before, and rises again slowly: so nothing is cut off, and with one gain the result does not depend on how the
    stream came in.
    """

    def __init__(self, gain: float) -> None:
        self.gain = gain
        self._given = gain
        self._held: _Signal = np.empty(0)
        self._reached: float | None = None
        """The limiter's gain where the held samples begin; None before the first."""

    def process(self, chunk: Pcm) -> Pcm:
        """Return what is safe to play by now."""
        path = np.linspace(self._given, self.gain, len(chunk)) if self._given != self.gain else self.gain
        self._given = self.gain
        self._held = np.concatenate((self._held, chunk * path))
        return self._limited(len(self._held) // _SEGMENT - 1)

    def flush(self) -> Pcm:
        """Return the rest; none can follow."""
        length = len(self._held)
        self._held = np.concatenate((self._held, np.zeros(2 * _SEGMENT)))
        return self._limited(-(-length // _SEGMENT))[:length]

    def _limited(self, segments: int) -> Pcm:
        """Take `segments` whole segments; one more is there to look at."""
        if segments <= 0:
            return np.empty(0, np.int16)
        ahead = self._held[: (segments + 1) * _SEGMENT].reshape(-1, _SEGMENT)
        borne = _CEILING / np.maximum(np.abs(ahead).max(axis=1), _CEILING)
        # The gain where segments meet: what both bear, and no more than a slow rise from the last one.
        meeting = np.minimum(borne[:-1], borne[1:])
        rise = np.arange(1, segments + 1) * _RELEASE
        reached = float(borne[0]) if self._reached is None else self._reached
        meeting = np.minimum(np.minimum.accumulate(meeting - rise), reached) + rise
        path = np.concatenate(([reached], np.minimum(meeting, 1.0)))
        inside = np.interp(np.arange(segments * _SEGMENT) / _SEGMENT, np.arange(segments + 1), path)
        self._reached = float(path[-1])
        audio = self._held[: segments * _SEGMENT] * inside
        self._held = self._held[segments * _SEGMENT :]
        return np.rint(audio).astype(np.int16)
