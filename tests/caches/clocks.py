"""Clocks that stand still until they are stepped."""

from __future__ import annotations

from voicebot.cache.shared import Clocks


class SteppedClocks:
    """Wall and monotonic time, in seconds."""

    def __init__(self) -> None:
        self.wall_s = 1_800_000_000.0
        self.monotonic_s = 1_000.0

    def step(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds

    @property
    def clocks(self) -> Clocks:
        return Clocks(lambda: self.wall_s, lambda: self.monotonic_s)
