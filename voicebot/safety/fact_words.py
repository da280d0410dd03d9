"""The facts that a text states, each in one form, however it is written: `fourteen dollars` is `$14.00` is 14 dollars.

Found are amounts, percentages, times of the day, dates, weekdays, days relative to today, durations, numbers, numbers
read out, addresses for mail and the web, and codes of letters and figures. Names are found apart (`fact_names`), and so
are claims that something was done (`fact_claims`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from voicebot.dialplan.hours import WEEKDAYS
from voicebot.safety.fact_numbers import ORDINALS, Number, canonical, numbers, tokens

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH_OF: Final = {name[:length]: at for at, name in enumerate(MONTHS, 1) for length in (3, len(name))} | {"sept": 9}
_DAY_OF: Final = (
    {name: at for at, name in enumerate(WEEKDAYS)}
    | {f"{name}s": at for at, name in enumerate(WEEKDAYS)}
    | {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4}
)
_MINUTES: Final = {"minute": 1, "min": 1, "hour": 60, "hr": 60, "day": 1_440, "night": 1_440, "week": 10_080}
_OTHER_SPANS: Final = {"second": "s", "sec": "s", "month": "month", "year": "year"}
_SPANS: Final = (*_MINUTES, *_OTHER_SPANS)
_KINDS_OF_DAY: Final = frozenset({"working", "business", "calendar", "more", "full", "whole", "opening"})
_MONEY: Final = frozenset(
    {"dollar", "dollars", "buck", "bucks", "usd", "euro", "euros", "eur", "pound", "pounds", "gbp"}
)
_CENTS: Final = frozenset({"cent", "cents", "penny", "pence"})
_TIME_BEFORE: Final = frozenset(
    {"at", "until", "till", "til", "from", "to", "by", "before", "after", "around", "between", "about", "past"}
)
_PARTS_OF_AN_HOUR: Final = {"half": 30, "quarter": 15, "ten": 10, "twenty": 20, "five": 5}
_PAST: Final = frozenset({"past", "after"})
_TO: Final = frozenset({"to", "before", "of"})
_DAYTIME: Final = {"morning": "am", "afternoon": "pm", "evening": "pm", "night": "pm"}
_RANGE: Final = frozenset({"to", "or", "and", "through"})
_LONGEST_HOUR: Final = 24
_HALF_DAY: Final = 720
_WHOLE_DAY: Final = 1_440
_SPELLED_OUT: Final = 4
"""Digits of a figure that is a number of something: an order, a telephone."""

_RELATIVE: Final = re.compile(
    r"\b(day after tomorrow|today|tonight|tomorrow|yesterday|this (?:morning|afternoon|evening|week|weekend|"
    r"month|year)|"
    r"(?:the )?(?:next|following) (?:(?:working|business) )?(?:day|morning|week|weekend|month|year)|overnight|"
    r"last (?:night|week|month|year)|(?:the )?same day|end of the (?:day|week|month)|"
    r"(?:a )?(?:few|couple of|several) (?:minutes|hours|days|weeks|months))\b"
)
_ARTICLE_SPAN: Final = re.compile(r"\b(half an|half a|an|a|one|quarter of an) (hour|day|week|month|year)\b")
_WAITS: Final = re.compile(
    r"\b(?:just |only )?(?:one|a|an) (?:more )?(?:short |quick |little )?(?:moment|second|minute|sec)\b(?! walk)"
    r"|\bone (?:of|by one|thing|more|another|at a time)\b|\b(?:which|that|this|no|each|every|any|the other|"
    r"another|the right) one\b"
    r"|\bone or the other\b|\bat once\b"
)
_MAIL: Final = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[\w.]+ at [\w-]+(?: dot (?:com|net|org|example|info|shop))+\b"
)
_WEB: Final = re.compile(
    r"\b(?:https?://\S+|www\.\S+|[\w-]+\.(?:com|net|org|info|shop|io)\b\S*|[\w-]+ dot (?:com|net|org|info|shop|io))\b"
)
_CODE: Final = re.compile(r"\b(?=[A-Za-z-]*\d)(?=[\d-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\b")
_NOT_A_CODE: Final = re.compile(
    r"\d+(?:st|nd|rd|th|am|pm|h|k|s|min|x)?|\d+-(?:day|hour|minute|week|year|month|digit)s?", re.IGNORECASE
)
_CLOCK: Final = re.compile(
    r"(?<![$€£\d])\b([01]?\d|2[0-3])(?::|\.(?=\d\d\s*[ap]\.?m))([0-5]\d)\s*(a\.?m\.?|"
    r"p\.?m\.?)?(?![\d%])(?!\s*(?:dollars|percent))",
    re.IGNORECASE,
)
_HOUR: Final = re.compile(r"\b(1[0-2]|0?[1-9])\s*(a\.m\.?|p\.m\.?|am|pm)(?![a-z])", re.IGNORECASE)
_DIGITAL_MONEY: Final = re.compile(r"[$€£]\s?(\d+(?:,\d{3})*(?:\.\d{1,2})?)")
_ISO: Final = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)(?!\d)")
_SLASHED: Final = re.compile(r"\b(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])(?:/(?:20)?\d\d)?\b")
_NUMERIC_ORDINAL: Final = re.compile(r"\b(3[01]|[12]?\d)(?:st|nd|rd|th)\b")
_FREE: Final = re.compile(
    r"\b(?:free(?! (?:to|and clear|slot|spot|time|on|at)\b)|complimentary|gratis|on the house|no (?:extra |"
    r"additional )?(?:charge|cost|fee)s?|nothing to pay|"
    r"without (?:any )?(?:extra )?(?:charge|cost)|(?:not|n't|never) (?:\w+ )?(?:cost you|cost|charged?|"
    r"be charged|have to pay|need to pay|pay)|"
    r"(?:costs?|pay|charge) (?:you )?nothing|waived?|(?<!not )included|zero (?:dollars|cost))\b"
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `forms` are (kind, value) pairs, any of which it may be; it stands at `start` to `end` of the text."""

    kind: str
    forms: tuple[tuple[str, str], ...]
    start: int
    end: int

    @property
    def value(self) -> str:
        """The form that comes first, for people."""
        return self.forms[0][1]


def facts(text: str) -> list[Fact]:
    """Return the facts of a text in order; no two overlap."""
    plain = text.lower().replace("\u2019", "'")
    taken = [False] * len(plain)
    found: list[Fact] = []

    def take(fact: Fact) -> None:
        if not any(taken[fact.start : fact.end]):
            taken[fact.start : fact.end] = [True] * (fact.end - fact.start)
            found.append(fact)

    for match in _WAITS.finditer(plain):
        taken[match.start() : match.end()] = [True] * (match.end() - match.start())
    for finder in (_addresses, _figures_of_money, _clock_times, _calendar, _relative_days, _codes, _numeric_ordinals):
        for fact in finder(plain):
            take(fact)
    reader = _NumberReader(plain, take)
    for fact in reader.named_times():
        take(fact)
    reader.read()
    for fact in _ordinal_days(plain):
        take(fact)
    return sorted(found, key=lambda fact: fact.start)


def _addresses(text: str) -> Iterator[Fact]:
    for match in _MAIL.finditer(text):
        yield _fact("email", re.sub(r" at ", "@", match.group()).replace(" dot ", ".").rstrip("."), match)
    for match in _WEB.finditer(text):
        yield _fact("web", match.group().replace(" dot ", ".").rstrip("."), match)


def _clock_times(text: str) -> Iterator[Fact]:
    for match in _CLOCK.finditer(text):
        half = (match.group(3) or "").replace(".", "") or _half_after(text, match.end())
        yield _time(int(match.group(1)), int(match.group(2)), half, match.start(), match.end())
    for match in _HOUR.finditer(text):
        yield _time(int(match.group(1)), 0, match.group(2).replace(".", ""), match.start(), match.end())
    for match in re.finditer(r"\b(noon|midday|midnight)\b", text):
        minutes = 0 if match.group() == "midnight" else _HALF_DAY
        yield Fact("time", (("time", str(minutes)),), match.start(), match.end())


def _half_after(text: str, at: int) -> str:
    match = re.match(
        r"\s*(?:o'clock)?\s*(?:in the (morning|afternoon|evening)|at (night)|(am|pm|a\.m\.?|p\.m\.?)(?![a-z]))",
        text[at:],
    )
    if match is None:
        return ""
    named = match.group(1) or match.group(2)
    return _DAYTIME[named] if named else (match.group(3) or "").replace(".", "")


def _time(hour: int, minute: int, half: str, start: int, end: int) -> Fact:
    """A time of the day in minutes since midnight; without a half of the day it may be either."""
    base = hour % 12 * 60 + minute
    if half:
        values = [base + (_HALF_DAY if half == "pm" else 0)]
    elif hour > 12 or hour == 0:  # noqa: PLR2004 - the clock's half
        values = [hour * 60 + minute]
    else:
        values = [base, base + _HALF_DAY]
    return Fact("time", tuple(("time", str(value % _WHOLE_DAY)) for value in values), start, end)


_MONTH: Final = "|".join(sorted((m for m in _MONTH_OF if m != "may"), key=len, reverse=True)) + "|may"
_ORDINAL: Final = (
    r"(?:(?:twenty|thirty)[ -])?(?:" + "|".join(ORDINALS) + r")|\d{1,2}(?:st|nd|rd|th)?|"
    r"(?:twenty|thirty)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|one|two|three|four|five|six|"
    r"seven|eight|"
    r"nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
)
_YEAR: Final = r"(?:,? (\d{4}|twenty twenty[ -](?:five|six|seven|eight)))?"
_MONTH_FIRST: Final = re.compile(rf"\b({_MONTH})\.? (?:the )?({_ORDINAL})(?![\d:]){_YEAR}\b")
_DAY_FIRST: Final = re.compile(rf"\b(?:the )?({_ORDINAL})(?: of)? ({_MONTH})\b{_YEAR}")


def _calendar(text: str) -> Iterator[Fact]:
    for match in _ISO.finditer(text):
        yield _date(int(match.group(2)), int(match.group(3)), match)
    for match in _SLASHED.finditer(text):
        yield _date(int(match.group(1)), int(match.group(2)), match)
    for pattern, month, day in ((_MONTH_FIRST, 1, 2), (_DAY_FIRST, 2, 1)):
        for match in pattern.finditer(text):
            number = _day_number(match.group(day))
            if 1 <= number <= 31:  # noqa: PLR2004 - days of a month
                yield _date(_MONTH_OF[match.group(month)], number, match)
    for match in re.finditer(r"\b(?:" + "|".join(sorted(_DAY_OF, key=len, reverse=True)) + r")\b", text):
        yield _fact("weekday", str(_DAY_OF[match.group()]), match)
    for match in re.finditer(r"\b(?:in|by|until|since|early|late|mid|during) (" + _MONTH + r")\b", text):
        yield Fact("month", (("month", str(_MONTH_OF[match.group(1)])),), match.start(1), match.end(1))


def _date(month: int, day: int, match: re.Match[str]) -> Fact:
    return _fact("date", f"{month:02d}-{day:02d}", match)


def _day_number(text: str) -> int:
    figures = re.match(r"\d+", text)
    if figures:
        return int(figures.group())
    total = 0
    for word in re.split(r"[ -]", text):
        known = numbers(word, tokens(word))
        total += ORDINALS.get(word, 0) or (int(known[0].value) if known and known[0].value else 0)
    return total


def _ordinal_days(text: str) -> Iterator[Fact]:
    """Find days of a month without its name: `on the third`."""
    for match in re.finditer(rf"\b(?:on|by|until|for|before|after) the ({_ORDINAL})(?=[.,!?]|$)", text):
        yield Fact("monthday", (("monthday", str(_day_number(match.group(1)))),), match.start(1), match.end(1))


def _numeric_ordinals(text: str) -> Iterator[Fact]:
    for match in _NUMERIC_ORDINAL.finditer(text):
        yield Fact("monthday", (("monthday", match.group(1)),), match.start(), match.end())


def _figures_of_money(text: str) -> Iterator[Fact]:
    for match in _DIGITAL_MONEY.finditer(text):
        yield _fact("money", canonical(match.group(1)), match)


def _relative_days(text: str) -> Iterator[Fact]:
    for match in _RELATIVE.finditer(text):
        yield _fact("relative", re.sub(r"^the |^a |working |business ", "", match.group()), match)
    for match in re.finditer(
        r"\bhalf (?:the )?(?:price|off)\b|\bhalf as much\b|\b(?:twice|double|triple) the price\b", text
    ):
        yield _fact("percent", "50" if match.group().startswith("half") else match.group(), match)
    for match in _ARTICLE_SPAN.finditer(text):
        part = 0.5 if match.group(1).startswith("half") else 0.25 if match.group(1).startswith("quarter") else 1
        yield _fact("duration", _span(str(part), match.group(2)), match)


def _codes(text: str) -> Iterator[Fact]:
    for match in _CODE.finditer(text):
        if not _NOT_A_CODE.fullmatch(match.group()):
            yield _fact("code", re.sub(r"[^a-z0-9]", "", match.group()), match)


def says_free(text: str) -> re.Match[str] | None:
    """Return where a text says that something costs nothing."""
    return _FREE.search(text.lower().replace("\u2019", "'"))


def _fact(kind: str, value: str, match: re.Match[str]) -> Fact:
    return Fact(kind, ((kind, value),), match.start(), match.end())


def _span(amount: str, unit: str) -> str:
    one = unit.removesuffix("s")
    if one in _MINUTES:
        return canonical(str(float(amount) * _MINUTES[one]))
    return f"{canonical(amount)} {_OTHER_SPANS[one]}"


class _NumberReader:
    """Reads the numbers of a text with what follows them."""

    def __init__(self, text: str, take: Callable[[Fact], None]) -> None:
        self._text = text
        self._take = take
        self._tokens = tokens(text)
        self._runs = numbers(text, self._tokens)

    def read(self) -> None:
        pending: list[Number] = []
        for run in self._runs:
            unit, last = self._unit(run)
            if not unit and self._ranges(run):
                pending.append(run)
                continue
            for each in (*pending, run):
                self._give(each, unit, last if each is run else each.last)
            pending = []
        for each in pending:
            self._give(each, "", each.last)

    def _word(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""

    def _ranges(self, run: Number) -> bool:
        """Whether a number goes on to another that has the unit of both: `three to five days`."""
        following = {other.first for other in self._runs}
        dash = self._text[self._tokens[run.last].end : self._tokens[run.last].end + 3].strip()[:1] in {"-", "\u2013"}
        return (self._word(run.last + 1) in _RANGE and run.last + 2 in following) or (
            dash and run.last + 1 in following
        )

    def _unit(self, run: Number) -> tuple[str, int]:
        after = run.last + 1
        while self._word(after) in _KINDS_OF_DAY:
            after += 1
        word = self._word(after)
        sign = self._text[self._tokens[run.last].end : self._tokens[run.last].end + 2].strip()
        if sign.startswith("%") or word == "percent" or (word == "per" and self._word(after + 1) == "cent"):
            return "percent", run.last if sign.startswith("%") else after
        if word in _MONEY:
            return "money", after
        if word in _CENTS:
            return "cents", after
        if word.removesuffix("s") in _SPANS:
            return word, after
        return "", run.last

    def _give(self, run: Number, unit: str, last: int) -> None:
        start, end = self._tokens[run.first].start, self._tokens[last].end
        value = run.value or run.digits
        if unit == "money":
            amount, end = self._amount(run, last)
            self._take(Fact("money", (("money", amount),), start, end))
        elif unit == "cents":
            self._take(Fact("money", (("money", canonical(f"{int(float(value)) / 100:.2f}")),), start, end))
        elif unit == "percent":
            self._take(Fact("percent", (("percent", value),), start, end))
        elif unit:
            self._take(Fact("duration", (("duration", _span(value, unit)), ("raw", canonical(value))), start, end))
        else:
            self._plain(run, value, start, end)

    def _amount(self, run: Number, last: int) -> tuple[str, int]:
        """Return an amount with the cents that follow it: `six dollars and fifty cents`, `six dollars fifty`."""
        whole = run.value
        if not whole and len(run.chunks) == 2:  # noqa: PLR2004 - dollars and cents, as in `fourteen fifty dollars`
            return canonical(f"{run.chunks[0]}.{run.chunks[1]:0>2}"), self._tokens[last].end
        after = last + 2 if self._word(last + 1) == "and" else last + 1
        cents = next((other for other in self._runs if other.first == after and other.value), None)
        if cents is not None and float(cents.value) < 100:  # noqa: PLR2004 - cents of a dollar
            coin = self._word(cents.last + 1) in _CENTS
            if coin or (after == last + 1 and not self._unit(cents)[0]):
                end = self._tokens[cents.last + coin].end
                return canonical(f"{whole}.{int(float(cents.value)):02d}"), end
        return canonical(whole or run.digits), self._tokens[last].end

    def _plain(self, run: Number, value: str, start: int, end: int) -> None:
        before, after = self._word(run.first - 1), self._word(run.last + 1)
        if value == "1" and self._word(run.first) == "one" and not self._counts(run):
            return
        hour = self._hour(run)
        clock = after == "o'clock" or bool(_half_after(self._text, end))
        stretch = after in {"to", "until", "till"} and any(other.first == run.last + 2 for other in self._runs)
        if hour is not None and (clock or stretch or before in _TIME_BEFORE or before in {"closes", "opens"}):
            fact = _time(*hour, _half_after(self._text, end), start, end)
            both = fact.forms if clock else (*fact.forms, ("number", value))
            self._take(Fact("time", both, start, end))
            return
        forms: list[tuple[str, str]] = [("number", value)] if run.value else []
        if len(run.digits) >= _SPELLED_OUT or len(run.chunks) > 1:
            forms.append(("digits", run.digits))
        if hour is not None and len(run.chunks) == 2:  # noqa: PLR2004 - `ten thirty`
            forms += _time(*hour, "", start, end).forms
        if len(run.chunks) == 2 and not run.value:  # noqa: PLR2004 - `fourteen fifty`
            forms.append(("money", canonical(f"{run.chunks[0]}.{run.chunks[1]:0>2}")))
        self._take(Fact("number", tuple(forms), start, end))

    def _counts(self, run: Number) -> bool:
        """Whether `one` is a number here."""
        return self._word(run.first - 1) in {"number", "at", "until", "till", "from", "key"} and run.last + 1 >= len(
            self._tokens
        )

    def _hour(self, run: Number) -> tuple[int, int] | None:
        parts = [int(chunk) for chunk in run.chunks if chunk.isdigit()]
        if not 1 <= len(run.chunks) <= 3 or len(parts) != len(run.chunks) or not 1 <= parts[0] <= _LONGEST_HOUR:  # noqa: PLR2004
            return None
        minute = int("".join(run.chunks[1:]) or 0)
        return (parts[0], minute) if minute < 60 and len("".join(run.chunks[1:])) <= 2 else None  # noqa: PLR2004

    def named_times(self) -> Iterator[Fact]:
        """Find `half past ten`, `a quarter to six`, `ten past nine`."""
        for run in self._runs:
            hour = self._hour(run)
            if hour is None or hour[1] or hour[0] > 12:  # noqa: PLR2004 - the clock's half
                continue
            relation, at = self._word(run.first - 1), run.first - 2
            if self._word(at) in {"minutes", "minute"}:
                at -= 1
            minutes = _PARTS_OF_AN_HOUR.get(self._word(at))
            named = at < run.first - 2 or self._word(at) in {"half", "quarter"} or relation in _PAST
            if not named and self._word(at - 1) not in {"at", "until", "till", "by", "around", "is"}:
                continue  # `ten to six` is a stretch of time
            if minutes is None or relation not in _PAST | _TO or (relation == "of" and self._word(at) != "quarter"):
                continue
            time = hour[0] * 60 + (minutes if relation in _PAST else -minutes)
            end = self._tokens[run.last].end
            half = _half_after(self._text, end)
            yield _time(time // 60 % 12 or 12, time % 60, half, self._tokens[at].start, end)
