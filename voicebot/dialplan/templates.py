"""What the bot says, with holes for what it knows.

In `Order {order_number:digits} is {result.status}.` a hole names where its value comes from, so that every clause knows
its evidence: `{hours.KEY}` and `{result.KEY}` for what a source or connector returned, `{NAME}` for a slot, and
`{SECTION.KEY}` for the dialplan's knowledge. A filter after the colon says how the value is spoken; of a list, how each
of its values is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Final

from voicebot.dialplan.hours import WEEKDAYS, spoken_time

_HOLE = re.compile(r"\{([^{}]*)\}")
_REFERENCE = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z0-9][a-z0-9_]*)*)(?::([a-z]+))?")
_CURRENCIES: Final = {
    "USD": ("dollar", "dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
}
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]
"""What a hole may hold."""


class TemplateError(ValueError):
    """A template cannot be read."""


@dataclass(frozen=True, slots=True)
class Hole:
    """One `{path:filter}`; `filter` is empty when there is none."""

    path: str
    filter: str

    @property
    def root(self) -> str:
        """The first word of the path: which part of the dialplan, or which slot."""
        return self.path.partition(".")[0]


def holes(template: str) -> tuple[Hole, ...]:
    """Return the holes in order. Raises TemplateError for a brace that opens or closes nothing."""
    if "{" in _HOLE.sub("", template) or "}" in _HOLE.sub("", template):
        raise TemplateError("a brace is open or closed without its partner")
    found = []
    for inside in _HOLE.findall(template):
        match = _REFERENCE.fullmatch(inside)
        if match is None:
            raise TemplateError(f"{{{inside}}} is not a name or a path of names")
        name = match.group(2) or ""
        if name and name not in FILTERS:
            raise TemplateError(f"the filter {name!r} of {{{inside}}} is not known; there are {', '.join(FILTERS)}")
        found.append(Hole(match.group(1), name))
    return tuple(found)


def render(template: str, values: Mapping[str, Value], currency: str) -> str:
    """Fill the holes from `values`, by path. Raises KeyError for a path that has no value."""

    def fill(match: re.Match[str]) -> str:
        path, _, name = match.group(1).partition(":")
        value = values[path]
        spoken = FILTERS[name] if name else _plain
        if isinstance(value, tuple):
            return _listed([spoken(each, currency) for each in value])
        return spoken(value, currency)

    return _HOLE.sub(fill, template)


def _plain(value: Scalar, _currency: str) -> str:
    return str(value)


def _listed(parts: list[str]) -> str:
    """Say some things: `nine, ten or eleven`."""
    return " or ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def spoken_digits(value: Scalar, _currency: str = "") -> str:
    """Say digits one by one, as people read a number back: `four, eight, two`. Other characters stay away."""
    return ", ".join(_DIGITS[int(character)] for character in str(value) if character.isdecimal())


def spoken_money(value: Scalar, currency: str) -> str:
    """Say an amount in words that a synthesiser cannot misread: `4 dollars and 95 cents`."""
    one, many, hundredth, hundredths = _CURRENCIES[currency]
    cents = round(float(value) * 100)
    whole, part = divmod(cents, 100)
    big = f"{whole} {one if whole == 1 else many}"
    small = f"{part} {hundredth if part == 1 else hundredths}"
    if not part:
        return big
    return f"{big} and {small}" if whole else small


def spoken_date(value: Scalar, _currency: str = "") -> str:
    """Say an ISO date with its weekday: `Tuesday, November 24`. What is no date is said as it is."""
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return f"{WEEKDAYS[day.weekday()].capitalize()}, {_MONTHS[day.month - 1]} {day.day}"


def spoken_clock(value: Scalar, _currency: str = "") -> str:
    """Say a time such as `14:30`: `2:30 PM`. What is no time is said as it is."""
    try:
        at = time.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return spoken_time(at.hour * 60 + at.minute)


def spoken_words(value: Scalar, _currency: str = "") -> str:
    """Say a name of the dialplan: `tune_up` as `tune up`."""
    return str(value).replace("_", " ")


FILTERS: Final[Mapping[str, Callable[[Scalar, str], str]]] = {
    "digits": spoken_digits,
    "money": spoken_money,
    "date": spoken_date,
    "time": spoken_clock,
    "words": spoken_words,
}
CURRENCIES: Final = tuple(_CURRENCIES)
