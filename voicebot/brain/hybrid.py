"""Two brains in one: the playbook answers what it knows, a language model gets the rest.

A turn goes to the playbook first; only when that finds nothing, and nothing of its own is open, the model is asked.
Each keeps a memory of its own. Results go to whoever wanted the connector, and so does the turn in which the caller did
not consent to a wish. What the playbook's connectors found is known to the model from then on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from voicebot.brain.protocol import Brain, BrainResult, BrainRun, KnowsItsCallers
from voicebot.core.commands import StartBrain
from voicebot.core.events import BrainFinished, BrainOutcome, EngineFailed

KEPT_RESULTS: Final = 8
"""Results of the playbook's connectors that the model is told of; older ones are forgotten."""

NOBODYS_TURN: Final = 0
"""Calls count their turns from 1; a probe asks for this one, and it is the model whose health is in doubt."""

Who = Literal["playbook", "model"]


@dataclass(frozen=True, slots=True)
class Shared:
    """The memory of both. `owner` answered last; `wants`: it waits for a connector, or for the caller's yes to one."""

    playbook: str = ""
    model: str = ""
    owner: Who = "playbook"
    wants: bool = False
    found: tuple[tuple[str, str], ...] = ()


class HybridBrain:
    """The playbook before a model."""

    name = "hybrid"

    def __init__(self, playbook: KnowsItsCallers, model: Brain) -> None:
        self._playbook = playbook
        self._model = model

    def warm_up(self) -> None:
        """Warm both."""
        self._playbook.warm_up()
        self._model.warm_up()

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> BrainRun:
        """Let one of them answer."""
        memory = recall(request.memory)
        if request.turn == NOBODYS_TURN:
            return self._ask_model(request, memory, post)
        if request.results or memory.wants:
            if memory.owner == "model":
                return self._ask_model(request, memory, post)
            found = (*memory.found, *request.results)[-KEPT_RESULTS:]
            return self._ask_playbook(request, replace(memory, found=found), post)
        return self._ask_playbook(request, memory, post)

    def usual_clauses(self) -> tuple[str, ...]:
        """Return what the playbook usually says."""
        return self._playbook.usual_clauses()

    def usual_turns(self) -> tuple[str, ...]:
        """Return what the playbook expects callers to say."""
        return self._playbook.usual_turns()

    def close(self) -> None:
        """Close both."""
        self._playbook.close()
        self._model.close()

    def _ask_playbook(self, request: StartBrain, memory: Shared, post: Callable[[BrainResult], None]) -> BrainRun:
        """Ask the playbook, which has answered when its `start` returns; without a match the model is asked."""
        said: list[BrainResult] = []
        run = self._playbook.start(replace(request, memory=memory.playbook), said.append)
        end = said[-1]
        if isinstance(end, BrainFinished) and end.outcome is BrainOutcome.NO_MATCH and not request.results:
            return self._ask_model(request, replace(memory, playbook=end.memory), post)
        for result in said[:-1]:
            post(result)
        post(_remembered(end, replace(memory, owner="playbook"), "playbook"))
        return run

    def _ask_model(self, request: StartBrain, memory: Shared, post: Callable[[BrainResult], None]) -> BrainRun:
        memory = replace(memory, owner="model")

        def pass_on(result: BrainResult) -> None:
            post(_remembered(result, memory, "model"))

        known = (*request.known, *memory.found)
        return self._model.start(replace(request, memory=memory.model, known=known), pass_on)


def _remembered(result: BrainResult, memory: Shared, who: Who) -> BrainResult:
    if not isinstance(result, BrainFinished) or isinstance(result, EngineFailed):
        return result
    wants = result.outcome is BrainOutcome.WAITING_FOR_TOOLS
    after = replace(memory, wants=wants)
    after = replace(after, playbook=result.memory) if who == "playbook" else replace(after, model=result.memory)
    return replace(result, memory=remember(after))


def remember(memory: Shared) -> str:
    """Write the memory of both; `playbook` comes first, for one that goes on alone (`playbooks_part`)."""
    row = [memory.playbook, memory.model, memory.owner, memory.wants, memory.found]
    return json.dumps({"hybrid": row}, separators=(",", ":"))


def recall(text: str) -> Shared:
    """Read what `remember` wrote; what a playbook alone has written is the playbook's part."""
    try:
        read = json.loads(text) if text else None
        if not isinstance(read, dict) or "hybrid" not in read:
            return Shared(playbook=text)
        playbook, model, owner, wants, found = read["hybrid"]
        pairs = tuple((str(name), str(result)) for name, result in found)
        return Shared(str(playbook), str(model), "model" if owner == "model" else "playbook", bool(wants), pairs)
    except (ValueError, TypeError):
        return Shared(playbook=text)


class PlaybookAlone:
    """The playbook as the fallback of a hybrid: it goes on with its own part of what both remembered."""

    def __init__(self, playbook: KnowsItsCallers) -> None:
        self.name = playbook.name
        self._playbook = playbook
        self.warm_up = playbook.warm_up
        self.close = playbook.close

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> BrainRun:
        """Answer as the playbook does."""
        memory = recall(request.memory)
        # A wish of the model is nobody's any more: its results are of no use to the playbook.
        return self._playbook.start(replace(request, memory=memory.playbook), post)

    def usual_clauses(self) -> tuple[str, ...]:
        """Return what the playbook usually says."""
        return self._playbook.usual_clauses()

    def usual_turns(self) -> tuple[str, ...]:
        """Return what the playbook expects callers to say."""
        return self._playbook.usual_turns()
