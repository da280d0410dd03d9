"""What a language model must be told again of connectors: those of the turn, and those of the turns before.

The core hands a turn's results to one run only, and its history holds what was said, not what was looked up. So the
memory keeps the calls of the model with their results, each at the place in the history where it belongs: the messages
of a later turn begin with the bytes of an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

KEPT_ROUNDS: Final = 12
"""Rounds of earlier turns that are told again; older ones are forgotten."""
KEPT_CHARACTERS: Final = 16_000
"""Of their arguments and results together."""


@dataclass(frozen=True, slots=True)
class WantedCall:
    """A tool call of the model. `arguments` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Round:
    """What the model said and asked for before it waited, and what they returned, `at` lines into the history.

    Without results while they are waited for, or for good if the caller did not consent or spoke before they came.
    """

    said: str
    calls: tuple[WantedCall, ...]
    results: tuple[str, ...] = ()
    at: int = 0


def remember(rounds: Sequence[Round]) -> str:
    """Write rounds as the `memory` that the next run gets; empty when there is nothing to remember."""
    rows = [[r.said, [[c.id, c.name, c.arguments] for c in r.calls], list(r.results), r.at] for r in _kept(rounds)]
    return json.dumps(rows, separators=(",", ":")) if rows else ""


def recall(memory: str) -> tuple[Round, ...]:
    """Read what `remember` wrote. Raises ValueError."""
    if not memory:
        return ()
    try:
        return tuple(
            Round(said, tuple(WantedCall(*call) for call in calls), tuple(results), at)
            for said, calls, results, at in json.loads(memory)
        )
    except (TypeError, ValueError) as error:
        raise ValueError("the memory of a run was not written by this brain") from error


def answered(rounds: Sequence[Round], results: Sequence[tuple[str, str]], at: int) -> tuple[Round, ...]:
    """Put a turn's results to the calls that still have none, in their order."""
    waiting = sum(len(each.calls) for each in rounds if not each.results and each.at == at)
    left = [result for _, result in results[-waiting:]] if waiting else []
    filled = []
    for each in rounds:
        if each.results or each.at != at:
            filled.append(each)
            continue
        count = len(each.calls)
        filled.append(replace(each, results=tuple(left[:count])))
        left = left[count:]
    return tuple(filled)


def _kept(rounds: Sequence[Round]) -> list[Round]:
    kept: list[Round] = []
    size = 0
    for each in reversed(rounds[-KEPT_ROUNDS:]):
        size += sum(map(len, each.results)) + sum(len(call.arguments) for call in each.calls)
        if size > KEPT_CHARACTERS and kept:
            break
        kept.insert(0, each)
    return kept
