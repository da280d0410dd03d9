"""When the business is open: by weekday, with dates that differ, in its own time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_RANGE = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)")


@dataclass(frozen=True, slots=True)
class Opening:
    """One stretch of a day, in minutes since midnight; `closes` is at most 1440."""

    opens: int
    closes: int

    def holds(self, at: time) -> bool:
        """Whether the business is open at this time of the day."""
        return self.opens <= at.hour * 60 + at.minute < self.closes


def parse_opening(text: str) -> Opening:
    """Read `09:00-17:30`. Raises ValueError."""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a stretch of time | write it as '09:00-17:30'")
    closes_hour, _, closes_minute = match.group(3).partition(":")
    opening = Opening(int(match.group(1)) * 60 + int(match.group(2)), int(closes_hour) * 60 + int(closes_minute))
    if opening.closes <= opening.opens:
        raise ValueError(f"{text!r} ends before it begins | split hours past midnight over two days")
    return opening


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """The openings of one day, in order, and something to add when they are told."""

    openings: tuple[Opening, ...]
    note: str
    names: tuple[str, ...] = ()
    """What the day is called, if it is a date with a name; the bot says the first."""


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """The week, and the dates that differ from it. All times are local to the business."""

    week: Mapping[str, BusinessDay]
    exceptions: Mapping[date, BusinessDay]

    def on(self, day: date) -> BusinessDay:
        """Return the openings of a date."""
        return self.exceptions.get(day) or self.week[WEEKDAYS[day.weekday()]]

    def is_open(self, at: datetime) -> bool:
        """Whether the business is open at a local time."""
        return any(opening.holds(at.time()) for opening in self.on(at.date()).openings)

    def next_date(self, weekday: str, today: date) -> date:
        """Return the next date with this weekday, today included."""
        return today + timedelta(days=(WEEKDAYS.index(weekday) - today.weekday()) % 7)

    def next_named(self, name: str, today: date) -> date | None:
        """Return the next date that the bot calls by this name, today included; None when all of them are past."""
        dates = [on for on, day in self.exceptions.items() if day.names[:1] == (name,)]
        return min((on for on in dates if on >= today), default=None)


def spoken_time(minutes: int) -> str:
    """Say a time of the day: `9 AM`, `5:30 PM`, `noon`, `midnight`."""
    if minutes in {0, 1440}:
        return "midnight"
    if minutes == 720:  # noqa: PLR2004 - noon
        return "noon"
    hour, minute = divmod(minutes, 60)
    half = "AM" if hour < 12 else "PM"  # noqa: PLR2004 - the clock's halves
    shown = hour % 12 or 12
    return f"{shown}:{minute:02d} {half}" if minute else f"{shown} {half}"


def spoken_openings(day: BusinessDay) -> str:
    """Say the openings of a day: `from 9 AM to noon and from 1 PM to 5 PM`, or `closed`."""
    stretches = [f"from {spoken_time(o.opens)} to {spoken_time(o.closes)}" for o in day.openings]
    return " and ".join(stretches) or "closed"


def spoken_week(hours: BusinessHours) -> str:
    """Say the whole week, days with the same hours together, as one sentence that begins with a day."""
    parts = []
    for first, last, day in _stretches(hours):
        days = first.capitalize() if first == last else f"{first.capitalize()} to {last.capitalize()}"
        parts.append(f"{days} {spoken_openings(day)}")
    return ", ".join(parts)


def _stretches(hours: BusinessHours) -> Iterator[tuple[str, str, BusinessDay]]:
    first = WEEKDAYS[0]
    for weekday, following in zip(WEEKDAYS, (*WEEKDAYS[1:], None), strict=True):
        if following is None or hours.week[following].openings != hours.week[first].openings:
            yield first, weekday, hours.week[first]
            first = following or first
