"""Which intent a turn gets: `scripts/bench router [--set held_out|development]`.

Accuracy on the phrases in scope and acceptance of those out of scope, each with its 95 % confidence interval, by
intent, with the time that a turn takes on one thread; beside the router as it was, if the package wordllama is
installed (`pip install '.[bench]'`). Single errors of the held-out set are not shown, so that nobody mends
them one by one.
"""

from __future__ import annotations

import argparse
import importlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.router.phrases import Phrases, Tally, phrases, tallied
from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.intents import IntentMatcher
from voicebot.dialplan.loading import load_dialplan

DIALPLAN = Path("dialplans/harbor-lane.yaml")
MAX_MS = 30.0


class Took(NamedTuple):
    """What a turn took: by the clock, other work on the machine included, and of its thread alone."""

    wall_ms: float
    cpu_ms: float


def main() -> int:
    """Print the tables; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench router")
    parser.add_argument("--set", default="held_out", choices=("held_out", "development"))
    asked = phrases(parser.parse_args().set)
    policy, faults = load_dialplan(DIALPLAN)
    if policy is None:
        raise SystemExit("\n".join(map(str, faults)))
    days = DayNames(day.names for day in policy.hours.exceptions.values() if day.names)
    began = time.perf_counter()
    router = IntentMatcher(policy.dialplan, days)
    print(f"loaded in {time.perf_counter() - began:.1f} s, asks for a confidence of {router.threshold:.3f}")
    columns = {"now": _measured(router.match, asked)}
    before = _before()
    if before is not None:
        columns["as it was"] = _measured(before(policy.dialplan, days, router).match, asked)
    _print(columns)
    tally, took = columns["now"]
    good = (
        tally.accuracy >= 0.92
        and tally.accepted_share <= 0.05
        and np.percentile([each.wall_ms for each in took], 99) < MAX_MS
    )
    return 0 if good else 1


def _before() -> Callable[..., IntentMatcher] | None:
    try:
        found: Callable[..., IntentMatcher] = importlib.import_module("benchmarks.router.before").Before
    except ModuleNotFoundError:
        print("the router as it was is left out: the package wordllama is not installed")
        return None
    return found


def _measured(match: Callable[[str], str], asked: Phrases) -> tuple[Tally, list[Took]]:
    took: list[Took] = []

    def timed(text: str) -> str:
        began, worked = time.perf_counter(), time.thread_time()
        name = match(text)
        took.append(Took((time.perf_counter() - began) * 1_000, (time.thread_time() - worked) * 1_000))
        return name

    return tallied(timed, asked), took


def _print(columns: dict[str, tuple[Tally, list[Took]]]) -> None:
    tallies = [tally for tally, _ in columns.values()]
    _row("", *columns)
    for name, count in tallies[0].asked.items():
        _row(name, *(f"{tally.right[name]} of {count}" for tally in tallies))
    _row("accuracy", *(_share(sum(tally.right.values()), sum(tally.asked.values())) for tally in tallies))
    _row("accepted out of scope", *(_share(tally.accepted, tally.foreign) for tally in tallies))
    for percent in (50, 99):
        _row(f"p{percent}", *(_ms([each.wall_ms for each in took], percent) for _, took in columns.values()))
        _row(f"p{percent} of CPU time", *(_ms([each.cpu_ms for each in took], percent) for _, took in columns.values()))


def _ms(values: list[float], percent: int) -> str:
    return f"{np.percentile(values, percent):.2f} ms"


def _row(name: str, *values: str) -> None:
    print(f"{name:<24}" + "".join(f"{value:<28}" for value in values))


def _share(count: int, of: int) -> str:
    """Return a share with its Wilson interval of 95 %, in percent."""
    z, share = 1.96, count / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    reach = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{share:.1%} ({middle - reach:.1%} to {middle + reach:.1%})"


if __name__ == "__main__":
    raise SystemExit(main())
