"""A brain that says what a script holds, at once and on the caller's thread, or when it is told to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from voicebot.brain.protocol import BrainResult
from voicebot.core.commands import StartBrain
from voicebot.core.events import (
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    Category,
    EngineFailed,
    Role,
)


@dataclass(frozen=True, slots=True)
class ScriptedTurn:
    """What one run posts: clauses, wishes as (tool, JSON arguments), then the ending or a failure."""

    clauses: tuple[str, ...] = ()
    tools: tuple[tuple[str, str], ...] = ()
    outcome: BrainOutcome = BrainOutcome.ANSWERED
    reason_code: str = ""
    memory: str = ""
    failure: Category | None = None


@dataclass(slots=True)
class FakeRun:
    """A run under way; `go_on` posts it, unless it was cancelled."""

    request: StartBrain
    turn: ScriptedTurn
    post: Callable[[BrainResult], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Post nothing from now on."""
        self.cancelled = True

    def go_on(self) -> None:
        """Post the whole run."""
        for result in self.results():
            if self.cancelled:
                return
            self.post(result)

    def results(self) -> list[BrainResult]:
        """Return what the run posts, in order."""
        attempt, turn = self.request.attempt, self.turn
        evidence = tuple(f"tool:{name}" for name, _ in self.request.results)
        results: list[BrainResult] = [
            BrainClause(attempt, index, text, evidence) for index, text in enumerate(turn.clauses)
        ]
        results += [BrainToolWanted(attempt, name, arguments) for name, arguments in turn.tools]
        if turn.failure is not None:
            return [*results, EngineFailed(Role.BRAIN, attempt.number, turn.failure, permanent=False)]
        outcome = BrainOutcome.WAITING_FOR_TOOLS if turn.tools else turn.outcome
        return [*results, BrainFinished(attempt, outcome, turn.reason_code, turn.memory)]


@dataclass(slots=True)
class FakeBrain:
    """A Brain that gives out `script` run by run; the last entry repeats. With `held`, runs wait for `go_on`."""

    script: Sequence[ScriptedTurn] = (ScriptedTurn(clauses=("I heard you.",)),)
    held: bool = False
    runs: list[FakeRun] = field(default_factory=list)
    name: str = "fake"

    def warm_up(self) -> None:
        """Do nothing; it is always warm."""

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> FakeRun:
        """Post the next turn of the script, or keep it until `go_on`."""
        run = FakeRun(request, self.script[min(len(self.runs), len(self.script) - 1)], post)
        self.runs.append(run)
        if not self.held:
            run.go_on()
        return run

    def close(self) -> None:
        """Do nothing; nothing is held."""
