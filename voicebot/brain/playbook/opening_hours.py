"""Answers about opening hours: which form of the answer, and what its holes hold."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from voicebot.brain.playbook.slots import NOW, TODAY, TOMORROW
from voicebot.brain.playbook.told import Told
from voicebot.dialplan.hours import WEEKDAYS, BusinessHours, spoken_openings, spoken_time, spoken_week


def about(hours: BusinessHours, asked: str, now: datetime) -> Told:
    """Answer for a weekday, `today`, `tomorrow`, `now`, or the whole week when nothing is asked. `now` is local."""
    if not asked:
        return Told("week", {"hours.week": spoken_week(hours)}, ("dialplan:hours",))
    day = _date(hours, asked, now.date())
    weekday = WEEKDAYS[day.weekday()]
    business = hours.on(day)
    if asked == NOW:
        outcome = "open_now" if hours.is_open(now) else "closed_now"
        since = now
    else:
        outcome = "open_day" if business.openings else "closed_day"
        since = datetime.combine(day, now.time().max, now.tzinfo)
    until = next((o.closes for o in business.openings if o.holds(now.time())), None)
    reopening, evidence = _next_opening(hours, since, now.date())
    values = {
        "hours.day": asked.capitalize() if asked in {TODAY, TOMORROW} else f"On {weekday.capitalize()}",
        "hours.openings": spoken_openings(business),
        "hours.note": business.note,
        "hours.until": spoken_time(until) if until is not None else "",
        "hours.next": reopening,
        "hours.week": spoken_week(hours),
    }
    return Told(outcome, values, (f"dialplan:hours.{weekday}", *evidence))


def _date(hours: BusinessHours, asked: str, today: date) -> date:
    if asked in {NOW, TODAY}:
        return today
    return today + timedelta(days=1) if asked == TOMORROW else hours.next_date(asked, today)


def _next_opening(hours: BusinessHours, after: datetime, today: date) -> tuple[str, tuple[str, ...]]:
    """Say when the business opens next, looking at most two weeks ahead."""
    minutes = after.hour * 60 + after.minute
    for ahead in range(15):
        day = after.date() + timedelta(days=ahead)
        for opening in hours.on(day).openings:
            if ahead or opening.opens > minutes:
                weekday = WEEKDAYS[day.weekday()]
                near = {0: "today", 1: "tomorrow"}.get((day - today).days, f"on {weekday.capitalize()}")
                return f"We open again {near} at {spoken_time(opening.opens)}.", (f"dialplan:hours.{weekday}",)
    return "", ()
