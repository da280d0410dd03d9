"""Early work: at a pause, the brain is asked ahead of the end of the turn, and its first clause is rendered, held back.

When the turn ends with the same words, all of that is taken over and the caller waits for none of it; otherwise it is
dropped and was only work. A connector with side effects is never called ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.core.events import Attempt, BrainClause, BrainFinished, BrainOutcome, BrainToolWanted


@dataclass(frozen=True, slots=True)
class Early:
    """A run of the brain on a turn that is not over. What it gave so far waits here."""

    attempt: Attempt
    text: str
    began_ms: int
    engine: str = ""
    due_ms: int = 0
    """By when the run owes its first clause."""
    clauses: tuple[BrainClause, ...] = ()
    wishes: tuple[BrainToolWanted, ...] = ()
    """Of connectors with side effects; they wait for the end of the turn."""
    finished: BrainFinished | None = None
    whole: bool = False
    """Whether the brain knows the whole turn."""
    rounds: int = 0
    """Runs on the results of connectors that only read."""
    results: tuple[tuple[str, str], ...] = ()
    """What the run was given of them."""

    @property
    def answerable(self) -> bool | None:
        """Whether the brain has an answer; None while it is not known."""
        if self.clauses or self.wishes or self.rounds:
            return True
        return None if self.finished is None else self.finished.outcome is not BrainOutcome.NO_MATCH


def same_words(one: str, other: str) -> bool:
    """Whether two texts differ in nothing that matters: case, spaces and punctuation."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum() or character in "[]#")
