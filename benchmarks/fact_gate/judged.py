"""Runs the cases of the corpus through the gate, as a brain that says exactly what a case's answer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.fact_gate.corpus import NOW, Case
from voicebot.brain.clauses import ClauseSplitter
from voicebot.brain.protocol import BrainResult
from voicebot.core.commands import StartBrain
from voicebot.core.events import Attempt, BrainClause, BrainFinished, BrainOutcome, BrainToolWanted
from voicebot.dialplan.policy import Policy
from voicebot.safety.fact_evidence import DialplanFacts, plain
from voicebot.safety.gated_brain import GatedBrain

PATIENCE_MS: Final = 5_000


class SaysIt:
    """A brain that wants the connectors of a case in its first run, and gives the case's answer in its second."""

    name = "says-it"

    def __init__(self, case: Case) -> None:
        self._case = case

    def warm_up(self) -> None:
        """Nothing to load."""

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> SaysIt:
        """Say it."""
        if self._case.results and not request.results:
            for name, arguments, _ in self._case.results:
                post(BrainToolWanted(request.attempt, name, arguments))
            post(BrainFinished(request.attempt, BrainOutcome.WAITING_FOR_TOOLS, "", ""))
            return self
        splitter = ClauseSplitter()
        clauses = [clause for word in self._case.answer.split(" ") for clause in splitter.feed(f" {word}")]
        for index, clause in enumerate((*clauses, *splitter.flush())):
            post(BrainClause(request.attempt, index, clause, ()))
        post(BrainFinished(request.attempt, BrainOutcome.ANSWERED, "", ""))
        return self

    def cancel(self) -> None:
        """It is over already."""

    def close(self) -> None:
        """Nothing to release."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was heard of a case, and what was withheld."""

    case: Case
    spoken: tuple[str, ...]
    withheld: tuple[str, ...]

    @property
    def lied(self) -> bool:
        """Whether a piece was heard that must not be."""
        heard = f" {plain(' '.join(self.spoken))} "
        return any(f" {plain(lie)} " in heard for lie in self.case.lies)


class Judge:
    """The gate of the corpus's shop."""

    def __init__(self, policy: Policy) -> None:
        self._facts = DialplanFacts(policy)
        self._unsupported = policy.dialplan.phrases.unsupported

    def of(self, case: Case) -> Judged:
        """Let a case be said."""
        posted: list[BrainResult] = []
        brain = GatedBrain(SaysIt(case), self._facts, self._unsupported, lambda: NOW)
        asked = StartBrain(Attempt(0, 1), 1, case.caller, (), (), "", PATIENCE_MS)
        brain.start(asked, posted.append)
        if case.results:
            finished = posted[-1]
            memory = finished.memory if isinstance(finished, BrainFinished) else ""
            results = tuple((name, result) for name, _, result in case.results)
            posted.clear()
            again = StartBrain(Attempt(0, 2), 1, case.caller, (), results, memory, PATIENCE_MS)
            brain.start(again, posted.append)
        spoken = tuple(each.text for each in posted if isinstance(each, BrainClause))
        withheld = tuple(each for end in posted if isinstance(end, BrainFinished) for each in end.withheld)
        return Judged(case, spoken, withheld)
