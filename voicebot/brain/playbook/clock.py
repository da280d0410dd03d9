"""Times of the day as people say them: `half past ten`, `three in the afternoon`, `ten thirty`, `noon`.

A time without its half of the day is ambiguous; where some times are on offer it is one of them, otherwise it is within
the hours in which shops are open. Turns are in lower case without punctuation, dates already taken out.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from voicebot.brain.playbook.dates import Found

_HOURS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TEENS: Final = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS: Final = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
_MINUTES: Final = {
    **{word: number for number, word in enumerate(_TEENS, 10)},
    **_TENS,
    **{f"{tens} {unit}": value + number for tens, value in _TENS.items() for number, unit in enumerate(_HOURS[:9], 1)},
    **{f"{oh} {unit}": number for oh in ("oh", "o", "zero") for number, unit in enumerate(_HOURS[:9], 1)},
}

_HOUR: Final = rf"(?:1[0-2]|0?[1-9]|{'|'.join(_HOURS)})"
_MINUTE: Final = rf"(?:[0-5][0-9]|{'|'.join(sorted(_MINUTES, key=len, reverse=True))})"
_HALF: Final = (
    r"(?P<am>a ?m|in the morning|this morning|morning)"
    r"|(?P<pm>p ?m|in the (?:afternoon|evening)|this (?:afternoon|evening)|afternoon|evening|at night|tonight)"
)
_AFTER: Final = rf"(?: (?:{_HALF}))?\b"
_PAST: Final = re.compile(
    r"\b(?P<part>half|(?:a )?quarter|five|ten|twenty|twenty five) (?P<side>past|after|to|till|before) "
    rf"(?P<hour>{_HOUR}){_AFTER}"
)
_FULL: Final = re.compile(rf"\b(?P<hour>{_HOUR}) (?P<minute>{_MINUTE})(?: o'?clock)?{_AFTER}")
_CLOCK: Final = re.compile(rf"\b(?P<hour>{_HOUR}) o ?'?clock{_AFTER}")
_WITH_HALF: Final = re.compile(rf"\b(?P<hour>{_HOUR}) ?(?:{_HALF})\b")
_AT: Final = re.compile(
    rf"\b(?:at|by|around|about|for|from|to|make it) (?P<hour>{_HOUR})\b(?! (?:{_MINUTE}|days?|weeks?|hours?)\b)"
)
_BARE: Final = re.compile(rf"\b(?P<hour>{_HOUR})\b")
_DAY_CLOCK: Final = re.compile(r"\b(?P<hour>1[3-9]|2[0-3]|0[0-9]) (?P<minute>[0-5][0-9])\b")
_NOON: Final = re.compile(r"\b(?P<noon>noon|midday|mid day)\b")

_FIRST_OPEN, _HALF_DAY, _HOUR_MINUTES = 8, 12, 60
"""An hour before eight is taken for one of the afternoon."""


def time_in(turn: str, among: Collection[str] = (), *, asked: bool = False) -> Found | None:
    """Return the time that a turn names, as `10:30`; None for a turn that names none.

    `among` are the times on offer. `asked`: a bare number is one, too.
    """
    found = _read(turn, among)
    if found is not None or not asked:
        return found
    bare = list(_BARE.finditer(turn))
    return _found(bare[0], 0, among) if len(bare) == 1 else None


def _read(turn: str, among: Collection[str]) -> Found | None:
    if match := _NOON.search(turn):
        return Found("12:00", *match.span())
    if match := _PAST.search(turn):
        minutes = {"half": 30, "quarter": 15, "a quarter": 15}.get(match["part"]) or _minute(match["part"])
        return _found(match, minutes if match["side"] in {"past", "after"} else -minutes, among)
    if match := _DAY_CLOCK.search(turn):
        return Found(f"{match['hour']}:{match['minute']}", *match.span())
    if match := _FULL.search(turn):
        return _found(match, _minute(match["minute"]), among)
    match = _CLOCK.search(turn) or _WITH_HALF.search(turn) or _AT.search(turn)
    return None if match is None else _found(match, 0, among)


def _found(match: re.Match[str], minutes: int, among: Collection[str]) -> Found:
    """Choose the half of the day: as it was said, else as it is on offer, else in the hours of business."""
    groups = match.groupdict()
    hour = _hour(match["hour"]) % _HALF_DAY
    morning, afternoon = (hour * _HOUR_MINUTES + minutes, (hour + _HALF_DAY) * _HOUR_MINUTES + minutes)
    usual = [morning, afternoon] if hour >= _FIRST_OPEN else [afternoon, morning]
    if groups.get("am"):
        usual = [morning]
    elif groups.get("pm"):
        usual = [afternoon]
    said = [f"{at // _HOUR_MINUTES:02d}:{at % _HOUR_MINUTES:02d}" for at in usual if at >= 0]
    chosen = next((at for at in said if at in among), said[0])
    return Found(chosen, *match.span())


def _hour(word: str) -> int:
    return int(word) if word.isdecimal() else _HOURS.index(word) + 1


def _minute(words: str) -> int:
    if words.isdecimal():
        return int(words)
    return _MINUTES[words] if words in _MINUTES else _HOURS.index(words) + 1
