"""Two-layer speech: scaffolding that states nothing now, facts when there is evidence for them.

Phrases that fill time are rotated, so that the caller never hears the same one twice running; those that ask again get
more helpful each time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """How many phrases of each kind were drawn in this call."""

    scaffolding: int = 0
    progress: int = 0

    def next_scaffolding(self, phrases: tuple[str, ...]) -> tuple[SpeechPlan, str]:
        """Draw what is said when the answer is late."""
        return replace(self, scaffolding=self.scaffolding + 1), _rotated(phrases, self.scaffolding)

    def next_progress(self, phrases: tuple[str, ...]) -> tuple[SpeechPlan, str]:
        """Draw what is said when the answer is later still."""
        return replace(self, progress=self.progress + 1), _rotated(phrases, self.progress)


def escalated(phrases: tuple[str, ...], count: int) -> str:
    """Return what is said the `count`-th time, from 1: the last phrase serves for all that follow."""
    return phrases[min(count, len(phrases)) - 1] if phrases else ""


def _rotated(phrases: tuple[str, ...], count: int) -> str:
    return phrases[count % len(phrases)] if phrases else ""
