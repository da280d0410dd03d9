"""One worker's caches before a model and a connector that count how often they are asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from voicebot.brain.kept_answers import KeptAnswers, KeptRun
from voicebot.brain.protocol import BrainResult, BrainRun
from voicebot.cache.caches import Caches
from voicebot.cache.shelf import Kind
from voicebot.core.commands import CallTool, StartBrain
from voicebot.core.events import Attempt, BrainClause, BrainFinished, BrainOutcome, ToolReturned
from voicebot.dialplan.connectors import CachePart, ConnectorPart
from voicebot.dialplan.intents import IntentPart
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.tools.kept_results import AnsweredRun, KeptResults
from voicebot.tools.protocol import ToolResult

NOW = datetime(2026, 11, 24, 12, tzinfo=ZoneInfo("UTC"))


class Asked(NamedTuple):
    """A connector call with all that its result depends on. `arguments` is JSON."""

    tenant: str
    connector: str
    caller: str
    arguments: str
    day: int


ALICE = Asked("shop", "order", "sip:+15550100001@example.com", "{}", 24)


class Model:
    """A brain that answers at once, from what it calls the dialplan."""

    name = "openai"

    def __init__(self) -> None:
        self.runs = 0

    def warm_up(self) -> None:
        """Nothing to load."""

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> BrainRun:
        """Answer."""
        self.runs += 1
        post(BrainClause(request.attempt, 0, f"The answer to: {request.text}.", ("dialplan:knowledge",)))
        post(BrainFinished(request.attempt, BrainOutcome.ANSWERED, "", ""))
        return KeptRun()

    def close(self) -> None:
        """Nothing is held."""


class Service:
    """A toolbox whose connectors answer at once."""

    def __init__(self) -> None:
        self.calls = 0

    def start(self, request: CallTool, _seconds_left: float, post: Callable[[ToolResult], None]) -> AnsweredRun:
        """Answer."""
        self.calls += 1
        post(ToolReturned(request.call, json.dumps({"outcome": "shipped", "about": self.calls})))
        return AnsweredRun()

    def close(self) -> None:
        """Nothing is held."""


class Worker:
    """Asks brains and connectors of any tenant, and tells whether the cache answered."""

    def __init__(self, caches: Caches) -> None:
        self.caches = caches
        self._model = Model()
        self._service = Service()
        self._brains: dict[str, KeptAnswers] = {}
        self._policies: dict[str, Policy] = {}

    def ask(self, tenant: str, question: str) -> bool:
        """Ask a general question; return whether the model was spared."""
        brain = self._brains.get(tenant)
        if brain is None:
            brain = KeptAnswers(self._model, self._policy(tenant), self.caches, "m", lambda: NOW)
            self._brains = {tenant: brain}
        runs = self._model.runs
        brain.start(StartBrain(Attempt(1, 1), 1, question, (), (), "", 5_000), _nobody)
        return self._model.runs == runs

    def answers_again(self, tenant: str, first: str, second: str) -> bool:
        """Ask one question, then another; return whether the second got the answer to the first."""
        self.ask(tenant, first)
        return self.ask(tenant, second)

    def call(self, asked: Asked, number: str = "") -> bool:
        """Call a connector; return whether it was spared."""
        kept = KeptResults(self._service, self._policy(asked.tenant), self.caches, asked.caller, lambda: _on(asked.day))
        calls = self._service.calls
        arguments = asked.arguments if not number else json.dumps({"number": number})
        kept.start(CallTool(1, asked.connector, arguments, "key", 0), 3.0, _nobody)
        return self._service.calls == calls

    def returns_again(self, first: Asked, second: Asked) -> bool:
        """Call for one thing, then for another; return whether the second got the result of the first."""
        self.call(first)
        return self.call(second)

    def _policy(self, tenant: str) -> Policy:
        if tenant not in self._policies:
            cache = CachePart(ttl_s=600, sensitivity="personal", outcomes=("shipped",))
            part = ConnectorPart(entry="json:loads", cache=cache)
            anything = IntentPart(patterns=(".",), answers={"default": "x"}, repeatable=True)
            plan = Dialplan(
                version=1,
                name="bench",
                tenant=tenant,
                connectors={"order": part, "orders": part},
                intents={"anything": anything},
            )
            self._policies[tenant] = Policy.of(plan)
            while len(self._policies) > 8:
                self._policies.pop(next(iter(self._policies)))
        return self._policies[tenant]


def clear_all(caches: Caches) -> None:
    """Forget everything that this process keeps."""
    for kind in Kind:
        caches.clear(kind, None)


def _on(day: int) -> datetime:
    return NOW.replace(day=day)


def _nobody(_result: object) -> None:
    """Tell nobody."""
