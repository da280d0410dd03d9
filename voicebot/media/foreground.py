"""Who is the caller, and who only talks in the background: a television, a colleague, the next table.

A telephone's microphone is at the caller's mouth. Once the level of the caller's voice is known, speech that stays far
below it is somebody else's. A caller may speak more softly all of a sudden, with a hand over the mouthpiece or from
another handset: when nobody has spoken at the known level for a while, the level sinks until the soft voice counts.
"""

from __future__ import annotations

_SOFTER_DB = 18.0
"""Speech whose loudest block is that much below the caller's loudest is not the caller's."""
_HOLD_MS = 20_000
"""How long a level counts in full after the caller was last heard."""
_SINK_DB_PER_S = 2.0
_SHORTEST_MS = 300
"""Voiced time from which an utterance tells how loud the caller is: a shorter one may be a bang."""
_OVER_BACKGROUND_DB = 3.0

NOBODY_DBFS = -200.0


class Foreground:
    """The caller's level, and that of whoever talks in the background. Levels are of 10 ms blocks, in dBFS."""

    def __init__(self) -> None:
        self._caller = NOBODY_DBFS
        self._caller_ms = 0
        self._background = NOBODY_DBFS
        self._background_ms = 0

    def heard_caller(self, loudest: float, voiced_ms: int, at_ms: int) -> None:
        """An utterance has paused at `at_ms`; `loudest` is its loudest block so far."""
        if voiced_ms >= _SHORTEST_MS:
            self._caller = max(loudest, self._level(at_ms))
            self._caller_ms = at_ms

    def heard_background(self, loudest: float, at_ms: int) -> None:
        """Speech below `bar` went on until `at_ms`."""
        self._background = max(loudest, self.background(at_ms) - _OVER_BACKGROUND_DB)
        self._background_ms = at_ms

    def bar(self, at_ms: int) -> float:
        """Return the level that speech must reach once to be the caller's; very low while the caller is not known."""
        return self._level(at_ms) - _SOFTER_DB

    def background(self, at_ms: int) -> float:
        """Return the level below which a block may be the background's; very low when nobody talks there."""
        known = at_ms - self._background_ms < _HOLD_MS
        return min(self._background + _OVER_BACKGROUND_DB, self.bar(at_ms)) if known else NOBODY_DBFS

    def _level(self, at_ms: int) -> float:
        late_ms = max(0, at_ms - self._caller_ms - _HOLD_MS)
        return self._caller - _SINK_DB_PER_S * late_ms / 1000
