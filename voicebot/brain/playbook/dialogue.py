"""One turn of the playbook: a pure function of the turn, the memory and the time.

While something is open, a turn is taken as steering (`never mind`, `go back`), as the answer, as a correction of what
was given, or as a digression, after which the open question is asked again. Otherwise it is an intent, or a follow-up
to the last one (`and on Sunday?`, another number). What none of these explains is no match, and the core asks back.

What answers one question answers no other. Keys typed ahead belong to the questions in their order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from voicebot.brain.playbook import steering
from voicebot.brain.playbook.answering import Answering
from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.flow import Flow
from voicebot.brain.playbook.intents import IntentMatcher
from voicebot.brain.playbook.memory import Memory
from voicebot.brain.playbook.slots import NOW, Frame, keys, mentioned
from voicebot.brain.playbook.told import Told
from voicebot.brain.playbook.wording import Decision, Wording
from voicebot.core.events import BrainOutcome
from voicebot.core.policy import SideEffect
from voicebot.dialplan.intents import IntentPart
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.rules import normalised

MAX_TRIES: Final = 2
"""Times that a slot is asked for before the turn counts as not understood."""

_NAMED: Final = frozenset({"weekday", "choice"})
"""Kinds of slots whose values are all known beforehand."""
_BARE: Final = re.compile(
    r"(?:no|nope|nah|yes|yeah|yep|yup)(?: (?:no|nope|nah|yes|yeah|yep|yup|thanks|thank you|please|not really|it is))*"
)
"""A yes or no that says nothing else."""
_REFUSES: Final = re.compile(r"no|nope|nah")
_OFFER: Final = re.compile(r"\belse\b[^.!?]*\?\W*$", re.IGNORECASE)
"""Ends in a question whether the caller wants anything else."""


class Dialogue:
    """The playbook of one dialplan."""

    def __init__(self, policy: Policy) -> None:
        self._plan = policy.dialplan
        self._days = DayNames(day.names for day in policy.hours.exceptions.values() if day.names)
        self._matcher = IntentMatcher(policy.dialplan, self._days)
        self._wording = Wording(policy.dialplan)
        self._flow = Flow(policy, self._wording)
        self._answering = Answering(policy, self._matcher, self._flow, self._days)

    def turn(self, text: str, memory: Memory, now: datetime, heard: str | None = None) -> Decision:
        """Decide about what the caller said. `now` is local to the business.

        `heard` is what the caller heard the bot say last; None: as the memory has it, without the core's phrases.
        """
        if memory.open and memory.intent in self._plan.intents:
            decision = self._while_open(text, memory, now)
            if decision is not None:
                return self._returned(decision, now)
        put_right = None if memory.open else self._answering.put_right(text, memory, now)
        if put_right is not None:
            return self._returned(put_right, now)
        name = self._wanted(text, memory, heard)
        if memory.asking and name == memory.intent and not self._answering.says_more(text, memory, now):
            name = ""  # that is under way already; what was asked for is still not known
        if name:
            return self._returned(self._begin(name, text, memory, now), now)
        if memory.open and memory.tries < MAX_TRIES:
            return self._again(memory, now)
        return Decision(BrainOutcome.NO_MATCH, memory.fresh(memory.intent))

    def results(self, results: tuple[tuple[str, str], ...], memory: Memory, now: datetime) -> Decision:
        """Decide about what the connector returned for the intent that is under way."""
        intent = self._plan.intents.get(memory.intent)
        looked_up = self._plan.slots[memory.offering].offers if memory.offering in self._plan.slots else None
        connector = looked_up.connector if looked_up is not None else intent.connector if intent is not None else ""
        given = [text for name, text in results if name == connector]
        if intent is None or not given:
            return Decision(BrainOutcome.NO_MATCH, memory.fresh())
        if looked_up is not None:
            return self._returned(self._flow.offered(_object(given[-1]), memory, now), now)
        return self._returned(self._flow.result(intent, _object(given[-1]), memory), now)

    def knows_whole(self, text: str) -> bool:
        """Whether a turn is an example, but for days, numbers and a few letters, and no example goes on from there."""
        return self._matcher.knows_whole(text) or self._says_all(text)

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
        frame = Frame(self._days)
        return all(mentioned(self._plan.slots[slot], turn, frame).value not in {"", NOW} for slot in slots)

    def examples(self) -> tuple[str, ...]:
        """Return what callers are expected to say, each example that names a day once for each."""
        plain = [example for intent in self._plan.intents.values() for example in intent.examples]
        return tuple(dict.fromkeys(text for example in plain for text in self._days.every_day(example)))

    def expects(self, memory: Memory) -> str:
        """Return what the open question asks for, as the core's endpointing names it; empty without one."""
        if memory.confirming or (memory.wished and not memory.declined):
            return "yes_no"
        slot = self._plan.slots.get(memory.asking)
        if slot is None:
            return ""
        left = slot.length - len(memory.partial) if slot.kind == "digits" and slot.length else 0
        what = f"{slot.kind}:{left}" if left > 0 else slot.kind
        return f"{what}@{memory.asking}" if slot.own_delays else what

    def _while_open(self, text: str, memory: Memory, now: datetime) -> Decision | None:
        """Take a turn as what is expected, or as steering; None when it is neither."""
        turn = normalised(text)
        intent = self._plan.intents[memory.intent]
        if steering.drops(turn) and not self._answering.other_wish(turn, memory):
            dropped = memory.fresh().but(suspended=None)
            return self._wording.say(memory.intent, intent.dropped, dropped)
        return self._answering.take(text, memory, now)

    def _wanted(self, text: str, memory: Memory, heard: str | None) -> str:
        """Return the intent of a turn that answers no question. A bare yes or no has none but after an offer."""
        bare = normalised(text)
        chosen = self._plan.menu.get(keys(text), "")
        if chosen and (not memory.open or self._plan.intents[chosen].ends == "handoff"):
            return chosen  # to an open question any other key is a wrong answer, not a new wish
        if not _BARE.fullmatch(bare):
            return self._matcher.match(text) or self._implied(text, memory)
        last = " ".join(clause.text for clause in memory.said) if heard is None else heard
        if memory.open or not _REFUSES.match(bare) or not _OFFER.search(last):
            return ""
        return next((name for name, intent in self._plan.intents.items() if intent.ends == "goodbye"), "")

    def _implied(self, text: str, memory: Memory) -> str:
        """Return the intent that a turn without one goes on with, by the slots that it fills."""
        last = self._plan.intents.get(memory.intent)
        frame = Frame(self._days)
        if last is not None and any(self._says(name, text, frame) for name in (*last.slots, *last.optional)):
            return memory.intent
        for name, intent in self._plan.intents.items():
            if any(self._plan.slots[slot].kind == "digits" and self._says(slot, text, frame) for slot in intent.slots):
                return name
        return ""

    def _says(self, slot: str, text: str, frame: Frame) -> str:
        return mentioned(self._plan.slots[slot], text, frame).value

    def _begin(self, name: str, text: str, memory: Memory, now: datetime) -> Decision:
        """Begin what the caller wants. What was open is come back to, unless this takes its place."""
        intent = self._plan.intents[name]
        if intent.source == "repeat":
            return self._repeated(memory, now)
        if intent.source == "back":
            return self._back(name, text, memory, now)
        rest = "" if self._plan.menu.get(keys(text)) == name else text  # a key of the menu is no part of a number
        fresh = memory.fresh(name)
        if memory.open and name == memory.intent:
            fresh = memory.closed()  # said again, perhaps with more
        elif memory.open and not self._replaces(intent):
            fresh = fresh.but(suspended=memory.suspended or memory.but(suspended=None))
        elif intent.ends or self._replaces(intent):
            fresh = fresh.but(suspended=None)
        return self._answering.filled(rest, fresh, now)

    def _replaces(self, intent: IntentPart) -> bool:
        """Whether an intent is no digression: it does something, or ends the talk."""
        part = self._plan.connectors.get(intent.connector)
        return bool(intent.ends) or (part is not None and part.side_effect is not SideEffect.NONE)

    def _repeated(self, memory: Memory, now: datetime) -> Decision:
        """Say the last thing again. The memory stays as it is: a question that was repeated is still open."""
        if memory.wished and not memory.declined:
            return self._flow.open_question(memory, now) or Decision(BrainOutcome.NO_MATCH, memory)
        outcome = BrainOutcome.ANSWERED if memory.said else BrainOutcome.NO_MATCH
        return Decision(outcome, memory, memory.said)

    def _back(self, name: str, text: str, memory: Memory, now: datetime) -> Decision:
        """Take back the last answer, or all of them; without any the intent's own answer tells what can be asked."""
        if not memory.open:
            return self._flow.answer(Told(), memory.fresh(name))
        if steering.starts_over(normalised(text)) or not memory.slots:
            again = memory.fresh(memory.intent)
            kept = {slot: value for slot, value in memory.held.items() if slot not in memory.slots}
            return self._flow.go_on(again.but(held=kept), now)
        last = memory.asking if memory.asking in memory.slots else list(memory.slots)[-1]
        left = {slot: value for slot, value in memory.slots.items() if slot != last}
        sure = tuple(slot for slot in memory.confirmed if slot != last)
        held = {slot: value for slot, value in memory.held.items() if slot != last}
        return self._flow.go_on(memory.closed().but(slots=left, confirmed=sure, held=held), now)

    def _again(self, memory: Memory, now: datetime) -> Decision:
        """Ask again for what a turn did not answer."""
        tries = memory.tries + 1
        if memory.asking:
            decision = self._flow.ask(memory.asking, memory, again=True)
        else:
            found = self._flow.open_question(memory, now)
            if found is None:
                return Decision(BrainOutcome.NO_MATCH, memory.fresh())
            decision = found
        return Decision(decision.outcome, decision.memory.but(tries=tries), decision.clauses, decision.tool)

    def _returned(self, decision: Decision, now: datetime) -> Decision:
        """Ask again what the caller digressed from, once the digression is over."""
        before, memory = decision.memory.suspended, decision.memory
        if decision.outcome is not BrainOutcome.ANSWERED or before is None or memory.open:
            return decision
        asked = self._flow.open_question(before.but(held=memory.held, said=memory.said), now)
        if asked is None:
            return Decision(decision.outcome, before.but(held=memory.held, said=memory.said), decision.clauses)
        told = tuple(clause for clause in decision.clauses if not _OFFER.search(clause.text)) or decision.clauses
        clauses = (*told, *asked.clauses)
        return Decision(asked.outcome, asked.memory.but(said=clauses, suspended=None), clauses, asked.tool)


def _object(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
