"""What the caches save, cost and never do: `scripts/bench caches [--pairs N] [--looks N]`.

Two questions make a pair: the first is answered and kept, the second is asked. A pair of one meaning should be a hit, a
pair of two meanings must not be: the pairs that embeddings think nearest to each other come first. Connectors get the
same with arguments, callers, tenants and days that differ in one thing. Latencies are those of the whole wrapper, in
the memory of one process and with a Redis server on loopback, and of a server that hangs. 1 when anything was wrong, or
a hit took 5 ms.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from benchmarks.caches.pairs import answered_pairs, asked_pairs
from benchmarks.caches.parts import ALICE, Worker, clear_all
from benchmarks.reporting.statistics import rate
from voicebot.cache.caches import CachePlace, Caches
from voicebot.testing.redis_server import RedisServer, no_redis

BAR_MS = 5.0
KEY = "x" * 32


def main() -> int:
    """Print the figures; 1 when a bar is missed."""
    arguments = _arguments()
    wrong = _meanings(arguments.pairs) + _results(arguments.pairs)
    slow = 0
    print("\nlatency, ms                            p50      p99    worst")
    with _places() as places:
        for name, place in places:
            slow += _latency(name, place, arguments.looks)
    slow += _hanging()
    print(f"\n{wrong} wrong hits, {slow} bars missed")
    return int(bool(wrong or slow))


def _meanings(count: int) -> int:
    """Ask pairs of general questions; return how many got the answer to another one."""
    same, other = answered_pairs(count)
    worker = Worker(Caches())
    hits, wrong = [], 0
    for pairs, expected in ((same, True), (other, False)):
        for number, (first, second) in enumerate(pairs):
            # Each pair has a tenant of its own, so that it meets nothing but itself.
            hit = worker.answers_again(f"t{expected:d}-{number}", first, second)
            if expected:
                hits.append(hit)
            elif hit:
                wrong += 1
                print(f"  WRONG: {first!r} answered {second!r}")
    print(f"answers: {wrong} wrong hits in {len(other)} pairs of two meanings")
    found = rate(hits)
    print(f"answers: {found.value:.1%} hits in {len(same)} pairs of one meaning ({found.low:.1%} to {found.high:.1%})")
    return wrong


def _results(count: int) -> int:
    """Call connectors with what differs in one thing; return how many results were given to another question."""
    worker = Worker(Caches())
    wrong = hits = 0
    pairs = asked_pairs(count)
    for first, second in pairs:
        clear_all(worker.caches)
        wrong += worker.returns_again(first, second)
        hits += worker.returns_again(first, first)
    print(f"connectors: {wrong} wrong hits in {len(pairs)} pairs that differ, {hits} hits when asked the same again")
    return wrong + len(pairs) - hits


@contextmanager
def _places() -> Iterator[list[tuple[str, CachePlace]]]:
    with ExitStack() as running:
        places = [("memory", CachePlace())]
        if reason := no_redis():
            print(f"  without Redis: {reason}")
        else:
            folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="voicebot-bench-")))
            server = running.enter_context(RedisServer(folder / "redis"))
            places.append(("redis, sealed", CachePlace(server.url, KEY)))
        yield places


def _latency(name: str, place: CachePlace, looks: int) -> int:
    caches = Caches(place)
    caches.warm_up()
    worker = Worker(caches)
    slow = 0
    question = "how much is express shipping"
    worker.ask("shop", question)
    worker.call(ALICE, "1")
    time.sleep(0.05)  # what is put into the shared store is not waited for
    kinds: tuple[tuple[str, Callable[[int], bool]], ...] = (
        ("answer, hit", lambda _: worker.ask("shop", f"um, {question} please")),
        ("answer, miss", lambda number: worker.ask("shop", f"how much is thing {_letters(number)}")),
        ("connector, hit", lambda _: worker.call(ALICE, "1")),
        ("connector, miss", lambda number: worker.call(ALICE, str(number + 10))),
    )
    for what, look in kinds:
        times, hits = _timed(look, looks)
        expected = what.endswith("hit")
        p50, p99, worst = (float(np.quantile(times, at)) for at in (0.5, 0.99, 1.0))
        print(f"  {name + ': ' + what:<32}{p50:9.3f}{p99:9.3f}{worst:9.3f}   {hits} hits in {looks}")
        slow += expected and (p99 >= BAR_MS or hits < looks * 0.99)
    caches.close()
    return slow


def _hanging() -> int:
    """Tell what a server costs that takes connections and answers nothing."""
    if no_redis():
        return 0
    with tempfile.TemporaryDirectory(prefix="voicebot-bench-") as folder, RedisServer(Path(folder) / "redis") as server:
        caches = Caches(CachePlace(server.url, KEY))
        caches.warm_up()
        worker = Worker(caches)
        server.freeze()
        times, hits = _timed(lambda _: worker.call(ALICE, "1"), 200)
        server.thaw()
        caches.close()
    first, rest = max(times[:20]), float(np.quantile(times[20:], 0.99))
    print(f"  redis that hangs: worst of 20 looks {first:.1f} ms, p99 of the next 180 {rest:.3f} ms")
    return int(hits > 0)


def _timed(look: Callable[[int], bool], count: int) -> tuple[Sequence[float], int]:
    """Return how long each took in ms, and how many were hits."""
    times, hits = [], 0
    for number in range(count):
        began = time.perf_counter()
        hits += look(number)
        times.append((time.perf_counter() - began) * 1000)
    return times, hits


def _letters(number: int) -> str:
    """Spell a number in letters: digits would make the question a caller's own."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench caches", description=__doc__)
    parser.add_argument(
        "--pairs", type=int, default=5_000, help="of questions of two meanings, and of calls that differ"
    )
    parser.add_argument("--looks", type=int, default=2_000, help="of each kind that are timed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
