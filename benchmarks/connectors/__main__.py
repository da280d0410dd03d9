"""Slow and failing connectors: `scripts/bench connectors [--runs N] [--calls N] [--only PART,...]`.

`stepped`: a connector that takes 10 s, in stepped time: when the caller hears something, when the hard deadline falls,
which reason code repeated violations raise. `wire`: the same with the real bot on SIP and RTP. `faults`: randomised
runs of connectors with side effects against a real service that fails, and what was done twice: nothing may be.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor

from benchmarks.connectors import slow
from voicebot.testing.fault_runs import Tally, conduct

CHUNK = 25
"""Runs that share a service."""
PROCESSES = 2
MARKS = (
    "consent_1",
    "consent_0",
    "tool_failed",
    "slow_connector",
    "barge_in",
    "not_stopped",
    "late_result",
    "late_failure",
    "vetoed",
    "handoff_started",
    "budget_violations",
)
"""What is told of the runs, so that it is seen that they met what they are for."""


def main() -> int:
    """Run the parts that were asked for; 1 when one of them misses its target."""
    arguments = _arguments()
    parts: Mapping[str, Callable[[], bool]] = {
        "stepped": slow.stepped,
        "wire": lambda: slow.on_the_wire(arguments.calls),
        "faults": lambda: _faults(arguments.runs),
    }
    good = True
    for name in arguments.only:
        good = parts[name]() and good
    return 0 if good else 1


def _faults(runs: int) -> bool:
    began, tally = time.monotonic(), Tally()
    chunks = [range(first, min(first + CHUNK, runs)) for first in range(0, runs, CHUNK)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        for part in pool.map(conduct, chunks):
            tally.add(part)
    print(
        f"faults   {tally.runs} runs in {time.monotonic() - began:.0f} s: {tally.happened['attempt']} attempts issued,"
        f" {tally.requests} reached the service, {tally.done} things done,"
        f" {len(tally.twice)} of them twice, {len(tally.unasked)} without a yes"
    )
    print("         " + ", ".join(f"{mark} {tally.happened[mark]}" for mark in MARKS))
    for name in (*tally.twice, *tally.unasked):
        print(f"         wrong: {name}")
    return not tally.twice and not tally.unasked


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench connectors", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000, help="randomised fault runs")
    parser.add_argument("--calls", type=int, default=3, help="calls on the wire")
    parser.add_argument("--only", type=lambda text: tuple(text.split(",")), default=("stepped", "wire", "faults"))
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
