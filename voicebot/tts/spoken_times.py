"""How dates, times of day and ranges are read out in the United States."""

from __future__ import annotations

import re
from typing import Final

from voicebot.tts.number_words import cardinal, decade, ordinal, year

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTH_OF: Final = {name[:3]: number for number, name in enumerate(_MONTHS, 1)}
_LAST_MONTH, _LAST_DAY = 12, 31
_DAY_HOURS, _HALF_DAY, _HOUR_MINUTES = 24, 12, 60
_TEN = 10

_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|(?:{'|'.join(_MONTH_OF)}|Sept)\b\.?)"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)[0-9]{2})"
_BEFORE = r"(?<![\w.,:/#$\u00a3\u20ac-])"
_AFTER = r"(?!\w|[.,:/-][0-9])"

_ISO: Final = re.compile(rf"{_BEFORE}{_YEAR}-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}}){_AFTER}")
_SLASHED: Final = re.compile(
    rf"{_BEFORE}(?P<one>[0-9]{{1,2}})/(?P<two>[0-9]{{1,2}})(?:/(?P<year>(?:19|20)?[0-9]{{2}}))?{_AFTER}"
)
_NAMED_DATE: Final = re.compile(rf"\b{_MONTH}\s+{_DAY}(?!\w|[.:/-][0-9]|%)(?:,?\s+{_YEAR}{_AFTER})?")
_DAY_FIRST: Final = re.compile(rf"{_BEFORE}{_DAY}\s+(?:of\s+)?{_MONTH}(?![a-z])(?:,?\s+{_YEAR}{_AFTER})?")
_MONTH_YEAR: Final = re.compile(rf"\b{_MONTH},?\s+{_YEAR}{_AFTER}")
_FRACTIONS: Final = {
    "1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter", "3/4": "three quarters",
    "24/7": "twenty four seven",
}  # fmt: skip

_HALF = r"(?P<half>[aApP])(?:\.\s?[mM]\.|\s?[mM]\b(?!\.\w))"
_CLOCK: Final = re.compile(
    rf"{_BEFORE}(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})(?::[0-9]{{2}})?(?:\s?{_HALF}|{_AFTER})"
)
_HOUR: Final = re.compile(rf"{_BEFORE}(?P<hour>[0-9]{{1,2}})\s?{_HALF}")
_DASH = r"\s?[-\u2013\u2014]\s?"
_YEARS: Final = re.compile(rf"{_BEFORE}((?:19|20)[0-9]{{2}})[-\u2013]((?:19|20)[0-9]{{2}}){_AFTER}")
_RANGE: Final = re.compile(
    rf"(?<![\w.,:/+)-])(?P<low>(?P<symbol>[$\u00a3\u20ac]?)[0-9]{{1,3}}(?:\.[0-9]{{1,2}}|:[0-9]{{2}})?"
    rf"(?:\s?[ap]\.?m\.?)?%?){_DASH}"
    rf"(?P<high>[$\u00a3\u20ac]?(?=[0-9]{{1,3}}(?:\.[0-9]{{1,2}}|:[0-9]{{2}}|)(?![0-9]|[.,:/][0-9]|{_DASH}[0-9])))",
    re.IGNORECASE,
)
_YEAR_AFTER = (
    r"in|since|by|until|till|from|to|of|year|before|after|during|early|late|mid|spring|summer|autumn|fall|winter|and"
)
_SAID_YEAR: Final = re.compile(rf"(?P<before>\b(?:{_YEAR_AFTER})\s+){_YEAR}{_AFTER}", re.IGNORECASE)
_DECADE: Final = re.compile(r"(?<!\w)(?P<year>(?:19|20)[0-9]0)'?s\b")


def times(text: str) -> str:
    """Return `text` with dates, times, decades, years and the dash of ranges in words."""
    text = _ISO.sub(lambda match: _date(match[0], int(match["month"]), int(match["day"]), match["year"]), text)
    text = _SLASHED.sub(_slashed, text)
    text = _YEARS.sub(lambda match: f"{year(int(match[1]))} to {year(int(match[2]))}", text)
    text = _RANGE.sub(_range, text)
    text = _CLOCK.sub(_clock, text)
    text = _HOUR.sub(_hour, text)
    text = _NAMED_DATE.sub(_named, text)
    text = _DAY_FIRST.sub(_named, text)
    text = _MONTH_YEAR.sub(lambda match: f"{_month(match)} {year(int(match['year']))}", text)
    text = _DECADE.sub(lambda match: decade(int(match["year"])), text)
    return _SAID_YEAR.sub(lambda match: match["before"] + year(int(match["year"])), text)


def _date(written: str, month: int, day: int, year_digits: str | None) -> str:
    if not (1 <= month <= _LAST_MONTH and 1 <= day <= _LAST_DAY):
        return written
    said = f"{_MONTHS[month - 1]} {ordinal(day)}"
    if not year_digits:
        return said
    century = "20" if len(year_digits) == len("26") else ""
    return f"{said}, {year(int(century + year_digits))}"


def _slashed(match: re.Match[str]) -> str:
    """Month first, as in the United States, unless only the other order is a date. Without a year `5/6` is none."""
    if match[0] in _FRACTIONS:
        return _FRACTIONS[match[0]]
    one, two = int(match["one"]), int(match["two"])
    if not match["year"] and max(one, two) <= _LAST_MONTH:
        return f"{cardinal(match['one'])} slash {cardinal(match['two'])}"
    month, day = (two, one) if one > _LAST_MONTH else (one, two)
    return _date(match[0], month, day, match["year"])


def _month(match: re.Match[str]) -> str:
    return _MONTHS[_MONTH_OF[match["month"][:3]] - 1]


def _named(match: re.Match[str]) -> str:
    return _date(match[0], _MONTH_OF[match["month"][:3]], int(match["day"]), match["year"])


def _range(match: re.Match[str]) -> str:
    symbol = match["high"] or match["symbol"]
    return f"{match['low']} to {symbol}"


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), int(match["minute"])
    half = match["half"]
    if hour >= _DAY_HOURS or minute >= _HOUR_MINUTES or (half and not 1 <= hour <= _HALF_DAY):
        return match[0]
    if half is None and (hour > _HALF_DAY or hour == 0 or match["hour"].startswith("0")):
        half = "p" if hour >= _HALF_DAY else "a"
    said = cardinal(str((hour - 1) % _HALF_DAY + 1))
    if minute:
        said += f" oh {cardinal(str(minute))}" if minute < _TEN else f" {cardinal(str(minute))}"
    elif half is None:
        return f"{said} o'clock"
    return said if half is None else f"{said} {half.upper()}M{_stop(match)}"


def _hour(match: re.Match[str]) -> str:
    if not 1 <= int(match["hour"]) <= _HALF_DAY:
        return match[0]
    return f"{cardinal(str(int(match['hour'])))} {match['half'].upper()}M{_stop(match)}"


def _stop(match: re.Match[str]) -> str:
    """The full stop of `9 a.m.` may also be the sentence's."""
    rest = match.string[match.end() :].lstrip()
    return "." if match[0].endswith(".") and (not rest or rest[0].isupper()) else ""
