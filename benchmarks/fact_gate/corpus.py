"""The answers that the fact gate is judged by, read from the files beside this one, at least 250 of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy

HERE: Final = Path(__file__).parent
NOW: Final = datetime(2026, 11, 25, 14, 0, tzinfo=ZoneInfo("America/New_York"))
MOST: Final = 9
"""Cases of one line."""

_ALTERNATIVES = re.compile(r"\{([^{}]*\|[^{}]*)\}")
_MARKED = re.compile(r"\[\[(.+?)\]\]")


@dataclass(frozen=True, slots=True)
class Case:
    """One turn and an answer to it. `lies` are the pieces that must not be heard; none: all of it may be said."""

    caller: str
    answer: str
    lies: tuple[str, ...]
    results: tuple[tuple[str, str, str], ...] = ()
    """Name, arguments and result of each connector call of the turn."""


def cases(kind: str, half: str) -> list[Case]:
    """Return the cases of `lies` or `truths`, of the half `tuned` or `held_out`."""
    return list(_read(HERE / f"{kind}_{half}.txt"))


def shop() -> Policy:
    """Return the dialplan that the answers are about."""
    policy, faults = load_dialplan(HERE / "shop.yaml")
    if policy is None:
        raise ValueError(f"the corpus has a dialplan with errors: {faults}")
    return policy


def _read(path: Path) -> Iterator[Case]:
    results: list[tuple[str, str, str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line == "@ none":
            results = []
        elif line.startswith("@ "):
            _, name, rest = line.split(" ", 2)
            arguments, end = json.JSONDecoder().raw_decode(rest)
            results.append((name, json.dumps(arguments), rest[end:].strip()))
        else:
            for variant in _variants(line):
                caller, _, answer = variant.partition(" => ")
                lies = tuple(_MARKED.findall(answer))
                yield Case(caller, _MARKED.sub(r"\1", answer), lies, tuple(results))


def _variants(line: str) -> Iterator[str]:
    """Yield a text for each choice among the alternatives; of very many, some that lie evenly between the others."""
    groups = [group.split("|") for group in _ALTERNATIVES.findall(line)]
    choices = list(product(*groups))
    count = min(len(choices), MOST)
    for index in range(count):
        chosen = iter(choices[index * len(choices) // count])

        def put(_match: re.Match[str], chosen: Iterator[str] = chosen) -> str:
            return next(chosen)

        yield _ALTERNATIVES.sub(put, line)
