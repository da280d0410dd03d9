"""Figures with their uncertainty: quantiles and rates with 95 % intervals by bootstrap over trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
_Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, its interval, and the number of trials behind it. None: there is no value."""

    value: float | None
    low: float | None
    high: float | None
    trials: int


def bootstrap(values: Sequence[float], statistic: Callable[[_Values], float]) -> Figure:
    """Return a statistic of the trials with the interval that resampling them gives."""
    if not values:
        return Figure(None, None, None, 0)
    sample = np.asarray(values, np.float64)
    rng = np.random.default_rng(1)
    drawn = [statistic(sample[rng.integers(0, len(sample), len(sample))]) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Figure(statistic(sample), float(low), float(high), len(sample))


def quantile(values: Sequence[float], at: float) -> Figure:
    """Return a quantile, `at` from 0 to 1."""
    return bootstrap(values, lambda sample: float(np.quantile(sample, at)))


def rate(hits: Sequence[bool]) -> Figure:
    """Return the part of trials that hit, with Wilson's interval: resampling knows nothing when none or all hit."""
    trials = len(hits)
    if not trials:
        return Figure(None, None, None, 0)
    part, z = sum(hits) / trials, 1.96
    middle = (part + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * np.sqrt(part * (1 - part) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return Figure(part, max(0.0, float(middle - half)), min(1.0, float(middle + half)), trials)
