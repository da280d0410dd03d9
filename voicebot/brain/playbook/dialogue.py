"""One turn of the playbook: a pure function of the turn, the memory and the time.

A turn is taken as the answer to a question first, then as an intent, then as a follow-up to the last intent (`and on
Sunday?`, another number). What none of these explains is no match, and the core asks back.

What answers one question answers no other. Keys typed ahead belong to the questions in their order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.intents import IntentMatcher
from voicebot.brain.playbook.memory import Memory, Said
from voicebot.brain.playbook.opening_hours import about
from voicebot.brain.playbook.slots import NOW, Filling, filling, keys, mentioned, width
from voicebot.brain.playbook.told import Told
from voicebot.core.events import BrainOutcome
from voicebot.dialplan.intents import IntentPart
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.rules import WORDS, normalised
from voicebot.dialplan.templates import Scalar, holes, render

MAX_TRIES: Final = 2
"""Times that a slot is asked for before the turn counts as not understood."""

MIN_WORDS: Final = 3
"""Least words of a clause that others follow."""

_NOTHING: Final = Told()
_NO_INTENT: Final = IntentPart()
_NAMED: Final = frozenset({"weekday", "choice"})
"""Kinds of slots whose values are all known beforehand."""
_BARE: Final = re.compile(
    r"(?:no|nope|nah|yes|yeah|yep|yup)(?: (?:no|nope|nah|yes|yeah|yep|yup|thanks|thank you|please|not really|it is))*"
)
"""A yes or no that says nothing else."""
_REFUSES: Final = re.compile(r"no|nope|nah")
_OFFER: Final = re.compile(r"\belse\b[^.!?]*\?\W*$", re.IGNORECASE)
"""Ends in a question whether the caller wants anything else."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9])")


@dataclass(frozen=True, slots=True)
class Decision:
    """What a turn comes to. `tool` is a connector's name and its arguments as JSON."""

    outcome: BrainOutcome
    memory: Memory
    clauses: tuple[Said, ...] = ()
    tool: tuple[str, str] | None = None
    reason_code: str = ""


class Dialogue:
    """The playbook of one dialplan."""

    def __init__(self, policy: Policy) -> None:
        self._plan = policy.dialplan
        self._hours = policy.hours
        self._days = DayNames(day.names for day in policy.hours.exceptions.values() if day.names)
        self._matcher = IntentMatcher(policy.dialplan, self._days)
        self._patterns = [re.compile(pattern) for intent in self._plan.intents.values() for pattern in intent.patterns]
        self._knowledge: dict[str, Scalar] = {
            f"{section}.{key}": value for section, keys in self._plan.knowledge.items() for key, value in keys.items()
        }

    def turn(self, text: str, memory: Memory, now: datetime, heard: str | None = None) -> Decision:
        """Decide about what the caller said. `now` is local to the business.

        `heard` is what the caller heard the bot say last; None: as the memory has it, without the core's phrases.
        """
        if memory.asking:
            decision = self._answer_to_question(text, memory, now)
            if decision is not None:
                return decision
        name = self._wanted(text, memory, heard)
        if name and self._plan.intents[name].source == "repeat":
            # The memory stays as it is: a question that was repeated is still open.
            outcome = BrainOutcome.ANSWERED if memory.said else BrainOutcome.NO_MATCH
            return Decision(outcome, memory, memory.said)
        if name:
            rest = "" if self._plan.menu.get(keys(text)) == name else text  # a key of the menu is no part of a number
            return self._pursue(name, rest, Memory(intent=name, said=memory.said), now)
        if memory.asking and memory.tries < MAX_TRIES:
            again = memory.model_copy(update={"tries": memory.tries + 1, "partial": ""})
            slot = self._plan.slots[memory.asking]
            return self._say(memory.intent, slot.retry or slot.prompt, again)
        return Decision(BrainOutcome.NO_MATCH, Memory(intent=memory.intent, said=memory.said))

    def results(self, results: tuple[tuple[str, str], ...], memory: Memory) -> Decision:
        """Decide about what the connector returned for the intent that is under way."""
        intent = self._plan.intents.get(memory.intent)
        given = [text for name, text in results if intent is not None and name == intent.connector]
        if intent is None or not given:
            return Decision(BrainOutcome.NO_MATCH, Memory(said=memory.said))
        result = _object(given[-1])
        values: dict[str, Scalar] = {
            f"result.{key}": value for key, value in result.items() if isinstance(value, str | int | float | bool)
        }
        outcome = str(result.get("outcome", "default"))
        told = Told(outcome, values, (f"tool:{intent.connector}",))
        return self._answer(memory.intent, told, memory)

    def knows_whole(self, text: str) -> bool:
        """Whether a turn is an example, but for days, numbers and a few letters, and no example goes on from there.

        A pattern that takes the turn from `^` to `$` knows it as well.
        """
        turn = normalised(text)
        patterns = (pattern for pattern in self._patterns if re.fullmatch(r"\^.*\$", pattern.pattern))
        by_pattern = any(pattern.search(turn) for pattern in patterns)
        return by_pattern or self._matcher.knows_whole(text) or self._says_all(text)

    def _says_all(self, text: str) -> bool:
        """Whether a pattern decides the intent and the turn ends with the last thing that is to be known for it.

        A number is never the last thing: it may be the beginning of a longer one.
        """
        turn = normalised(text)
        name = self._matcher.by_pattern(turn)
        wanted = (*self._plan.intents[name].slots, *self._plan.intents[name].optional) if name else ()
        if (
            not wanted
            or self._days.may_go_on(turn)
            or any(self._plan.slots[each].kind not in _NAMED for each in wanted)
        ):
            return False
        return self._fills(wanted, turn) and not self._fills(wanted, turn.rpartition(" ")[0])

    def _fills(self, slots: tuple[str, ...], turn: str) -> bool:
        return all(self._mentioned(slot, turn).value not in {"", NOW} for slot in slots)

    def examples(self) -> tuple[str, ...]:
        """Return what callers are expected to say, each example that names a day once for each."""
        plain = [example for intent in self._plan.intents.values() for example in intent.examples]
        return tuple(dict.fromkeys(text for example in plain for text in self._days.every_day(example)))

    def expects(self, memory: Memory) -> str:
        """Return what the open question asks for, as the core's endpointing names it; empty without one."""
        slot = self._plan.slots.get(memory.asking)
        if slot is None:
            return ""
        left = slot.length - len(memory.partial) if slot.kind == "digits" and slot.length else 0
        what = f"{slot.kind}:{left}" if left > 0 else slot.kind
        return f"{what}@{memory.asking}" if slot.own_delays else what

    def _wanted(self, text: str, memory: Memory, heard: str | None) -> str:
        """Return the intent of a turn that answers no question. A bare yes or no has none but after an offer."""
        bare = normalised(text)
        chosen = self._plan.menu.get(keys(text), "")
        if chosen and (not memory.asking or self._plan.intents[chosen].ends == "handoff"):
            return chosen  # to an open question any other key is a wrong answer, not a new wish
        if not _BARE.fullmatch(bare):
            return self._matcher.match(text) or self._implied(text, memory)
        last = " ".join(clause.text for clause in memory.said) if heard is None else heard
        if memory.asking or not _REFUSES.match(bare) or not _OFFER.search(last):
            return ""
        return next((name for name, intent in self._plan.intents.items() if intent.ends == "goodbye"), "")

    def _answer_to_question(self, text: str, memory: Memory, now: datetime) -> Decision | None:
        slot = self._plan.slots.get(memory.asking)
        intent = self._plan.intents.get(memory.intent)
        if slot is None or intent is None or (slot.kind in WORDS and self._wants_something(text)):
            return None
        ahead = len(keys(text)) > width(slot)
        typed = self._typed_ahead(memory.partial + keys(text), intent, memory) if ahead else {}
        found = filling(slot, text, memory.partial, self._days)
        if typed or found.value:
            slots = {**memory.slots, **(typed or {memory.asking: found.value})}
            # A number or a key answers what was asked and says nothing of the rest.
            rest = "" if typed or keys(text) else found.rest
            return self._pursue(memory.intent, rest, Memory(intent=memory.intent, slots=slots, said=memory.said), now)
        if found.partial and slot.rest and found.partial != memory.partial:
            waiting = memory.model_copy(update={"partial": found.partial})
            return self._say(memory.intent, slot.rest, waiting)
        return None

    def _wants_something(self, text: str) -> bool:
        """Whether a turn that could be anybody's name is what an intent was written for."""
        turn = normalised(text)
        return self._matcher.knows_whole(text) or any(pattern.search(turn) for pattern in self._patterns)

    def _typed_ahead(self, typed: str, intent: IntentPart, memory: Memory) -> dict[str, str]:
        """Share out keys that answer two or more of the questions to come, each whole; empty when they do not."""
        slots: dict[str, str] = {}
        for name in intent.slots:
            if name in memory.slots or not typed:
                continue
            slot = self._plan.slots[name]
            value = filling(slot, typed[: width(slot)]).value if width(slot) else ""
            if not value:
                return {}
            slots[name], typed = value, typed[width(slot) :]
        return slots if len(slots) > 1 and not typed else {}

    def _implied(self, text: str, memory: Memory) -> str:
        """Return the intent that a turn without one goes on with, by the slots that it fills."""
        last = self._plan.intents.get(memory.intent)
        if last is not None and any(self._mentioned(name, text).value for name in (*last.slots, *last.optional)):
            return memory.intent
        for name, intent in self._plan.intents.items():
            if any(
                self._plan.slots[slot].kind == "digits" and self._mentioned(slot, text).value for slot in intent.slots
            ):
                return name
        return ""

    def _mentioned(self, slot: str, text: str) -> Filling:
        return mentioned(self._plan.slots[slot], text, self._days)

    def _pursue(self, name: str, text: str, memory: Memory, now: datetime) -> Decision:
        """Take what the turn has for the slots of an intent, then ask for what is missing or carry it out."""
        intent = self._plan.intents[name]
        slots, begun = dict(memory.slots), dict[str, str]()
        # E-mail addresses first: what the others leave of a turn has lost its signs.
        wanted = sorted((*intent.slots, *intent.optional), key=lambda slot: self._plan.slots[slot].kind != "email")
        for slot_name in wanted:
            if slot_name in slots:
                continue
            found = self._mentioned(slot_name, text)
            if found.value:
                slots[slot_name] = found.value
                text = "" if keys(text) else found.rest
            else:
                begun[slot_name] = found.partial
        memory = Memory(intent=name, slots=slots, said=memory.said)
        missing = next((slot for slot in intent.slots if slot not in slots), "")
        if missing:
            slot, partial = self._plan.slots[missing], begun[missing]
            asked = memory.model_copy(update={"asking": missing, "partial": partial})
            return self._say(name, slot.rest if partial and slot.rest else slot.prompt, asked)
        return self._carry_out(name, intent, memory, now)

    def _carry_out(self, name: str, intent: IntentPart, memory: Memory, now: datetime) -> Decision:
        if intent.connector:
            values = {**self._knowledge, **memory.slots}
            arguments = {
                key: render(template, values, self._plan.currency) for key, template in intent.arguments.items()
            }
            wanted = (intent.connector, json.dumps(arguments, sort_keys=True, separators=(",", ":")))
            return Decision(BrainOutcome.WAITING_FOR_TOOLS, memory, tool=wanted)
        if intent.source == "hours":
            asked = next((memory.slots[s] for s in intent.optional if s in memory.slots), "")
            return self._answer(name, about(self._hours, asked, now), memory)
        return self._answer(name, Told(), memory)

    def _answer(self, name: str, told: Told, memory: Memory) -> Decision:
        intent = self._plan.intents[name]
        general = intent.answers.get("default", "")
        try:
            decision = self._say(name, intent.answers.get(told.outcome, general), memory, told)
        except KeyError:
            # The result lacks what this answer tells: better the general answer than a sentence with a hole.
            decision = self._say(name, general, memory, told)
        match intent.ends:
            case "handoff":
                return Decision(BrainOutcome.HANDOFF, memory, decision.clauses, reason_code=intent.reason_code)
            case "goodbye":
                return Decision(BrainOutcome.GOODBYE, memory, decision.clauses)
            case _:
                return decision

    def _say(self, name: str, template: str, memory: Memory, told: Told = _NOTHING) -> Decision:
        """Fill a template and cut it into sentences. Raises KeyError for a hole that has no value."""
        known = {**self._knowledge, **memory.slots, **told.values}
        text = " ".join(render(template, known, self._plan.currency).split())
        sources = (f"dialplan:intents.{name}", *told.evidence, *self._sources(template))
        clauses = tuple(Said(text=part, evidence=tuple(dict.fromkeys(sources))) for part in _sentences(text))
        outcome = BrainOutcome.ANSWERED if clauses else BrainOutcome.NO_MATCH
        return Decision(outcome, memory.model_copy(update={"said": clauses or memory.said}), clauses)

    def _sources(self, template: str) -> tuple[str, ...]:
        paths = [hole.path for hole in holes(template)]
        knowledge = [f"dialplan:{path}" for path in paths if path in self._knowledge]
        return (*knowledge, *(["caller"] if any("." not in path for path in paths) else []))


def _sentences(text: str) -> list[str]:
    """Cut a text into clauses to speak. A sentence too short to cover the making of the next one is kept with it."""
    clauses: list[str] = []
    for part in _SENTENCE_END.split(text):
        if clauses and len(clauses[-1].split()) < MIN_WORDS:
            clauses[-1] += " " + part
        elif part:
            clauses.append(part)
    return clauses


def _object(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
