"""General questions to a shop by what they mean, for whoever has to tell whether two of them ask the same thing.

Questions of one meaning have the same right answer; those of two have not, however alike they sound: another day, a
negation, another thing, another price. Ways to ask that no cache needs to know are among them on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

DAYS: Final = (
    "Monday",
    "Tuesday",
    "Friday",
    "Saturday",
    "Sunday",
    "today",
    "tomorrow",
    "Christmas Eve",
    "Christmas Day",
)
THINGS: Final = (
    ("shipping", "shipping"),
    ("express", "express shipping"),
    ("standard", "standard shipping"),
    ("tune-up", "a tune up"),
    ("big tune-up", "a big tune up"),
    ("bike rental", "a bicycle rental"),
    ("e-bike rental", "an electric bicycle rental"),
    ("two days", "a rental for two days"),
    ("three days", "a rental for three days"),
)
PLACES: Final = ("Canada", "Mexico", "the islands", "Europe")

MANNERS: Final = (
    "{question}",
    "{question} please",
    "hi, {question}?",
    "um, {question}",
    "hello, good morning, {question}, thank you",
    "could you tell me {stated}",
    "can you tell me {stated} please",
    "I would like to know {stated}",
    "do you know {stated}",
    "I was wondering {stated}",
)
"""Every question can be asked so, directly or as a statement."""

_BY_DAY: Final = (
    ("open?", ("are you open on {}", "if you are open on {}")),
    ("open? (denied)", ("are you not open on {}", "if you are not open on {}")),
    ("open? (denied)", ("aren't you open on {}", "whether you aren't open on {}")),
    ("closed?", ("are you closed on {}", "if you are closed on {}")),
    ("hours", ("when are you open on {}", "when you are open on {}")),
    ("opens", ("when do you open on {}", "when you open on {}")),
    ("closes", ("when do you close on {}", "when you close on {}")),
    ("late", ("how late are you open on {}", "how late you are open on {}")),
    ("workshop open?", ("is the workshop open on {}", "if the workshop is open on {}")),
    ("deliver?", ("do you deliver on {}", "if you deliver on {}")),
    ("deliver? (denied)", ("do you not deliver on {}", "if you do not deliver on {}")),
    ("all but", ("are you open every day except {}", "if you are open every day except {}")),
    ("before", ("are you open before {}", "if you are open before {}")),
    ("after", ("are you open after {}", "if you are open after {}")),
)
_BY_THING: Final = (
    ("price", ("how much is {}", "how much {} is")),
    ("price", ("how much does {} cost", "how much {} costs")),
    ("price", ("what does {} cost", "what {} costs")),
    ("duration", ("how long does {} take", "how long {} takes")),
    ("free?", ("is {} free", "if {} is free")),
    ("free? (denied)", ("is {} not free", "if {} is not free")),
    ("on offer?", ("do you offer {}", "if you offer {}")),
    ("on offer? (denied)", ("do you not offer {}", "if you do not offer {}")),
    ("from when free", ("when is {} free", "when {} is free")),
)
_BY_PLACE: Final = (
    ("ship to?", ("do you ship to {}", "if you ship to {}")),
    ("ship from?", ("do you ship from {}", "if you ship from {}")),
    ("ship only to?", ("do you only ship to {}", "if you only ship to {}")),
    ("ship without", ("do you ship everywhere but {}", "if you ship everywhere but {}")),
    ("returns", ("do you take returns from {}", "if you take returns from {}")),
)
_TWO_DAYS: Final = (
    ("open, closed", "are you open on {} and closed on {}"),
    ("closed, open", "are you closed on {} and open on {}"),
    ("not, but", "are you open on {} but not on {}"),
    ("from, to", "are you open from {} to {}"),
)
_SINGLE: Final = {
    "where": ("where are you", "where is your shop", "where is the store", "where are you located"),
    "hours": (
        "what are your hours",
        "when are you open",
        "what are your opening hours",
        "what are your business hours",
    ),
    "week": ("what are your weekend hours",),
    "how to get there": ("how do people get to the shop",),
    "parking": ("is there parking",),
    "no parking": ("is there no parking",),
    "parking free": ("is parking free",),
    "big sizes": ("do you have 29 inch tires",),
    "small sizes": ("do you have 26 inch tires",),
    "shop open, workshop closed": ("is the shop open when the workshop is closed",),
    "workshop open, shop closed": ("is the workshop open when the shop is closed",),
    "bikes on sale": ("do you have bicycles on sale",),
    "bikes for sale": ("do you have bicycles for sale",),
    "with": ("is shipping free with a membership",),
    "without": ("is shipping free without a membership",),
    "more": ("is shipping free for more than 75 dollars",),
    "less": ("is shipping free for less than 75 dollars",),
    "57": ("is shipping free for more than 57 dollars",),
    "december 24": ("are you open on december 24",),
    "december 25": ("are you open on december 25",),
    "first of may": ("are you open on the first of may",),
    "first of march": ("are you open on the first of march",),
}


def meanings() -> Mapping[str, tuple[str, ...]]:
    """Return each meaning with the ways to ask for it."""
    found: dict[str, list[str]] = {}
    for name, (direct, stated) in _filled():
        ways = found.setdefault(name, [])
        ways += [manner.format(question=direct, stated=stated) for manner in MANNERS]
    for (name, way), (first, second) in product(_TWO_DAYS, product(DAYS[:5], repeat=2)):
        if first != second:
            found.setdefault(f"{name}: {first}, {second}", []).append(way.format(first, second))
    for name, single in _SINGLE.items():
        found.setdefault(name, []).extend(single)
    return {name: tuple(dict.fromkeys(ways)) for name, ways in found.items()}


def _filled() -> Iterator[tuple[str, tuple[str, str]]]:
    for (name, (direct, stated)), day in product(_BY_DAY, DAYS):
        on = "" if day in {"today", "tomorrow"} else "on "
        said = f"{on}{day}"
        filled = (direct.replace("on {}", said).format(day), stated.replace("on {}", said).format(day))
        yield f"{name}: {day}", filled
    for (name, (direct, stated)), (key, thing) in product(_BY_THING, THINGS):
        yield f"{name}: {key}", (direct.format(thing), stated.format(thing))
    for (name, (direct, stated)), place in product(_BY_PLACE, PLACES):
        yield f"{name}: {place}", (direct.format(place), stated.format(place))
