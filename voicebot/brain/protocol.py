"""The one contract of every brain: a turn in, clauses, tool wishes and one ending out.

A brain keeps nothing between runs: what it must remember goes out as `memory` and comes back with the next StartBrain,
so that a cancelled run leaves no trace. Results are core events, posted from the brain's own threads, in this order:
any number of BrainClause and BrainToolWanted, then one BrainFinished; or, at any point instead, one EngineFailed whose
`ref` is the attempt's number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from voicebot.core.commands import StartBrain
from voicebot.core.events import BrainClause, BrainFinished, BrainToolWanted, EngineFailed

BrainResult = BrainClause | BrainToolWanted | BrainFinished | EngineFailed


class BrainRun(Protocol):
    """A run under way."""

    def cancel(self) -> None:
        """Stop at once, also while blocked on a socket. Idempotent; nothing needs to be posted afterwards."""


class Brain(Protocol):
    """Loaded once a process and dialplan, shared by its calls."""

    name: str

    def warm_up(self) -> None:
        """Load what is needed, so that no caller pays for it."""

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> BrainRun:
        """Begin a run and return at once, on a call's driver thread. `post` may be called before this returns."""

    def close(self) -> None:
        """Release threads and connections."""


@runtime_checkable
class KnowsItsCallers(Brain, Protocol):
    """A brain that can tell what it usually hears and says."""

    def usual_turns(self) -> tuple[str, ...]:
        """Return whole turns that callers are expected to say."""

    def usual_clauses(self) -> tuple[str, ...]:
        """Return clauses worth rendering before anybody asks."""
