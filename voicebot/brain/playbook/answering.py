"""What a turn says of the slots of an intent: answers, corrections, a yes or no to what was read back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from voicebot.brain.playbook import steering
from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.flow import Flow, alternatives
from voicebot.brain.playbook.intents import IntentMatcher
from voicebot.brain.playbook.memory import Memory
from voicebot.brain.playbook.slots import Filling, Frame, filling, keys, mentioned, width
from voicebot.brain.playbook.wording import Decision
from voicebot.core.digits import digit_runs
from voicebot.dialplan.intents import IntentPart, SlotPart
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.rules import WORDS, normalised

SENTENCE_WORDS: Final = 3
"""Words beside a value from which on a turn may be a question of its own."""

ANSWER_WORDS: Final = 2
"""A turn of no more words says nothing beside a value."""

_YES_NO: Final = SlotPart(kind="yes_no")
_BARE_NO: Final = re.compile(
    r"(?:no|nope|nah|not|wrong|that's|that is|it's|it is|incorrect|not right|thanks|thank you|\s)+"
)


class Answering:
    """The slots of one dialplan, read from turns."""

    def __init__(self, policy: Policy, matcher: IntentMatcher, flow: Flow, days: DayNames) -> None:
        self._plan = plan = policy.dialplan
        self._hours = policy.hours
        self._matcher = matcher
        self._flow = flow
        self._days = days
        self._patterns = [re.compile(pattern) for intent in plan.intents.values() for pattern in intent.patterns]

    def filled(self, text: str, memory: Memory, now: datetime) -> Decision:
        """Take what a turn has for the slots of an intent that was just named, then go on with it."""
        memory, begun = self._mentions(text, memory, now)
        return self._flow.go_on(memory, now, begun)

    def take(self, text: str, memory: Memory, now: datetime) -> Decision | None:
        """Take a turn as an answer to what is open, or as a correction; None when it is neither."""
        turn = normalised(text)
        if self.other_wish(turn, memory):
            return None
        if memory.confirming:
            return self._read_back(text, memory, now)
        if memory.wished:
            return self._unconsented(text, memory, now)
        return self._answer(text, memory, now)

    def put_right(self, text: str, memory: Memory, now: datetime) -> Decision | None:
        """Answer for other values what was just answered: `no, 48214`, `and 51907`; None if a turn has none."""
        turn = normalised(text)
        if memory.intent not in self._plan.intents or not memory.slots or self._matcher.by_pattern(turn):
            return None
        if not steering.corrects(turn) and not self._only_another_number(text, memory, now):
            return None
        return self._corrected(text, memory, now)

    def _only_another_number(self, text: str, memory: Memory, now: datetime) -> bool:
        """Whether a turn is little more than a number like one that the last answer was for."""
        numbers = (name for name in memory.slots if self._plan.slots[name].kind == "digits")
        found = (self._mentioned(name, text, memory, now) for name in numbers)
        return any(each.value and len(each.rest.split()) < SENTENCE_WORDS for each in found)

    def says_more(self, text: str, memory: Memory, now: datetime) -> bool:
        """Whether a turn fills anything of what is under way."""
        return self._mentions(text, memory, now)[0].slots != memory.slots

    def other_wish(self, turn: str, memory: Memory) -> bool:
        """Whether a turn is what another intent was written for, and no answer that happens to be like it."""
        slot = self._plan.slots.get(memory.asking or memory.confirming)
        if slot is not None and slot.kind in WORDS:
            return self._matcher.knows_whole(turn) or any(pattern.search(turn) for pattern in self._patterns)
        decided = self._matcher.by_pattern(turn)
        if not decided and steering.asks(turn):
            decided = self._matcher.match(turn)
        if not decided or decided == memory.intent:
            return False
        left = turn if slot is None else filling(slot, turn, frame=Frame(self._days)).rest or turn
        return len(left.split()) >= SENTENCE_WORDS

    def _answer(self, text: str, memory: Memory, now: datetime) -> Decision | None:
        """Take the answer to the question that was asked, and what else the turn says or takes back."""
        slot = self._plan.slots[memory.asking]
        intent = self._plan.intents[memory.intent]
        ahead = len(keys(text)) > width(slot)
        typed = self._typed_ahead(memory.partial + keys(text), intent, memory) if ahead else {}
        found = filling(slot, text, memory.partial, self._frame(memory, now))
        pointed = steering.chosen(normalised(text), alternatives(slot, memory))  # `the second one` is not at one
        value = pointed or found.value
        if typed or value:
            answered = memory.but(slots={**memory.slots, **(typed or {memory.asking: value})})
            # A number or a key answers what was asked and says nothing of the rest.
            rest = "" if typed or keys(text) or pointed else found.rest
            taken, begun = self._mentions(rest, answered, now, corrected=steering.corrects(normalised(text)))
            return self._flow.go_on(taken, now, begun)
        if found.partial and slot.rest and found.partial != memory.partial:
            return self._flow.ask(memory.asking, memory, found.partial)
        if slot.kind in WORDS or keys(text):
            return None
        return self._corrected(text, memory, now)

    def _read_back(self, text: str, memory: Memory, now: datetime) -> Decision | None:
        """Judge the answer to `Is that right?`: a value that differs goes before any yes or no."""
        name, turn = memory.confirming, normalised(text)
        slot = self._plan.slots[name]
        found = self._mentioned(name, text, memory, now)
        value = found.value or steering.chosen(turn, alternatives(slot, memory), memory.slots[name])
        if not value and slot.kind == "digits":
            said = "".join(run.digits for run in digit_runs(text)) if not keys(text) else ""
            value = steering.mended(memory.slots[name], said, turn)
        if value and value != memory.slots[name]:
            return self._flow.go_on(memory.but(slots={**memory.slots, name: value}), now)
        answer = filling(_YES_NO, text).value
        if answer == "yes" or (value and answer != "no"):
            return self._flow.go_on(memory.but(confirmed=(*memory.confirmed, name)), now)
        corrected = self._corrected(text, memory, now)
        if corrected is not None or answer != "no":
            return corrected
        left = {slot: value for slot, value in memory.slots.items() if slot != name}
        return self._flow.ask(name, memory.but(slots=left), again=True)

    def _unconsented(self, text: str, memory: Memory, now: datetime) -> Decision | None:
        """The caller did not clearly agree to what would be done: take a correction, a refusal, or a yes after all."""
        corrected = self._corrected(text, memory, now)
        turn = normalised(text)
        if corrected is not None:
            return corrected
        if _BARE_NO.fullmatch(turn):
            return self._flow.declined(memory)
        return self._flow.go_on(memory, now) if steering.agrees(turn) else None

    def _corrected(self, text: str, memory: Memory, now: datetime) -> Decision | None:
        """Change the slots that a turn speaks of; None when it speaks of none, or says nothing new."""
        taken, begun = self._mentions(text, memory, now, corrected=True)
        for name in reversed(list(memory.slots)) if taken.slots == memory.slots else ():
            if other := self._other_offer(name, text, memory, now):
                taken = memory.but(slots={**memory.slots, name: other})
                break
        return None if taken.slots == memory.slots else self._flow.go_on(taken, now, begun)

    def _other_offer(self, name: str, text: str, memory: Memory, now: datetime) -> str:
        """Return which of the things on offer a turn means that names it no better than `the other one` or `eleven`."""
        slot, value = self._plan.slots[name], memory.slots[name]
        if other := steering.chosen(normalised(text), alternatives(slot, memory), value):
            return other
        said = filling(slot, text, frame=self._frame(memory, now)).value if slot.offers is not None else ""
        alone = said in memory.offered or len(text.split()) <= ANSWER_WORDS
        return said if alone and said != value else ""

    def _mentions(
        self, text: str, memory: Memory, now: datetime, *, corrected: bool = False
    ) -> tuple[Memory, dict[str, str]]:
        """Take what a turn says of each slot; only a correction changes one that has a value. Also: digits begun."""
        intent = self._plan.intents[memory.intent]
        slots, sure = dict(memory.slots), memory.confirmed
        # E-mail addresses first: what the others leave of a turn has lost its signs.
        wanted = sorted((*intent.slots, *intent.optional), key=lambda slot: self._plan.slots[slot].kind != "email")
        # Those without a value before those with one: a second number is no correction of the first.
        for name in sorted(wanted, key=lambda slot: slot in memory.slots):
            if name in slots and not corrected:
                continue
            found = self._mentioned(name, text, memory, now)
            if found.value:
                if slots.get(name) != found.value:
                    slots[name] = found.value
                    sure = tuple(each for each in sure if each != name)
                text = "" if keys(text) else found.rest
        missing = (name for name in intent.slots if name not in slots)
        begun = {name: self._mentioned(name, text, memory, now).partial for name in missing}
        return memory.but(slots=slots, confirmed=sure), begun

    def _mentioned(self, name: str, text: str, memory: Memory, now: datetime) -> Filling:
        return mentioned(self._plan.slots[name], text, self._frame(memory, now))

    def _frame(self, memory: Memory, now: datetime) -> Frame:
        dates = ((name, self._hours.next_named(name, now.date())) for name in self._days.own)
        named = {name: on.isoformat() for name, on in dates if on is not None}
        return Frame(self._days, now.date(), named, memory.offered)

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
