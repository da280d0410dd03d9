"""Two-layer speech: scaffolding that states nothing now, facts when there is evidence for them.

Phrases that fill time are rotated, so that the caller never hears the same one twice running; those that ask again get
more helpful each time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """What was drawn to fill time in this call."""

    drawn: tuple[tuple[tuple[str, ...], int], ...] = ()
    """Each list of phrases, and how far it was told."""
    last: str = ""

    def next_of(self, *lists: tuple[str, ...]) -> tuple[SpeechPlan, str]:
        """Draw the next phrase of the first list that has one which was not the last; of none if all are empty."""
        told = dict(self.drawn)
        for phrases in lists:
            begun = told.get(phrases, 0)
            for step in range(begun, begun + len(phrases)):
                phrase = phrases[step % len(phrases)]
                if phrase != self.last:
                    return SpeechPlan(tuple({**told, phrases: step + 1}.items()), phrase), phrase
        # A dialplan has no such list, but the same words again are better than silence.
        return self, self.last if any(lists) else ""


def escalated(phrases: tuple[str, ...], count: int) -> str:
    """Return what is said the `count`-th time, from 1: the last phrase serves for all that follow."""
    return phrases[min(count, len(phrases)) - 1] if phrases else ""
