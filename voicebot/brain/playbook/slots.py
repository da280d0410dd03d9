"""What a caller's turn says about a slot, by grammar.

A piece of a turn fills one slot: whoever takes a value also learns what is left of the turn for the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from voicebot.brain.playbook import dictated
from voicebot.brain.playbook.amounts import amount_in
from voicebot.brain.playbook.clock import time_in
from voicebot.brain.playbook.dates import Found, date_in
from voicebot.brain.playbook.days import DayNames
from voicebot.core.digits import digit_runs
from voicebot.dialplan.hours import WEEKDAYS
from voicebot.dialplan.intents import SlotPart
from voicebot.dialplan.rules import ASKED_ONLY, normalised

NOW: Final = "now"
TODAY: Final = "today"
TOMORROW: Final = "tomorrow"

_DAY = re.compile(rf"\b(?:({'|'.join(WEEKDAYS)})s?|(today|tonight|this (?:morning|afternoon|evening))|(tomorrow))\b")
_NOW = re.compile(r"\b(?:right now|now|at the moment|currently|still open)\b|^(?:are you|is the (?:shop|store)) open$")
_YES = re.compile(r"\b(?:yes|yeah|yep|yup|sure|correct|right|okay|ok|please do|of course|that is right|that's right)\b")
_KEYS_OF_YES_AND_NO: Final = {"1": "yes", "2": "no"}
_NO_NAMES: Final = DayNames()
_NO = re.compile(r"\b(?:no|nope|nah|not|wrong|incorrect|don't|never mind)\b")
_AS_SAID: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"name": dictated.name, "address": dictated.address, "spelling": dictated.spelling}
)
_KEYS = re.compile(r"[0-9 ]+")


@dataclass(frozen=True, slots=True)
class Filling:
    """The value of a slot, or the digits that are there so far. Both empty: the turn does not speak of it.

    `rest` is what is left of the turn for other slots.
    """

    value: str = ""
    partial: str = ""
    rest: str = ""


def keys(text: str) -> str:
    """Return the digits of a turn that is nothing else: keys, or a number read out. Empty for any other turn."""
    plain = text.strip(" .,")
    return plain.replace(" ", "") if _KEYS.fullmatch(plain) else ""


def width(slot: SlotPart) -> int:
    """Return how many keys answer a slot; 0 for one that keys do not answer."""
    if slot.kind == "digits":
        return slot.length or 0
    return 1 if slot.kind in {"yes_no", "choice"} else 0


@dataclass(frozen=True, slots=True)
class Frame:
    """What a turn is read in: the day it is, the names of certain dates, and the times on offer."""

    days: DayNames = _NO_NAMES
    today: date | None = None
    """None: no date can be read."""
    named: Mapping[str, str] = field(default_factory=dict)
    """The dates, in ISO form, of the days that have names."""
    offered: Collection[str] = ()


_BARE: Final = Frame()


def filling(slot: SlotPart, text: str, partial: str = "", frame: Frame = _BARE) -> Filling:  # noqa: PLR0911 - one a kind
    """Read the answer to a slot that was asked for. `partial` are digits that an earlier turn gave."""
    match slot.kind:
        case "digits":
            return _digits(text, slot.length or 0, partial)
        case "weekday":
            return _weekday(normalised(text), frame.days)
        case "date":
            return _date(normalised(text), frame)
        case "time":
            return _time(normalised(text), frame, asked=True)
        case "money":
            return _taken(normalised(text), amount_in(normalised(text), asked=True))
        case "yes_no":
            return _yes_no(normalised(text))
        case "choice":
            return _choice(normalised(text), slot)
        case "email":
            return _email(text)
        case "name" | "address" | "spelling":
            return Filling(_AS_SAID[slot.kind](text))


def mentioned(slot: SlotPart, text: str, frame: Frame = _BARE) -> Filling:
    """Read a slot from a turn that was not asked for it: any words may be a name, and a `yes` may belong to nothing."""
    if slot.kind in ASKED_ONLY:
        return Filling(rest=text)
    if slot.kind == "time":
        return _time(normalised(text), frame, asked=False)
    if slot.kind == "money":
        return _taken(normalised(text), amount_in(normalised(text), asked=False))
    return filling(slot, text, frame=frame)


def _date(turn: str, frame: Frame) -> Filling:
    name = frame.days.name_in(turn)
    if name in frame.named:
        return Filling(frame.named[name], rest=" ".join(frame.days.left_open(turn).replace("{day}", " ").split()))
    return _taken(turn, None if frame.today is None else date_in(turn, frame.today))


def _time(turn: str, frame: Frame, *, asked: bool) -> Filling:
    """Read a time from what a date leaves of a turn: the third of December is no hour."""
    named = None if frame.today is None else date_in(turn, frame.today)
    left = turn if named is None else f"{turn[: named.start]}{'_' * (named.end - named.start)}{turn[named.end :]}"
    return _taken(turn, time_in(left, frame.offered, asked=asked))


def _taken(turn: str, found: Found | None) -> Filling:
    return Filling(rest=turn) if found is None else Filling(found.value, rest=_without(turn, found.start, found.end))


def _without(text: str, start: int, end: int) -> str:
    return f"{text[:start]} {text[end:]}".strip()


def _digits(text: str, length: int, partial: str) -> Filling:
    runs = digit_runs(text)
    exact = next((run for run in runs if len(run.digits) == length), None)
    if exact is not None:
        return Filling(exact.digits, rest=_without(text, exact.start, exact.end))
    joined = partial + "".join(run.digits for run in runs)
    if len(joined) == length and runs:
        return Filling(joined)
    # The longest run is the beginning of the number; more digits than the number has are a mistake, not a part.
    longest = max((run.digits for run in runs), key=len, default="")
    begun = joined if partial and len(joined) < length else longest if len(longest) < length else ""
    return Filling(partial=begun, rest=text)


def _weekday(text: str, days: DayNames) -> Filling:
    named = days.name_in(text)
    if named:
        return Filling(named, rest=" ".join(days.left_open(text).replace("{day}", " ").split()))
    day = _DAY.search(text)
    if day is None:
        return Filling(NOW if _NOW.search(text) else "", rest=text)
    weekday, today, _ = day.groups()
    return Filling(weekday or (TODAY if today else TOMORROW), rest=_without(text, *day.span()))


def _yes_no(text: str) -> Filling:
    if text in _KEYS_OF_YES_AND_NO:
        return Filling(_KEYS_OF_YES_AND_NO[text])
    for value, words in (("no", _NO), ("yes", _YES)):
        if found := words.search(text):
            return Filling(value, rest=_without(text, *found.span()))
    return Filling(rest=text)


def _choice(text: str, slot: SlotPart) -> Filling:
    for value, ways in slot.choices.items():
        for way in ways:
            if found := re.search(rf"\b{re.escape(normalised(way))}\b", text):
                return Filling(value, rest=_without(text, *found.span()))
    keyed = int(text) if text.isascii() and text.isdecimal() else 0
    if 1 <= keyed <= len(slot.choices):
        return Filling(list(slot.choices)[keyed - 1])
    return Filling(rest=text)


def _email(text: str) -> Filling:
    value, start, end = dictated.email(text)
    return Filling(value, rest=_without(text, start, end)) if value else Filling(rest=text)
