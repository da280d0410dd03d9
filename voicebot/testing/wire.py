"""What the caller heard, computed from the frames that left and arrived (docs/design.md, silence time).

Pure numpy. Voiced: within 40 dB of the utterance's loudest 10 ms. Audible: a frame of 20 ms with an RMS above -45 dBFS;
its time is the arrival of its packet. All times are ms on one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
AUDIBLE_DBFS = -45.0
VOICED_BELOW_PEAK_DB = 40.0
ANSWER_GAP_MS = 400.0
"""A longer gap inside an answer counts as silence, too."""
RUN_GAP_MS = 250.0
"""Quiet that separates what the bot said before an interruption from what it says after it."""
_WINDOW = 80
"""Samples of 10 ms at 8 kHz."""
_FULL_SCALE = 32768.0


class Stretch(NamedTuple):
    """A stretch of speech, in ms."""

    onset_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class TurnOnWire:
    """What followed one utterance of the caller.

    `silence_ms`: from its last voiced sample to the bot's first audible frame; None when the bot said nothing.
    `gaps_ms`: silences above 400 ms inside the answer. `barge_stop_ms`: from the utterance's first voiced
    sample until the bot's running speech had stopped; None when the bot was not speaking.
    """

    silence_ms: float | None
    gaps_ms: tuple[float, ...]
    barge_stop_ms: float | None
    answer: Stretch | None


def dbfs(pcm: Pcm) -> float:
    """Return the RMS level; -inf for nothing or digital silence."""
    power = float(np.square(pcm.astype(np.float64)).mean()) if len(pcm) else 0.0
    return float(10 * np.log10(power / _FULL_SCALE**2)) if power else float("-inf")


def audible(pcm: Pcm) -> bool:
    """Say whether a frame can be heard."""
    return dbfs(pcm) > AUDIBLE_DBFS


def voiced_bounds(pcm: Pcm) -> tuple[int, int] | None:
    """Return the first voiced sample and the one after the last, in steps of 10 ms; None when all is silence."""
    padded = np.zeros(-(-len(pcm) // _WINDOW) * _WINDOW)
    padded[: len(pcm)] = pcm
    powers = np.square(padded.reshape(-1, _WINDOW)).mean(axis=1)
    if not powers.any():
        return None
    voiced = np.flatnonzero(powers >= powers.max() * 10 ** (-VOICED_BELOW_PEAK_DB / 10))
    return int(voiced[0]) * _WINDOW, min(len(pcm), (int(voiced[-1]) + 1) * _WINDOW)


def measure_turns(spoken: Sequence[Stretch], audible_ms: Sequence[float], until_ms: float) -> list[TurnOnWire]:
    """Measure every utterance of the caller.

    `spoken`: the caller's utterances by their voiced bounds, in order. `audible_ms`: arrivals of the bot's audible
    frames, in order. `until_ms`: when the call ended.
    """
    if not spoken:
        return []
    arrivals = np.asarray(audible_ms, np.float64)
    ends = [later.onset_ms for later in spoken[1:]] + [until_ms]
    return [_measure(said, arrivals, end) for said, end in zip(spoken, ends, strict=True)]


def _measure(said: Stretch, arrivals: NDArray[np.float64], next_onset_ms: float) -> TurnOnWire:
    stopped_ms = _running_until(said.onset_ms, arrivals)
    barge_stop = None if stopped_ms is None else stopped_ms - said.onset_ms
    from_ms = said.onset_ms if stopped_ms is None else stopped_ms
    answer = arrivals[(arrivals > from_ms) & (arrivals < next_onset_ms)]
    answer = answer[answer > said.end_ms]
    if not len(answer):
        return TurnOnWire(None, (), barge_stop, None)
    gaps = np.diff(answer) - 20.0
    return TurnOnWire(
        silence_ms=float(answer[0] - said.end_ms),
        gaps_ms=tuple(float(gap) for gap in gaps[gaps > ANSWER_GAP_MS]),
        barge_stop_ms=barge_stop,
        answer=Stretch(float(answer[0]), float(answer[-1]) + 20.0),
    )


def _running_until(onset_ms: float, arrivals: NDArray[np.float64]) -> float | None:
    """Return the last arrival of the run of speech that was under way at `onset_ms`; None without one."""
    before = arrivals[arrivals <= onset_ms]
    if not len(before) or onset_ms - before[-1] > RUN_GAP_MS:
        return None
    last = float(onset_ms)
    for arrival in arrivals[arrivals > onset_ms]:
        if arrival - last > RUN_GAP_MS:
            break
        last = float(arrival)
    return last
