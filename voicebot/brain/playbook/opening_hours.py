"""Answers about opening hours: which form of the answer, and what its holes hold."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from voicebot.brain.playbook.slots import NOW, TODAY, TOMORROW
from voicebot.brain.playbook.told import Told
from voicebot.dialplan.hours import WEEKDAYS, BusinessDay, BusinessHours, spoken_openings, spoken_time, spoken_week


def about(hours: BusinessHours, asked: str, now: datetime) -> Told:
    """Answer for a weekday, `today`, `tomorrow`, `now`, a date by its name, or the whole week. `now` is local."""
    day = _date(hours, asked, now.date()) if asked else None
    if day is None:
        return Told("week", {"hours.week": spoken_week(hours)}, ("dialplan:hours",))
    business = hours.on(day)
    if asked == NOW:
        outcome = "open_now" if hours.is_open(now) else "closed_now"
        since = now
    else:
        outcome = "open_day" if business.openings else "closed_day"
        since = datetime.combine(day, now.time().max, now.tzinfo)
    until = next((o.closes for o in business.openings if o.holds(now.time())), None)
    by_name = asked in business.names
    reopening, evidence = _next_opening(hours, since, None if by_name else now.date())
    values = {
        "hours.day": _spoken_day(asked, day),
        "hours.openings": spoken_openings(business),
        "hours.note": business.note if by_name else _named_note(business),
        "hours.until": spoken_time(until) if until is not None else "",
        "hours.next": reopening,
        "hours.week": spoken_week(hours),
    }
    return Told(outcome, values, (_evidence(hours, day), *evidence))


def _date(hours: BusinessHours, asked: str, today: date) -> date | None:
    """Return the date that is meant; None for a name that no date bears any more."""
    if asked in {NOW, TODAY}:
        return today
    if asked == TOMORROW:
        return today + timedelta(days=1)
    return hours.next_date(asked, today) if asked in WEEKDAYS else hours.next_named(asked, today)


def _spoken_day(asked: str, day: date) -> str:
    if asked in {TODAY, TOMORROW}:
        return asked.capitalize()
    return f"On {WEEKDAYS[day.weekday()].capitalize() if asked in {NOW, *WEEKDAYS} else asked}"


def _named_note(day: BusinessDay) -> str:
    """Return a day's note, after its name if it has one: who asks for a Friday may not know that it is a holiday."""
    return f"It is {day.names[0]}. {day.note}".strip() if day.names else day.note


def _evidence(hours: BusinessHours, day: date) -> str:
    key = f"exceptions.{day.isoformat()}" if day in hours.exceptions else WEEKDAYS[day.weekday()]
    return f"dialplan:hours.{key}"


def _next_opening(hours: BusinessHours, after: datetime, today: date | None) -> tuple[str, tuple[str, ...]]:
    """Say when the business opens next, looking at most two weeks ahead: as seen from `today`, else from `after`.

    A weekday alone is taken for the coming one, which is wrong after a date that may be months away.
    """
    minutes = after.hour * 60 + after.minute
    for ahead in range(15):
        day = after.date() + timedelta(days=ahead)
        for opening in hours.on(day).openings:
            if ahead or opening.opens > minutes:
                weekday = WEEKDAYS[day.weekday()]
                if today is not None:
                    near = {0: "today", 1: "tomorrow"}.get((day - today).days, f"on {weekday.capitalize()}")
                else:
                    near = "the day after" if ahead == 1 else f"on the {weekday.capitalize()} after"
                return f"We open again {near} at {spoken_time(opening.opens)}.", (_evidence(hours, day),)
    return "", ()
