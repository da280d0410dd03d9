"""Answers from templates: each clause with where its facts come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from voicebot.brain.playbook.memory import Memory, Said
from voicebot.brain.playbook.told import Told
from voicebot.core.events import BrainOutcome
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.templates import Scalar, Value, holes, render

MIN_WORDS: Final = 3
"""Least words of a clause that others follow."""

MOST_SHOWN: Final = 3
"""Offers that are told at a time; nobody keeps more in mind."""

_NOTHING: Final = Told()
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9])")


@dataclass(frozen=True, slots=True)
class Decision:
    """What a turn comes to. `tool` is a connector's name, its arguments as JSON, and the question for consent."""

    outcome: BrainOutcome
    memory: Memory
    clauses: tuple[Said, ...] = ()
    tool: tuple[str, str, str] | None = None
    reason_code: str = ""


class Wording:
    """The templates of one dialplan."""

    def __init__(self, plan: Dialplan) -> None:
        self._currency = plan.currency
        self.knowledge: Mapping[str, Scalar] = {
            f"{section}.{key}": value for section, keys in plan.knowledge.items() for key, value in keys.items()
        }

    def say(self, name: str, template: str, memory: Memory, told: Told = _NOTHING) -> Decision:
        """Fill a template of the intent `name` and cut it into sentences. Raises KeyError for a hole without a value.

        `{offers.some}` are those of `memory.shown`.
        """
        offers: dict[str, Value] = {"offers.some": memory.shown, "offers.all": memory.offered}
        text = " ".join(self.filled(template, {**memory.slots, **offers, **told.values}).split())
        sources = (f"dialplan:intents.{name}", *told.evidence, *self._sources(template))
        clauses = tuple(Said(text=part, evidence=tuple(dict.fromkeys(sources))) for part in sentences(text))
        outcome = BrainOutcome.ANSWERED if clauses else BrainOutcome.NO_MATCH
        return Decision(outcome, memory.but(said=clauses or memory.said), clauses)

    def filled(self, template: str, values: Mapping[str, Value]) -> str:
        """Fill a template from `values` and what the dialplan knows. Raises KeyError."""
        return render(template, {**self.knowledge, **values}, self._currency)

    def _sources(self, template: str) -> tuple[str, ...]:
        paths = [hole.path for hole in holes(template)]
        knowledge = [f"dialplan:{path}" for path in paths if path in self.knowledge]
        return (*knowledge, *(["caller"] if any("." not in path for path in paths) else []))


def sentences(text: str) -> list[str]:
    """Cut a text into clauses to speak. A sentence too short to cover the making of the next one is kept with it."""
    clauses: list[str] = []
    for part in _SENTENCE_END.split(text):
        if clauses and len(clauses[-1].split()) < MIN_WORDS:
            clauses[-1] += " " + part
        elif part:
            clauses.append(part)
    return clauses
