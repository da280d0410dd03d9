"""Whether what a sentence says of opening hours is so: each day with its times, open or closed, now or then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from voicebot.dialplan.hours import WEEKDAYS, BusinessDay
from voicebot.safety.fact_claims import expanded
from voicebot.safety.fact_evidence import DialplanFacts, content, forms_of
from voicebot.safety.fact_words import Fact

SPEAKS: Final = re.compile(
    r"\b(?:open(?:s|ed|ing)?|clos(?:e|es|ed|ing)|(?<!few )(?<!two )(?<!of )(?<!\d )hours|shut|holiday|"
    r"drop (?:by|in)|come (?:by|in)|visit us|here from|lunch break)\b"
)
_OTHERS: Final = re.compile(
    r"\b(?:orders?|packages?|deliver\w*|arriv\w*|ship\w*|appointments?|bookings?|repairs?|ready|reach)\b"
)
_RANGE: Final = re.compile(r"\s*(?:to|through|thru|until|till|-|\u2013|and including)\s*")
_CLOSED: Final = re.compile(r"\b(?:closed|shut|close (?:on|for)|not (?:\w+ )?open\w*|never open|no opening)\b")
_OPEN: Final = re.compile(
    r"\b(?:open(?:s|ed|ing)?|hours|here from|come (?:by|in)|drop (?:by|in)|visit us|close[sd]? (?:at|by)|"
    r"not (?:\w+ )?closed|until|till|closing)\b"
)
_EXCEPT: Final = re.compile(r"\b(?:except|but not|apart from|other than|excluding|besides)\b[^.;]*$|\bbut (?:on )?$")
_TURNS: Final = re.compile(r"\b(?:but|however|while|whereas|otherwise|closed)\b|;")
_ENDS: Final = re.compile(
    r"(?:\b(?:to|until|till|through|by|before|clos(?:e|es|ed|ing)(?: (?:time|today|already))?(?: (?:is|are|at|"
    r"on \w+ at|on \w+))*|clos(?:e|es|ing)[^.;,]{0,24} at|and)|[-\u2013])\s*$"
)
_STARTS: Final = re.compile(
    r"\b(?:from|(?<!are )(?<!is )(?<!be )open(?:s|ing)?(?: (?:is|at|on \w+ at|on \w+|again at|our doors at))*|"
    r"(?<!are )(?<!is )(?<!be )open(?:s|ing)?[^.;,]{0,24} at|starting(?: at)?|between|after|as of)\s*$"
)
_SETS: Final = (
    (re.compile(
        r"\b(?:every day|daily|seven days a week|all week(?: long)?|each day|any day|around the clock|"
        r"twenty-?four seven|24/7)\b"
    ), range(7)),
    (re.compile(r"\b(?:weekdays|every weekday|during the week)\b"), range(5)),
    (re.compile(r"\b(?:weekends?|the weekend)\b"), range(5, 7)),
)  # fmt: skip
_HAS_HOURS: Final = re.compile(r"\bfrom\b.*\bto\b|\d\s*[ap]\.?m\b")
_A_WEEK: Final = 4
"""Days in one sentence that make it one about the usual week."""
_ALL_DAYS: Final = tuple(f"{day}s" for day in WEEKDAYS) + WEEKDAYS
_NOW: Final = re.compile(r"\b(?:now|right now|at the moment|currently|at this time|already|still)\b")
_USUALLY: Final = re.compile(r"\b(?:usually|normally|regular|generally|always|each|every|as follows)\b|days\b")


@dataclass(slots=True)
class _Group:
    """Days, and the times that are said of them."""

    days: list[date] = field(default_factory=list)
    times: list[Fact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HoursVerdict:
    """`reason` is empty when all is so."""

    reason: str
    evidence: tuple[str, ...] = ()


def about_hours(text: str) -> bool:
    """Whether a sentence speaks of opening hours."""
    return bool(SPEAKS.search(text.lower()))


class HoursCheck:
    """Looks at one sentence. `topic` are texts that may name the day that it is about, the nearest first."""

    def __init__(self, plan: DialplanFacts, today: date, topic: Sequence[str]) -> None:
        self._plan = plan
        self._today = today
        self._topic = topic

    def of(self, text: str, found: Sequence[Fact], *, open_now: bool) -> HoursVerdict:
        """Judge what a sentence says of days and times."""
        low = expanded(text)
        days = list(self._mentions(text.lower(), found))
        if not days and _NOW.search(low) and not any(fact.kind == "time" for fact in found):
            return self._now(low, open_now=open_now)
        evidence: list[str] = []
        usually = bool(_USUALLY.search(text.lower())) or len(days) >= _A_WEEK
        for group in self._groups(text.lower(), found, days):
            for time in group.times:
                sources = [self._time(text, time, day, usually=usually) for day in group.days]
                if not sources or "" in sources:
                    return HoursVerdict(f"time {text[time.start : time.end]}")
                evidence += sources
            evidence += [self._plan.day(day)[0] for day in group.days]
        wrong = self._polarity(text, days)
        return HoursVerdict(wrong, tuple(dict.fromkeys(evidence)))

    def _now(self, low: str, *, open_now: bool) -> HoursVerdict:
        says_open = not _CLOSED.search(low)
        if says_open != open_now:
            return HoursVerdict("open now" if says_open else "closed now")
        return HoursVerdict("", (self._plan.day(self._today)[0],))

    def _next(self, weekday: int) -> date:
        return self._today + timedelta(days=(weekday - self._today.weekday()) % 7)

    def _mentions(self, low: str, found: Sequence[Fact]) -> Iterator[tuple[int, int, list[date]]]:
        """Yield the days that a text names, where it names them."""
        named: list[tuple[int, int, list[date]]] = []
        for fact in found:
            days = self._dates(fact)
            if days:
                named.append((fact.start, fact.end, days))
        for pattern, weekdays in _SETS:
            named += [(m.start(), m.end(), [self._next(day) for day in weekdays]) for m in pattern.finditer(low)]
        known = [(name, on, day) for on, day in self._plan.hours.exceptions.items() for name in day.names]
        for name, on, day in sorted(known, key=lambda each: -len(each[0])):
            at = low.find(name.lower())
            longer = any(start <= at and at + len(name) <= end for start, end, _ in named)
            if at >= 0 and not longer and self._plan.hours.next_named(day.names[0], self._today) == on:
                named.append((at, at + len(name), [on]))
        named.sort(key=lambda each: each[0])
        last: tuple[int, int, list[date]] | None = None
        for each in named:
            if last is not None and len(last[2]) == len(each[2]) == 1 and _RANGE.fullmatch(low, last[1], each[0]):
                first, end = last[2][0], each[2][0]
                length = (end.weekday() - first.weekday()) % 7
                each = (last[0], each[1], [self._next((first.weekday() + k) % 7) for k in range(length + 1)])  # noqa: PLW2901
                last = None
            if last is not None:
                yield last
            last = each
        if last is not None:
            yield last

    def _dates(self, fact: Fact) -> list[date]:
        match fact.kind:
            case "weekday":
                return [self._next(int(fact.value))]
            case "date":
                month, day = (int(part) for part in fact.value.split("-"))
                for year in (self._today.year, self._today.year + 1):
                    try:
                        on = date(year, month, day)
                    except ValueError:
                        continue
                    if on >= self._today:
                        return [on]
                return []
            case "relative":
                ahead = {"today": 0, "tonight": 0, "tomorrow": 1, "day after tomorrow": 2, "yesterday": -1}
                ahead |= {"this morning": 0, "this afternoon": 0, "this evening": 0}
                return [self._today + timedelta(days=ahead[fact.value])] if fact.value in ahead else []
            case _:
                return []

    def _groups(self, low: str, found: Sequence[Fact], days: Sequence[tuple[int, int, list[date]]]) -> list[_Group]:
        """Put times to the days that they are said of: those before them, or after them if it begins with a time."""
        items: list[tuple[int, list[date] | Fact]] = [(start, each) for start, _, each in days]
        items += [(fact.start, fact) for fact in found if fact.kind == "time" or self._hour(low, fact)]
        items.sort(key=lambda item: item[0])
        groups: list[_Group] = []
        trailing = bool(items) and isinstance(items[0][1], Fact)
        last = 0
        for at, item in items:
            group = groups[-1] if groups else None
            if isinstance(item, Fact):
                if group is None or (trailing and group.days):
                    groups.append(_Group(times=[item]))
                else:
                    group.times.append(item)
            elif group is None or (group.times and group.days) or (group.days and _TURNS.search(low, last, at)):
                groups.append(_Group(days=list(item)))
            else:
                group.days += item
            last = at
        for group in groups:
            if not group.days:
                group.days = self._assumed()
        return groups

    @staticmethod
    def _hour(low: str, fact: Fact) -> bool:
        return any(kind == "time" for kind, _ in fact.forms) and bool(
            _ENDS.search(low[: fact.start]) or _STARTS.search(low[: fact.start])
        )

    def _assumed(self) -> list[date]:
        from voicebot.safety.fact_words import facts  # noqa: PLC0415

        for text in self._topic:
            days = list(self._mentions(text.lower(), facts(text)))
            if days:
                return days[-1][2]
        return [self._today]

    def _time(self, text: str, time: Fact, on: date, *, usually: bool) -> str:
        """Return where a time of a day is stated; empty when it is not so."""
        weekly = self._plan.hours.week[list(self._plan.hours.week)[on.weekday()]]
        choices = [self._plan.day(on)]
        if usually:
            choices.append((f"dialplan:hours.{list(self._plan.hours.week)[on.weekday()]}", weekly))
        low = text.lower()
        before = re.sub(r"\ban? $", "", low[: time.start])
        begins, ends = _STARTS.search(before), _ENDS.search(before)
        values = {int(value) for kind, value in time.forms if kind == "time"}
        for source, day in choices:
            opens = {opening.opens for opening in day.openings}
            closes = {opening.closes % 1440 for opening in day.openings}
            within = any(opening.opens <= value < opening.closes for opening in day.openings for value in values)
            if begins and not ends:
                so = bool(values & opens)
            elif ends and not begins:
                so = bool(values & closes)
            else:
                so = bool(values & (opens | closes)) or (within and about_hours(text))
            if so or self._in_note(text, time, day.note):
                return source
        return ""

    @staticmethod
    def _in_note(text: str, time: Fact, note: str) -> bool:
        shared = content(text) & content(note)
        return bool(note and shared and set(time.forms) & forms_of(note))

    def _polarity(self, text: str, days: Sequence[tuple[int, int, list[date]]]) -> str:
        """Return the day that is said to be open and is not, or the other way round."""
        low = text.lower().replace("n't", " not")
        usually = bool(_USUALLY.search(low)) or len(days) >= _A_WEEK
        shift = len(low) - len(text)
        for start, end, dates in days:
            at = low.find(text.lower()[start:end], max(0, start - 1)) if shift else start
            says = self._says(low, at)
            if says and len(dates) > 1:
                left_out = {
                    day for at_, _, each in days if len(each) == 1 and _EXCEPT.search(low[:at_]) for day in each
                }
                if any(self._usually(text, day) != (says == "open") for day in dates if day not in left_out):
                    return f"{says} {text[start:end]}"
                continue
            for day in dates if says else ():
                is_open = bool(self._plan.day(day)[1].openings) and not self._part_closed(text, self._plan.day(day)[1])
                usual = self._usually(text, day)
                if (says == "open") != is_open and not (usually and (says == "open") == usual):
                    return f"{says} {text[start:end]}"
        return ""

    def _usually(self, text: str, day: date) -> bool:
        weekly = self._plan.hours.week[list(self._plan.hours.week)[day.weekday()]]
        return bool(weekly.openings) and not self._part_closed(text, weekly)

    @staticmethod
    def _part_closed(text: str, day: BusinessDay) -> bool:
        """Whether a day's note says that what the sentence is about is closed: the workshop, for example."""
        about = content(text) & content(day.note) - content(
            "open opens opening closed close closes " + " ".join(_ALL_DAYS)
        )
        return bool(about and _CLOSED.search(day.note.lower()))

    @staticmethod
    def _says(low: str, at: int) -> str:
        """Return `open` or `closed`, as the words nearest to a day say, or nothing."""
        if _EXCEPT.search(low[:at]):
            return "open" if _CLOSED.search(low[:at]) else "closed"
        cuts = [m.start() for m in re.finditer(r"[,;.]|\b(?:but|and|while|whereas)\b", low)]
        left = max((cut for cut in cuts if cut < at), default=0)
        right = min((cut for cut in cuts if cut > at), default=len(low))
        own = low[left:right]
        if _HAS_HOURS.search(own) and not _CLOSED.search(own):
            return "open"
        for part in (own, low[:at], low[at:]):
            found = [(m.start(), "open") for m in _OPEN.finditer(part)]
            found += [
                (m.start(), "closed") for m in _CLOSED.finditer(re.sub(r"\bnot (?:\w+ )?closed\b", "not shhh", part))
            ]
            if found:
                # `not open` is found by both, at places of their own.
                return "closed" if part != low[at:] and any(says == "closed" for _, says in found) else min(found)[1]
        return ""


def other_matter(text: str) -> bool:
    """Whether a sentence speaks of an order or an appointment, whose days are not those of the opening hours."""
    return bool(_OTHERS.search(text.lower()))
