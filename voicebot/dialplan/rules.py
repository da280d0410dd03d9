"""What must hold between the values of a dialplan: names that exist, intents that can be reached, answers for all.

Each rule yields (path, message, remedy); the path says which line of the YAML to show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import pairwise
from typing import Final

from voicebot.dialplan.endpointing import EndpointingPart
from voicebot.dialplan.hours import WEEKDAYS
from voicebot.dialplan.intents import IntentPart, SlotPart
from voicebot.dialplan.model import DayPart, Dialplan
from voicebot.dialplan.policy import with_defaults
from voicebot.dialplan.source import Path_
from voicebot.dialplan.templates import Hole, holes

Finding = tuple[Path_, str, str]

HOURS_FIELDS: Final = ("day", "openings", "note", "week", "until", "next")
"""What `{hours.…}` can name in an answer."""

HOURS_OUTCOMES: Final = ("open_day", "closed_day", "open_now", "closed_now", "week")
"""The answers that an intent with `source: hours` must have."""

WORDS: Final = frozenset({"address", "spelling", "name"})
"""Kinds of slots that any words may fill."""

ASKED_ONLY: Final = WORDS | {"yes_no"}
"""Kinds of slots that mean nothing unless they were asked for."""

_TARGET = re.compile(r"(?:(?:sips?|tel):|\$\{\w+\})\S*")
"""Once the defaults are in place. What a variable without one brings along is known only when it is used."""


def findings(plan: Dialplan) -> Iterator[Finding]:
    """Yield everything that is wrong with a dialplan whose values are each right by themselves."""
    yield from _timing(plan)
    yield from _opening_hours(plan)
    for name, slot in plan.slots.items():
        yield from _slot(("slots", name), slot)
    for name, intent in plan.intents.items():
        yield from _Intent(plan, name, intent).findings()
    yield from _unreachable(plan)
    for key, name in plan.menu.items():
        if name not in plan.intents:
            yield ("menu", key), f"the intent {name!r} is not declared", nearest(name, plan.intents)
    if plan.brain.engine == "playbook" and not plan.intents:
        yield ("brain", "engine"), "the playbook has no intents", "write 'intents:' or choose another engine"
    if plan.transfer.target and not _is_target(with_defaults(plan.transfer.target)):
        shown = repr(plan.transfer.target)
        yield ("transfer", "target"), f"{shown} is not a URI to transfer to", "write it as 'sip:agents@pbx.example.com'"


def normalised(text: str) -> str:
    """Return a turn as rules see it: lower case, one space between words, no punctuation but the apostrophe."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def nearest(name: str, known: Collection[str]) -> str:
    """Return a remedy for a name that does not exist."""
    close = get_close_matches(name, list(known), n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there are {', '.join(known)}" if known else "declare it"


def _timing(plan: Dialplan) -> Iterator[Finding]:
    yield from _delays(plan, ("endpointing",), plan.endpointing)
    for name, slot in plan.slots.items():
        if slot.own_delays:
            yield from _delays(plan, ("slots", name, "endpointing"), slot.endpointing.over(plan.endpointing))
    soft = plan.budgets.soft_ms
    if soft is not None and soft >= plan.budgets.hard_ms:
        yield ("budgets", "soft_ms"), "scaffolding would start after the turn is given up", "make it less than hard_ms"


def _delays(plan: Dialplan, path: Path_, waits: EndpointingPart) -> Iterator[Finding]:
    if plan.turn_taking.pause_ms > waits.min_delay_ms:
        yield (*path, "min_delay_ms"), "a turn would end before its pause", "make it at least pause_ms"
    if not waits.min_delay_ms <= waits.likely_ms <= waits.delay_ms <= waits.max_delay_ms:
        remedy = "put min_delay_ms, likely_ms, delay_ms and max_delay_ms in order"
        yield (*path, "delay_ms"), "must lie between likely_ms and max_delay_ms", remedy


def _opening_hours(plan: Dialplan) -> Iterator[Finding]:
    days: list[tuple[Path_, DayPart]] = [((weekday,), getattr(plan.hours, weekday)) for weekday in WEEKDAYS]
    days += [(("exceptions", day.isoformat()), part) for day, part in plan.hours.exceptions.items()]
    for path, part in days:
        for first, second in pairwise(part.resolved().openings):
            if second.opens < first.closes:
                yield ("hours", *path), "two openings overlap", "let each begin after the one before"
    called: dict[str, str] = {}
    for on, part in plan.hours.exceptions.items():
        for index, name in enumerate(part.names):
            place: Path_ = ("hours", "exceptions", on.isoformat(), "names", index)
            owner = called.setdefault(normalised(name), part.names[0])
            if normalised(name) in {"", "today", "tomorrow", *WEEKDAYS}:
                yield place, f"{name!r} cannot name one date", "call it by a name of its own, such as 'Christmas Day'"
            elif owner != part.names[0]:
                yield place, f"{name!r} is a name of {owner!r} already", "keep it in one of them"


def _slot(path: Path_, slot: SlotPart) -> Iterator[Finding]:
    if slot.kind == "digits" and slot.length is None:
        yield path, "a slot of digits needs a length", "add 'length: 5'"
    if slot.kind != "digits" and slot.length is not None:
        yield (*path, "length"), f"a slot of kind {slot.kind} has no length", "remove it"
    if slot.kind == "choice" and not slot.choices:
        yield path, "a slot of kind choice needs choices", "add 'choices: {value: [ways to say it]}'"
    if slot.kind != "choice" and slot.choices:
        yield (*path, "choices"), f"a slot of kind {slot.kind} has no choices", "remove them"


def _is_target(text: str) -> bool:
    return _TARGET.fullmatch(text) is not None and text not in {"sip:", "sips:", "tel:"}


def _unreachable(plan: Dialplan) -> Iterator[Finding]:
    earlier: dict[str, str] = {}
    patterns: list[tuple[str, str]] = []
    for name, intent in plan.intents.items():
        taken = [_taken_by(normalised(example), earlier, patterns) for example in intent.examples]
        if taken and all(taken) and not intent.patterns:
            message = f"no turn can reach this intent: {taken[0]!r} takes every example of it"
            yield ("intents", name), message, "give it examples of its own"
        elif repeated := next((i for i, owner in enumerate(taken) if owner), None):
            message = f"the example belongs to the intent {taken[repeated]!r} already"
            yield ("intents", name, "examples", repeated), message, "keep it in one of them"
        for example in intent.examples:
            earlier.setdefault(normalised(example), name)
        patterns += [(pattern, name) for pattern in intent.patterns]


def _taken_by(example: str, earlier: dict[str, str], patterns: list[tuple[str, str]]) -> str:
    if example in earlier:
        return earlier[example]
    return next((name for pattern, name in patterns if re.search(pattern, example)), "")


class _Intent:
    """The rules of one intent."""

    def __init__(self, plan: Dialplan, name: str, intent: IntentPart) -> None:
        self._plan = plan
        self._path: Path_ = ("intents", name)
        self._intent = intent

    def findings(self) -> Iterator[Finding]:
        if not self._intent.examples and not self._intent.patterns:
            yield self._path, "an intent needs examples", "add 'examples:' with ways that callers say it"
        yield from self._slots()
        yield from self._ending()
        yield from self._connector()
        yield from self._answers()

    def _slots(self) -> Iterator[Finding]:
        for key in ("slots", "optional"):
            for index, name in enumerate(getattr(self._intent, key)):
                if name not in self._plan.slots:
                    yield (
                        (*self._path, key, index),
                        f"the slot {name!r} is not declared",
                        nearest(name, self._plan.slots),
                    )
                elif key == "slots" and not self._plan.slots[name].prompt:
                    yield ("slots", name), "a slot that is asked for needs a prompt", "add 'prompt:'"
                elif key == "optional" and (kind := self._plan.slots[name].kind) in ASKED_ONLY:
                    message = f"a slot of kind {kind} is only filled when it is asked for"
                    yield (*self._path, key, index), message, "move it to 'slots:'"

    def _ending(self) -> Iterator[Finding]:
        if self._intent.ends == "handoff" and not self._intent.reason_code:
            yield (*self._path, "ends"), "a handoff needs a reason code", "add 'reason_code: CALLER_ASKED'"
        if self._intent.reason_code and self._intent.ends != "handoff":
            yield (*self._path, "reason_code"), "only a handoff has a reason code", "add 'ends: handoff' or remove it"

    def _connector(self) -> Iterator[Finding]:
        name, arguments = self._intent.connector, self._intent.arguments
        if not name:
            if arguments:
                yield (*self._path, "arguments"), "arguments without a connector", "add 'connector:' or remove them"
            return
        connector = self._plan.connectors.get(name)
        if connector is None:
            message = f"the connector {name!r} is not declared"
            yield (*self._path, "connector"), message, nearest(name, self._plan.connectors)
            return
        for key, template in arguments.items():
            if key not in connector.parameters:
                message = f"the connector {name!r} has no parameter {key!r}"
                yield (*self._path, "arguments", key), message, nearest(key, connector.parameters)
            yield from self._holes((*self._path, "arguments", key), template)
        for key, parameter in connector.parameters.items():
            if parameter.required and key not in arguments:
                message = f"the connector {name!r} needs the argument {key!r}"
                yield (*self._path, "connector"), message, f"add 'arguments: {{{key}: ...}}'"
        outcome = json.loads(connector.fallback.result or "{}").get("outcome", "default")
        if connector.fallback.result and outcome not in self._intent.answers and "default" not in self._intent.answers:
            yield (*self._path, "answers"), f"no answer for the fallback's outcome {outcome!r}", "add it"

    def _answers(self) -> Iterator[Finding]:
        intent = self._intent
        if intent.source and intent.connector:
            yield (*self._path, "source"), "an intent has a source or a connector, not both", "remove one of them"
        needed: tuple[str, ...] = ("default",)
        if intent.source == "hours":
            needed = HOURS_OUTCOMES
        elif intent.ends or intent.source == "repeat":
            needed = ()
        for outcome in needed:
            if outcome not in intent.answers:
                yield (*self._path, "answers"), f"the answer {outcome!r} is missing", "add it"
        if not intent.connector:
            for outcome in intent.answers:
                if outcome not in (*needed, "default"):
                    path = (*self._path, "answers", outcome)
                    yield path, f"nothing leads to the answer {outcome!r}", nearest(outcome, needed or ("default",))
        for outcome, template in intent.answers.items():
            yield from self._holes((*self._path, "answers", outcome), template)

    def _holes(self, path: Path_, template: str) -> Iterator[Finding]:
        for hole in holes(template):
            reason = self._unknown(hole)
            if reason:
                yield path, f"{{{hole.path}}}: {reason[0]}", reason[1]

    def _unknown(self, hole: Hole) -> tuple[str, str] | None:
        name, rest = hole.root, hole.path.partition(".")[2]
        if not rest:
            return self._unknown_slot(name)
        if name == "result":
            return None if self._intent.connector else ("the intent calls no connector", "add 'connector:'")
        if name == "hours":
            known = self._intent.source == "hours" and rest in HOURS_FIELDS
            return (
                None
                if known
                else ("the hours do not tell that", f"with 'source: hours', {nearest(rest, HOURS_FIELDS)}")
            )
        section = self._plan.knowledge.get(name)
        if section is None:
            return "the knowledge has no such section", nearest(name, self._plan.knowledge)
        return None if rest in section else ("the knowledge does not hold it", nearest(rest, section))

    def _unknown_slot(self, name: str) -> tuple[str, str] | None:
        if name in self._intent.slots:
            return None
        if name in self._intent.optional:
            return "an optional slot may have no value", "move it to 'slots:' or leave it out"
        return "the slot is not one of this intent", nearest(name, self._intent.slots)
