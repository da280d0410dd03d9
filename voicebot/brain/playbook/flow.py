"""One intent under way: which of its slots are missing, in doubt or not to be had, and what is asked next.

The order is always the same: ask for what is missing, look up what it may be, read back what the dialplan wants read
back, then answer or want the connector. So a correction only changes a slot and goes on from there.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from voicebot.brain.playbook.memory import Memory
from voicebot.brain.playbook.opening_hours import about
from voicebot.brain.playbook.told import Told
from voicebot.brain.playbook.wording import MOST_SHOWN, Decision, Wording
from voicebot.core.events import BrainOutcome
from voicebot.core.policy import SideEffect
from voicebot.dialplan.intents import IntentPart, OffersPart, SlotPart
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.templates import Scalar

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Flow:
    """The intents of one dialplan, carried out."""

    def __init__(self, policy: Policy, wording: Wording) -> None:
        self._plan = policy.dialplan
        self._hours = policy.hours
        self._wording = wording

    def go_on(self, memory: Memory, now: datetime, begun: Mapping[str, str] = _NONE) -> Decision:
        """Do what comes next for the intent of a memory whose slots were just filled. `begun` are digits so far."""
        memory = self._with_held(memory.closed())
        for name in self._plan.intents[memory.intent].slots:
            slot = self._plan.slots[name]
            if slot.offers is not None:
                decision = self._among_offers(name, slot.offers, memory)
                if decision is not None:
                    return decision
            elif name not in memory.slots:
                return self.ask(name, memory, begun.get(name, ""))
            if slot.confirm and name not in memory.confirmed:
                return self._wording.say(memory.intent, slot.confirm, memory.but(confirming=name))
        return self._carry_out(memory, now)

    def ask(self, name: str, memory: Memory, partial: str = "", *, again: bool = False) -> Decision:
        """Ask for a slot; `again`: the answer to it was not understood."""
        slot = self._plan.slots[name]
        memory = memory.but(asking=name, partial=partial, confirming="")
        if again and slot.retry:
            return self._wording.say(memory.intent, slot.retry, memory)
        if slot.offers is not None and memory.offered:
            return self._wording.say(memory.intent, slot.offers.prompt, memory, _looked_up(slot.offers))
        return self._wording.say(memory.intent, slot.rest if partial and slot.rest else slot.prompt, memory)

    def declined(self, memory: Memory) -> Decision:
        """Take a no to what the connector would do: nothing is done, and what was given may be changed."""
        template = self._plan.intents[memory.intent].declined
        return self._wording.say(memory.intent, template, memory.closed().but(wished=True, declined=True))

    def open_question(self, memory: Memory, now: datetime) -> Decision | None:
        """Ask again what is open; None when nothing is."""
        if memory.wished:
            return None if memory.declined else self._carry_out(memory.closed(), now)
        if memory.confirming:
            return self._wording.say(memory.intent, self._plan.slots[memory.confirming].confirm, memory)
        return self.ask(memory.asking, memory, memory.partial) if memory.asking else None

    def offered(self, result: Mapping[str, object], memory: Memory, now: datetime) -> Decision:
        """Take what a slot may be, as its connector told."""
        offers = self._plan.slots[memory.offering].offers
        values = result.get(offers.values) if offers is not None else None
        listed = [str(value) for value in values] if isinstance(values, list) else []
        if self._plan.slots[memory.offering].kind == "time" and now.date().isoformat() in memory.slots.values():
            listed = [value for value in listed if value > f"{now:%H:%M}"]
        return self.go_on(memory.but(offered=tuple(listed)), now)

    def _among_offers(self, name: str, offers: OffersPart, memory: Memory) -> Decision | None:
        """See to a slot that may not be anything; None when its value is one of the offers."""
        wanted = self._arguments(offers.arguments, memory)
        if memory.offered_for != wanted:
            waiting = memory.but(offering=name, offered_for=wanted, offered=(), shown=())
            return Decision(BrainOutcome.WAITING_FOR_TOOLS, waiting, tool=(offers.connector, wanted, ""))
        value, told = memory.slots.get(name, ""), _looked_up(offers)
        if not memory.offered:
            left = {slot: kept for slot, kept in memory.slots.items() if slot != offers.none_asks}
            decision = self._wording.say(memory.intent, offers.none, memory, told)
            asked = decision.memory.but(slots=left, asking=offers.none_asks, offered_for="")
            return Decision(decision.outcome, asked, decision.clauses)
        if not value:
            return self.ask(name, memory.but(shown=_some(memory.offered)))
        if value in memory.offered:
            return None
        memory = memory.but(shown=_near(value, memory.offered))
        decision = self._wording.say(memory.intent, offers.refuse, memory, told)
        left = {slot: kept for slot, kept in memory.slots.items() if slot != name}
        return Decision(decision.outcome, decision.memory.but(slots=left, asking=name), decision.clauses)

    def _with_held(self, memory: Memory) -> Memory:
        """Fill what is known for the whole call, and hold what is known from now on."""
        wanted = [name for name in self._plan.intents[memory.intent].slots if self._plan.slots[name].kept]
        known = {name: memory.held[name] for name in wanted if name in memory.held and name not in memory.slots}
        memory = memory.but(
            slots={**memory.slots, **known}, confirmed=tuple(dict.fromkeys((*memory.confirmed, *known)))
        )
        sure = {
            name: memory.slots[name]
            for name in wanted
            if name in memory.slots and (name in memory.confirmed or not self._plan.slots[name].confirm)
        }
        return memory.but(held={**memory.held, **sure})

    def _carry_out(self, memory: Memory, now: datetime) -> Decision:
        intent = self._plan.intents[memory.intent]
        if intent.connector:
            arguments = self._arguments(intent.arguments, memory)
            part = self._plan.connectors[intent.connector]
            changes = part.side_effect is not SideEffect.NONE
            question = self._wording.filled(part.confirm, json.loads(arguments)) if changes else ""
            waiting = memory.but(wished=changes)
            return Decision(BrainOutcome.WAITING_FOR_TOOLS, waiting, tool=(intent.connector, arguments, question))
        if intent.source == "hours":
            asked = next((memory.slots[slot] for slot in intent.optional if slot in memory.slots), "")
            return self.answer(about(self._hours, asked, now), memory)
        return self.answer(Told(), memory)

    def _arguments(self, templates: Mapping[str, str], memory: Memory) -> str:
        filled = {key: self._wording.filled(template, memory.slots) for key, template in templates.items()}
        return json.dumps(filled, sort_keys=True, separators=(",", ":"))

    def result(self, intent: IntentPart, result: Mapping[str, object], memory: Memory) -> Decision:
        """Take what the intent's connector returned."""
        values: dict[str, Scalar] = {
            f"result.{key}": value for key, value in result.items() if isinstance(value, str | int | float | bool)
        }
        told = Told(str(result.get("outcome", "default")), values, (f"tool:{intent.connector}",))
        known = {slot: str(result[key]) for slot, key in intent.remembers.items() if result.get(key)}
        memory = memory.closed().but(held={**memory.held, **known})
        decision = self.answer(told, memory)
        wrong = intent.reasks.get(told.outcome, "")
        if wrong:
            return Decision(decision.outcome, self._without(wrong, decision.memory), decision.clauses)
        if self._plan.connectors[intent.connector].side_effect is not SideEffect.NONE:
            return Decision(decision.outcome, decision.memory.fresh(), decision.clauses, None, decision.reason_code)
        return decision

    def _without(self, name: str, memory: Memory) -> Memory:
        """Ask for a slot that was wrong; what was looked up for it may have changed."""
        return memory.but(
            slots={slot: value for slot, value in memory.slots.items() if slot != name},
            held={slot: value for slot, value in memory.held.items() if slot != name},
            confirmed=tuple(slot for slot in memory.confirmed if slot != name),
            asking=name,
            offered_for="",
        )

    def answer(self, told: Told, memory: Memory) -> Decision:
        """Say the intent's answer for an outcome."""
        name = memory.intent
        intent = self._plan.intents[name]
        general = intent.answers.get("default", "")
        try:
            decision = self._wording.say(name, intent.answers.get(told.outcome, general), memory, told)
        except KeyError:
            # The result lacks what this answer tells: better the general answer than a sentence with a hole.
            decision = self._wording.say(name, general, memory, told)
        match intent.ends:
            case "handoff":
                return Decision(BrainOutcome.HANDOFF, memory, decision.clauses, reason_code=intent.reason_code)
            case "goodbye":
                return Decision(BrainOutcome.GOODBYE, memory, decision.clauses)
            case _:
                return decision


def alternatives(slot: SlotPart, memory: Memory) -> tuple[str, ...]:
    """Return the values that were told when the slot was asked for."""
    return memory.shown if slot.offers is not None else tuple(slot.choices)


def _looked_up(offers: OffersPart) -> Told:
    return Told(evidence=(f"tool:{offers.connector}",))


def _some(offered: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first, the last and one in the middle."""
    if len(offered) <= MOST_SHOWN:
        return offered
    return offered[0], offered[len(offered) // 2], offered[-1]


def _near(value: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    """Return the offers beside a value that is none."""
    at = bisect_left(offered, value)
    return offered[max(0, at - 1) : at + 2]
