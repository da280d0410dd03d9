"""The playbook as a Brain. A turn takes about a millisecond, so a run is over when `start` returns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from voicebot.brain.playbook.dialogue import Dialogue
from voicebot.brain.playbook.memory import Memory, recall, remember
from voicebot.brain.protocol import BrainResult
from voicebot.core.commands import Line, StartBrain
from voicebot.core.events import BrainClause, BrainFinished, BrainToolWanted
from voicebot.dialplan.policy import Policy


class FinishedRun:
    """A run that is over already."""

    def cancel(self) -> None:
        """Change nothing."""


class PlaybookBrain:
    """The intents and answers of one dialplan."""

    name = "playbook"

    def __init__(self, policy: Policy, clock: Callable[[], datetime] | None = None) -> None:
        """Take the dialplan and, for tests, a clock that returns local time."""
        zone = policy.dialplan.zone
        self._policy = policy
        self._clock = clock or (lambda: datetime.now(zone))
        self._dialogue: Dialogue | None = None

    def warm_up(self) -> None:
        """Load the embeddings and embed every example."""
        self._warm()

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> FinishedRun:
        """Decide about one turn and post everything before returning."""
        dialogue, memory, now = self._warm(), recall(request.memory), self._clock()
        if request.results:
            decision = dialogue.results(request.results, memory, now)
        else:
            decision = dialogue.turn(request.text, memory, now, _heard_last(request.history))
        for index, clause in enumerate(decision.clauses):
            post(BrainClause(request.attempt, index, clause.text, clause.evidence))
        if decision.tool is not None:
            post(BrainToolWanted(request.attempt, *decision.tool))
        expects = dialogue.expects(decision.memory)
        text = remember(decision.memory)
        whole = not request.results and dialogue.knows_whole(request.text)
        post(BrainFinished(request.attempt, decision.outcome, decision.reason_code, text, expects, whole))
        return FinishedRun()

    def usual_clauses(self) -> tuple[str, ...]:
        """Return what is answered to the examples, one call after the other: worth rendering before anybody asks."""
        dialogue, now = self._warm(), self._clock()
        decisions = (dialogue.turn(text, Memory(), now) for text in dialogue.examples())
        return tuple(dict.fromkeys(clause.text for decision in decisions for clause in decision.clauses))

    def close(self) -> None:
        """Nothing is held that must be released."""

    def _warm(self) -> Dialogue:
        if self._dialogue is None:
            self._dialogue = Dialogue(self._policy)
        return self._dialogue


def _heard_last(history: tuple[Line, ...]) -> str | None:
    """Return the bot's last words as the caller heard them; empty when the caller spoke after them."""
    if not history:
        return None
    return history[-1].text if history[-1].speaker == "bot" else ""
