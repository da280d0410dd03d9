"""Dates as people say them: `next Tuesday`, `the third of December`, `tomorrow`, `in two weeks`, `on the 24th`.

No library is asked: those that read dates also read `may`, `second` or `sun` in sentences that name none, and none says
which words it took, so that a time could be read from the others. A date is never in the past, for nobody books there.
Turns are given in lower case without punctuation (`rules.normalised`).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from voicebot.dialplan.hours import WEEKDAYS

_MONTHS: Final = [name.lower() for name in calendar.month_name[1:]]
_UNITS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ORDINALS: Final = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
)  # fmt: skip
_CARDINALS: Final = (
    *_UNITS, "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_NUMBER_OF: Final[Mapping[str, int]] = {
    **{word: number for number, word in enumerate(_ORDINALS, 1)},
    **{word: number for number, word in enumerate(_CARDINALS, 1)},
    "thirtieth": 30,
    "thirty": 30,
    "a": 1,
    "an": 1,
}
_WEEKDAY: Final = rf"(?:{'|'.join(WEEKDAYS)})"
_MONTH: Final = rf"(?:{'|'.join(_MONTHS)})"
_ORDINAL: Final = (
    rf"(?:[0-3]?[0-9](?:st|nd|rd|th)|(?:twenty|thirty) (?:{'|'.join(_ORDINALS[:9])})|{'|'.join(_ORDINALS)}|thirtieth)"
)
_CARDINAL: Final = (
    rf"(?:[0-3]?[0-9]|(?:twenty|thirty) (?:{'|'.join(_UNITS[:9])})"
    rf"|{'|'.join(sorted(_CARDINALS, key=len, reverse=True))}"
    r"|thirty)"
)
_WEEKDAY_BEFORE: Final = rf"(?:{_WEEKDAY} )?"

_ISO: Final = re.compile(r"\b(?P<iso>20[0-9]{2} [01][0-9] [0-3][0-9])\b")
_NAMED: Final = re.compile(
    rf"\b{_WEEKDAY_BEFORE}(?:the )?(?:(?P<day>{_ORDINAL}) (?:of )?(?P<month>{_MONTH})"
    rf"|(?P<month_first>{_MONTH}) (?:the )?(?P<day_after>{_ORDINAL}|{_CARDINAL}))\b"
)
_DAY_ALONE: Final = re.compile(rf"\b{_WEEKDAY_BEFORE}the (?P<day>{_ORDINAL})\b(?! (?:one|time|order|day|option)\b)")
_IN_DAYS: Final = re.compile(
    r"\bin (?P<count>an?|one|two|three|four|five|six|seven|ten|[0-9]{1,2}) (?P<unit>days?|weeks?)(?: time)?\b"
)
_RELATIVE: Final = re.compile(
    r"\b(?P<near>the day after tomorrow|tomorrow|today|tonight|this (?:morning|afternoon|evening))\b"
)
_A_WEEK_FROM: Final = re.compile(rf"\b(?P<weeks>a week|two weeks) (?:from |on )?(?P<from>{_WEEKDAY}|today|tomorrow)\b")
_WEEKDAY_NEXT_WEEK: Final = re.compile(
    rf"\b(?P<weekday>{_WEEKDAY}) (?:of )?next week\b|\bnext week (?:on )?(?P<other>{_WEEKDAY})\b"
)
_WEEKDAY_NAMED: Final = re.compile(rf"\b(?P<which>next|this|coming|this coming)? ?(?P<weekday>{_WEEKDAY})s?\b")


@dataclass(frozen=True, slots=True)
class Found:
    """A value in ISO form and where its words stand in the turn."""

    value: str
    start: int
    end: int


def date_in(turn: str, today: date) -> Found | None:
    """Return the date that a turn names, as `2026-11-24`; None for a turn that names none, or an impossible one."""
    for pattern, meaning in _READINGS:
        for match in pattern.finditer(turn):
            meant = meaning(match, today)
            if meant is not None:
                return Found(meant.isoformat(), *match.span())
    return None


def _iso(match: re.Match[str], _today: date) -> date | None:
    try:
        return date.fromisoformat(match["iso"].replace(" ", "-"))
    except ValueError:
        return None


def _named(match: re.Match[str], today: date) -> date | None:
    month = _MONTHS.index(match["month"] or match["month_first"]) + 1
    day = _number(match["day"] or match["day_after"])
    return _next(((year, month, day) for year in range(today.year, today.year + 5)), today)


def _day_alone(match: re.Match[str], today: date) -> date | None:
    months = (today.month - 1 + ahead for ahead in range(12))
    return _next(((today.year + at // 12, at % 12 + 1, _number(match["day"])) for at in months), today)


def _in_days(match: re.Match[str], today: date) -> date | None:
    count = _number(match["count"])
    return today + timedelta(days=count * (7 if match["unit"].startswith("week") else 1))


def _relative(match: re.Match[str], today: date) -> date | None:
    near = match["near"]
    return today + timedelta(days=2 if near.startswith("the day") else 1 if near == "tomorrow" else 0)


def _a_week_from(match: re.Match[str], today: date) -> date | None:
    begin = match["from"]
    first = today if begin == "today" else today + timedelta(days=1) if begin == "tomorrow" else _coming(begin, today)
    return first + timedelta(weeks=2 if match["weeks"].startswith("two") else 1)


def _next_week(match: re.Match[str], today: date) -> date | None:
    monday = today + timedelta(days=7 - today.weekday())
    return monday + timedelta(days=WEEKDAYS.index(match["weekday"] or match["other"]))


def _weekday(match: re.Match[str], today: date) -> date | None:
    """Take a weekday for the coming one, `next` or not: who means the one after says so, and hears which it is."""
    coming = _coming(match["weekday"], today)
    return coming + timedelta(weeks=1) if match["which"] == "next" and coming == today else coming


def _coming(weekday: str, today: date) -> date:
    return today + timedelta(days=(WEEKDAYS.index(weekday) - today.weekday()) % 7)


def _next(candidates: Iterable[tuple[int, int, int]], today: date) -> date | None:
    """Return the first of some (year, month, day) that exists and is not past."""
    for year, month, day in candidates:
        try:
            meant = date(year, month, day)
        except ValueError:
            continue
        if meant >= today:
            return meant
    return None


def _number(words: str) -> int:
    digits = re.match(r"[0-9]+", words)
    if digits:
        return int(digits.group())
    return sum({"twenty": 20, "thirty": 30}.get(word) or _NUMBER_OF[word] for word in words.split())


_READINGS: Final = (
    (_ISO, _iso),
    (_NAMED, _named),
    (_A_WEEK_FROM, _a_week_from),
    (_WEEKDAY_NEXT_WEEK, _next_week),
    (_DAY_ALONE, _day_alone),
    (_IN_DAYS, _in_days),
    (_RELATIVE, _relative),
    (_WEEKDAY_NAMED, _weekday),
)
"""From the most particular to the least: `Tuesday the third of December` is not the coming Tuesday."""
