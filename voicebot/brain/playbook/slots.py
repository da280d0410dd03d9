"""What a caller's turn says about a slot, by grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from voicebot.brain.playbook.days import DayNames
from voicebot.core.digits import digit_runs
from voicebot.dialplan.hours import WEEKDAYS
from voicebot.dialplan.model import SlotPart
from voicebot.dialplan.rules import normalised

NOW: Final = "now"
TODAY: Final = "today"
TOMORROW: Final = "tomorrow"

_DAY = re.compile(rf"\b(?:({'|'.join(WEEKDAYS)})s?|(today|tonight|this (?:morning|afternoon|evening))|(tomorrow))\b")
_NOW = re.compile(r"\b(?:right now|now|at the moment|currently|still open)\b|^(?:are you|is the (?:shop|store)) open$")
_YES = re.compile(r"\b(?:yes|yeah|yep|yup|sure|correct|right|okay|ok|please do|of course|that is right|that's right)\b")
_KEYS_OF_YES_AND_NO: Final = {"1": "yes", "2": "no"}
_NO_NAMES: Final = DayNames()
_NO = re.compile(r"\b(?:no|nope|nah|not|wrong|incorrect|don't|never mind)\b")


@dataclass(frozen=True, slots=True)
class Filling:
    """The value of a slot, or the digits that are there so far. Both empty: the turn does not speak of it."""

    value: str = ""
    partial: str = ""


def filling(slot: SlotPart, text: str, partial: str = "", days: DayNames = _NO_NAMES) -> Filling:
    """Read a slot from a turn; `partial` are digits that an earlier turn gave, `days` the names of certain dates."""
    match slot.kind:
        case "digits":
            return _digits(text, slot.length or 0, partial)
        case "weekday":
            return Filling(days.name_in(normalised(text)) or _weekday(normalised(text)))
        case "yes_no":
            return Filling(_yes_no(normalised(text)))
        case "choice":
            return Filling(_choice(normalised(text), slot))


def _digits(text: str, length: int, partial: str) -> Filling:
    runs = [run.digits for run in digit_runs(text)]
    exact = next((run for run in runs if len(run) == length), "")
    if exact:
        return Filling(exact)
    joined = partial + "".join(runs)
    if len(joined) == length and runs:
        return Filling(joined)
    # The longest run is the beginning of the number; more digits than the number has are a mistake, not a part.
    longest = max(runs, key=len, default="")
    return Filling(partial=joined if partial and len(joined) < length else longest if len(longest) < length else "")


def _weekday(text: str) -> str:
    day = _DAY.search(text)
    if day is None:
        return NOW if _NOW.search(text) else ""
    weekday, today, _ = day.groups()
    return weekday or (TODAY if today else TOMORROW)


def _yes_no(text: str) -> str:
    if text in _KEYS_OF_YES_AND_NO:
        return _KEYS_OF_YES_AND_NO[text]
    if _NO.search(text):
        return "no"
    return "yes" if _YES.search(text) else ""


def _choice(text: str, slot: SlotPart) -> str:
    for value, ways in slot.choices.items():
        if any(re.search(rf"\b{re.escape(normalised(way))}\b", text) for way in ways):
            return value
    keyed = int(text) if text.isascii() and text.isdecimal() else 0
    return list(slot.choices)[keyed - 1] if 1 <= keyed <= len(slot.choices) else ""
