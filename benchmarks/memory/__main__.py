"""Memory over many calls: `scripts/bench memory [--calls N] [--every N]`.

One worker with its embedded engines takes calls over SIP and RTP, as many at once as it holds. Whenever `--every` calls
are over and the worker is idle, its memory, threads and files are read, and those of the web process. The verdict
compares the end with the state after 100 calls: what is loaded on first use is there by then.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory.scripted_calls import place, script
from benchmarks.memory.usage import Usage, children, usage_of
from voicebot.telemetry.status import WorkerStatus, read_all
from voicebot.testing.bot_process import BotProcess
from voicebot.testing.phone import AgentPhone, CallFailed, Phone

NUMBER = "100"
BASE = 100
"""Calls after which the memory is what later memory is compared with."""
BAR = 1.05
"""Memory at the end, as a multiple of that after BASE calls, at most."""
IDLE_S = 10.0
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Both processes after `calls` calls."""

    calls: int
    worker: Usage
    web: Usage


def main() -> int:
    """Place the calls, print the curve and the verdict; 1 when the bar is missed or many calls failed."""
    arguments = _arguments()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="voicebot-bench-") as folder,
        AgentPhone() as agent,
        BotProcess(Path(folder), {"VOICEBOT_AGENT_URI": agent.uri}) as bot,
    ):
        load = _Load(bot)
        print(f"{load.worker().capacity} calls at once\n\n{_HEADER}")
        samples = [load.sample()]
        while load.placed < arguments.calls:
            load.run(min(arguments.every, arguments.calls - load.placed))
            samples.append(load.sample())
    for name, count in sorted(load.made.items()):
        print(f"  {count:5} {name}")
    for reason, count in load.failed.items():
        print(f"  {count:5} failed: {reason}")
    print(f"  {time.monotonic() - began:.0f} s")
    return _verdict(samples)


_HEADER = "  calls |  worker: RSS   PSS  anonymous, MiB  threads files |  web: RSS   PSS  anonymous  threads files"


class _Load:
    """Places calls in parallel and reads memory between them."""

    def __init__(self, bot: BotProcess) -> None:
        self.placed = 0
        self.made: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._bot = bot
        workers = bot.worker_pids()
        (self._web,) = (pid for pid in children(bot.pid) if pid not in workers)

    def worker(self) -> WorkerStatus:
        """Return the one worker's status."""
        (status,) = read_all(self._bot.data_dir / "run", time.monotonic())
        return status

    def run(self, calls: int) -> None:
        """Place the next calls, and let the web process tell about them once."""
        numbers = range(self.placed + 1, self.placed + calls + 1)
        with ThreadPoolExecutor(self.worker().capacity) as callers:
            for name, reason in callers.map(self._place, numbers):
                self.made[name] += 1
                if reason:
                    self.failed[f"{name}: {reason}"] += 1
        self.placed += calls
        for page in ("/health", "/metrics"):
            with urllib.request.urlopen(f"{self._bot.web}{page}", timeout=10) as answer:  # noqa: S310 - our own bot
                answer.read()

    def _place(self, number: int) -> tuple[str, str]:
        name, call = script(number)
        with Phone() as phone:
            try:
                place(phone, self._bot.uri(NUMBER), call)
            except CallFailed as failed:
                return name, str(failed)
        return name, ""

    def sample(self) -> Sample:
        """Wait until the worker is idle, and read."""
        end = time.monotonic() + IDLE_S
        while self.worker().active_calls and time.monotonic() < end:
            time.sleep(0.1)
        taken = Sample(self.placed, usage_of(self.worker().pid), usage_of(self._web))
        print(f"  {taken.calls:5} |  {_shown(taken.worker)} |  {_shown(taken.web)}", flush=True)
        return taken


def _shown(usage: Usage) -> str:
    sizes = (usage.rss, usage.pss, usage.anonymous)
    return "".join(f"{size / _MIB:9.1f}" for size in sizes) + f"{usage.threads:6}{usage.files:6}"


def _verdict(samples: list[Sample]) -> int:
    base = next((sample for sample in samples if sample.calls >= BASE), None)
    last = samples[-1]
    if base is None or base is last:
        print(f"\nno verdict: it takes more than {BASE} calls")
        return 0
    print(f"\nafter {last.calls} calls, as a multiple of after {base.calls}")
    missed = False
    for name, before, after in (("worker", base.worker, last.worker), ("web", base.web, last.web)):
        ratio = after.rss / before.rss
        missed = missed or ratio > BAR
        print(
            f"  {name:<7} RSS {ratio:.3f} (at most {BAR})  PSS {after.pss / before.pss:.3f}  anonymous "
            f"{after.anonymous / before.anonymous:.3f}  threads {after.threads - before.threads:+}"
            f"  files {after.files - before.files:+}"
        )
    return int(missed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench memory", description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--every", type=int, default=50, help="calls between two readings")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
