"""Which dialplan a called number gets: an exact number, then the longest prefix, then the default."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from voicebot.dialplan.part import Part, Slug, Text
from voicebot.dialplan.rules import nearest
from voicebot.dialplan.source import Fault, Path_, Source
from voicebot.dialplan.validation import explain

ROUTES_FILE: Final = "routes.yaml"

_SEPARATORS = re.compile(r"[\s().-]")
_URI = re.compile(r"(?:sips?|tel):([^@;?>]+)")


class RoutePart(Part):
    """One rule: a number or a prefix, and the dialplan that it leads to."""

    number: Text | None = None
    prefix: Text | None = None
    dialplan: Slug


class Routes(Part):
    """The whole table. `default` takes the numbers that no rule names; without one they are refused with 404."""

    version: int
    routes: tuple[RoutePart, ...] = ()
    default: Slug | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The rule that a number met, in the words of the file, and why."""

    dialplan: str
    rule: str
    why: str


def dialled(number: str) -> str:
    """Return a number as rules compare it: the user part of a SIP or tel URI, without the signs that people read by."""
    uri = _URI.search(number)
    user = uri.group(1) if uri else number
    bare = _SEPARATORS.sub("", user)
    return bare if bare.lstrip("+").isdecimal() else user.strip()


def read_routes(source: Source, dialplans: Collection[str]) -> tuple[Routes | None, tuple[Fault, ...]]:
    """Check the table against the dialplans that exist. Returns it, or None with every fault."""
    if source.faults:
        return None, tuple(source.faults)
    try:
        routes = Routes.model_validate_json(json.dumps(source.value), strict=True)
    except ValidationError as error:
        told = (
            source.fault(path, message, remedy, of_key=key) for path, message, remedy, key in explain(error, Routes)
        )
        return None, tuple(sorted(told))
    faults = tuple(sorted(source.fault(*finding) for finding in _findings(routes, dialplans)))
    return (None, faults) if faults else (routes, ())


def match(routes: Routes, number: str) -> Match | None:
    """Find the rule for a number; None when no rule takes it and there is no default."""
    called = dialled(number)
    for rule in routes.routes:
        if rule.number is not None and dialled(rule.number) == called:
            return Match(rule.dialplan, f"number {rule.number}", "the number is named")
    prefixes = [rule for rule in routes.routes if rule.prefix is not None and called.startswith(dialled(rule.prefix))]
    if prefixes:
        longest = max(prefixes, key=lambda rule: len(dialled(rule.prefix or "")))
        return Match(longest.dialplan, f"prefix {longest.prefix}", "no number is named; this is the longest prefix")
    if routes.default is None:
        return None
    return Match(routes.default, "default", "no number and no prefix matches")


def _findings(routes: Routes, dialplans: Collection[str]) -> Iterator[tuple[Path_, str, str]]:
    seen: dict[tuple[str, str], int] = {}
    for index, rule in enumerate(routes.routes):
        path: Path_ = ("routes", index)
        if (rule.number is None) == (rule.prefix is None):
            yield path, "a rule needs either a number or a prefix", "write one of them"
            continue
        kind = "number" if rule.number is not None else "prefix"
        key = (kind, dialled(rule.number or rule.prefix or ""))
        if key in seen:
            yield (*path, kind), f"the {kind} {key[1]!r} is in rule {seen[key] + 1} already", "keep one of them"
        seen.setdefault(key, index)
        if rule.dialplan not in dialplans:
            yield (*path, "dialplan"), f"there is no dialplan {rule.dialplan!r}", nearest(rule.dialplan, dialplans)
    if routes.version != 1:
        yield ("version",), f"version {routes.version} is not known", "write 'version: 1'"
    if routes.default is not None and routes.default not in dialplans:
        yield ("default",), f"there is no dialplan {routes.default!r}", nearest(routes.default, dialplans)
