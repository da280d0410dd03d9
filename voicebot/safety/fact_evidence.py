"""What a call may state as fact: the dialplan's knowledge and hours, the results of its connectors, the caller's words.

Every value is an entry with the words that tell what it is about, so that a true figure in a wrong place ("express is
6.50", which is the price of standard) is found out as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from voicebot.core.policy import SideEffect
from voicebot.dialplan.hours import BusinessDay
from voicebot.dialplan.policy import Policy
from voicebot.safety.fact_numbers import canonical
from voicebot.safety.fact_words import facts

MAX_DEPTH: Final = 6
"""Levels of a result that are looked into."""

_UNIT_WORDS: Final = frozenset({"percent", "discount", "rate", "days", "minutes", "hours", "weeks", "count", "number"})
_GENERIC_WORDS: Final = """
    a amount and at by call cost costs date day days fee for from hours id in info is minutes name note number of on
    or order orders our outcome per percent price result state status takes text the time to total until up usd
    value we weeks when where with
"""
_GENERIC: Final = frozenset(_GENERIC_WORDS.split())
"""Words of a name that do not tell one value from another."""
_SYNONYMS: Final = """
    ship ships shipped shipping sent leave leaves left dispatch dispatched goes
    arrive arrives arrived arrival reach reaches reached get come comes coming expect eta due deliver delivers delivery
    delivered arrived received
    ready pick collect finished done
    bicycle bicycles bike bikes
    standard regular normal ordinary
    express fast fastest quick quickest
    free charge waived
    repair repairs repaired fix fixed fixing
    rental rent rents rented renting hire hiring
    tune tuneup tuning
    fitting fittings fit
    address located location find
    phone telephone call reach
    email mail write
    discount off reduction
    deposit deposits
    warranty guarantee
"""
"""A line of words that callers and admins use for each other."""
_OF_WORD: Final[dict[str, int]] = {}
for _at, _line in enumerate(_SYNONYMS.strip().splitlines()):
    for _word in _line.split():
        _OF_WORD.setdefault(_word, _at)


def stem(word: str) -> str:
    """Bring words of one meaning together, as far as callers and admins use them for each other."""
    if word in _OF_WORD:
        return f"#{_OF_WORD[word]}"
    for ending in ("ments", "ment", "ies", "ing", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # noqa: PLR2004 - what is left must be a word
            word = word[: -len(ending)]
            break
    return word.rstrip("e") if len(word) > 3 else word  # noqa: PLR2004


def stems(text: str) -> frozenset[str]:
    """Return the stems of a text's words."""
    return frozenset(stem(word) for word in re.findall(r"[a-z]+", f"{text} {text.replace('-', '')}".lower()))


@dataclass(frozen=True, slots=True)
class Entry:
    """One value, where it is from, what it is called, and the facts in it."""

    source: str
    section: str
    keys: frozenset[str]
    forms: frozenset[tuple[str, str]]
    text: str = ""
    path: str = ""
    """All of its name, in words."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one connector call returned. `acts`: it has a side effect. `fresh`: it belongs to the turn."""

    name: str
    arguments: str
    result: str
    acts: bool = False
    fresh: bool = True
    turn: int = 0


def entries_of(value: object, source: str, section: str, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[Entry]:
    """Yield an entry for every value inside a JSON value."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from entries_of(inner, source, section, (*path, str(key)), depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from entries_of(inner, source, section, path, depth + 1)
    elif value is not None:
        words = " ".join(path).replace("_", " ").lower()
        yield Entry(source, section, _keys(path), _forms(value, path), str(value), words)


def _keys(path: tuple[str, ...]) -> frozenset[str]:
    words = [word for part in path for word in re.split(r"[^a-z]+", part.lower()) if word]
    return frozenset(stem(word) for word in words if word not in _GENERIC)


def _forms(value: object, path: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    if isinstance(value, bool):
        return frozenset()
    if isinstance(value, int | float):
        number = canonical(f"{value}") if value >= 0 else f"{value}"
        words = set("_".join(path).lower().split("_"))
        forms = {("number", number), ("raw", number), ("digits", number)}
        if not words & _UNIT_WORDS or words & {"price", "cost", "fee", "amount", "total"}:
            forms.add(("money", number))
        if words & {"percent", "discount", "rate"}:
            forms.add(("percent", number))
        for unit, minutes in (("minutes", 1), ("hours", 60), ("days", 1_440), ("weeks", 10_080)):
            if unit in words:
                forms.add(("duration", canonical(f"{value * minutes}")))
        return frozenset(forms)
    return forms_of(str(value))


def forms_of(text: str) -> frozenset[tuple[str, str]]:
    """Return every form of every fact in a text."""
    forms = {form for fact in facts(text) for form in fact.forms}
    forms |= {("digits", run) for run in re.findall(r"\d{3,}", text)}
    squeezed = re.sub(r"(?<=\d)[\s().-]+(?=\d)", "", text)
    forms |= {("digits", run) for run in re.findall(r"\d{4,}", squeezed)}
    # A date says its weekday too.
    for year, month, day in re.findall(r"\b(\d{4})-(\d\d)-(\d\d)", text):
        try:
            forms.add(("weekday", str(date(int(year), int(month), int(day)).weekday())))
        except ValueError:
            continue
    return frozenset(forms)


class DialplanFacts:
    """What a dialplan states, read once."""

    def __init__(self, policy: Policy) -> None:
        plan = policy.dialplan
        self.hours = policy.hours
        self.zone = plan.zone
        self.acts = frozenset(name for name, part in plan.connectors.items() if part.side_effect is not SideEffect.NONE)
        found: list[Entry] = []
        for section, values in plan.knowledge.items():
            for key, value in values.items():
                found += entries_of(value, f"dialplan:knowledge.{section}.{key}", f"knowledge.{section}", (key,))
        self.knowledge = tuple(found)
        self.sections = {f"knowledge.{section}": _keys((section,)) for section in plan.knowledge}
        phrases = plan.phrases.model_dump(mode="json")
        texts = [(f"dialplan:phrases.{key}", text) for key, value in phrases.items() for text in _texts(value)]
        for name, slot in plan.slots.items():
            texts += [(f"dialplan:slots.{name}", text) for text in (slot.prompt, slot.retry, slot.rest) if text]
        for name, connector in plan.connectors.items():
            described = (connector.description, *(each.description for each in connector.parameters.values()))
            texts += [(f"dialplan:connectors.{name}", text) for text in (*described, *connector.scaffolding) if text]
        for name, intent in plan.intents.items():
            texts += [(f"dialplan:intents.{name}", re.sub(r"\{[^}]*\}", "", text)) for text in intent.answers.values()]
        notes = [(f"dialplan:hours.{day}", each.note) for day, each in policy.hours.week.items() if each.note]
        notes += [(f"dialplan:hours.{on}", each.note) for on, each in policy.hours.exceptions.items() if each.note]
        self.texts = tuple(
            Entry(source, source, stems(text) - _STOP, forms_of(text), text) for source, text in [*texts, *notes]
        )
        names = [(f"dialplan:hours.{on}", " ".join(each.names)) for on, each in policy.hours.exceptions.items()]
        known = [*texts, *notes, *names, ("", plan.brain.instructions), ("", plan.name), ("", plan.tenant)]
        known += [(entry.source, entry.text) for entry in self.knowledge]
        known += [("", " ".join(choice)) for slot in plan.slots.values() for choice in slot.choices.values()]
        known += [("", " ".join(section.split("_"))) for section in plan.knowledge]
        known += [("", " ".join(key.split("_"))) for values in plan.knowledge.values() for key in values]
        self.vocabulary = frozenset(word for _, text in known for word in re.findall(r"[a-z]+", text.lower()))
        self.sayings = tuple((source, plain(text)) for source, text in [*texts, *notes] if text)

    def day(self, on: date) -> tuple[str, BusinessDay]:
        """Return the openings of a date and where they stand."""
        special = self.hours.exceptions.get(on)
        if special is not None:
            return f"dialplan:hours.{on.isoformat()}", special
        weekday = list(self.hours.week)[on.weekday()]
        return f"dialplan:hours.{weekday}", self.hours.week[weekday]

    def now(self) -> datetime:
        """Return the local time of the business."""
        return datetime.now(self.zone)


_STOP_WORDS: Final = """
    a an the and or to of in on at is are was be it that this i you we me my your our can could do does did have has
    had for with from by if so not no yes please will would what when where how there here up all say sorry
"""
_STOP: Final = frozenset(stem(word) for word in _STOP_WORDS.split())


def content(text: str) -> frozenset[str]:
    """Return the stems of a text that are not everybody's."""
    return stems(text) - _STOP


def plain(text: str) -> str:
    """Return a text's words in lower case with single spaces between them."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'")))


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [str(each) for each in value] if isinstance(value, list | tuple) else []


def parsed(text: str) -> object:
    """Read a connector's JSON; what is none is taken as a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
