"""Pairs of questions: of one meaning, and of two meanings that are easily taken for one."""

from __future__ import annotations

import json
import random
from itertools import combinations

import numpy as np

from benchmarks.caches.parts import Asked
from voicebot.brain.playbook.sentences import sentence_vectors
from voicebot.testing.questions import meanings

SEED = 5
NEAREST = 0.6
"""The part of the pairs of two meanings that are the nearest by their embeddings; the rest are drawn."""

Pair = tuple[str, str]


def answered_pairs(count: int) -> tuple[list[Pair], list[Pair]]:
    """Return pairs of one meaning and pairs of two, at most `count` of each."""
    chosen = random.Random(SEED)  # noqa: S311 - a benchmark draws the same pairs each time
    ways = meanings()
    same = [pair for of_one in ways.values() for pair in combinations(of_one, 2)]
    texts = [(text, meaning) for meaning, of_one in ways.items() for text in chosen.sample(of_one, min(2, len(of_one)))]
    vectors = sentence_vectors([text for text, _ in texts])
    alike = vectors @ vectors.T
    first, second = np.triu_indices(len(texts), 1)
    ranked = np.argsort(-alike[first, second])
    other = [
        (texts[a][0], texts[b][0])
        for a, b in ((int(first[at]), int(second[at])) for at in ranked)
        if texts[a][1] != texts[b][1]
    ]
    nearest = other[: round(count * NEAREST)]
    drawn = chosen.sample(other[len(nearest) :], min(count - len(nearest), len(other) - len(nearest)))
    turned = [pair if chosen.random() < 0.5 else pair[::-1] for pair in (*nearest, *drawn)]
    return chosen.sample(same, min(count, len(same))), turned


def asked_pairs(count: int) -> list[tuple[Asked, Asked]]:
    """Return pairs of connector calls that differ in one thing."""
    chosen = random.Random(SEED)  # noqa: S311 - as above
    pairs = []
    for _ in range(count):
        digits = f"{chosen.randrange(100_000):05}"
        caller = f"sip:+1555010{chosen.randrange(10_000):04}@example.com"
        one = Asked("shop", "order", caller, json.dumps({"number": digits}), chosen.randint(2, 27))
        pairs.append((one, _poisoned(one, digits, chosen)))
    return pairs


def _poisoned(one: Asked, digits: str, chosen: random.Random) -> Asked:
    place = chosen.randrange(5)
    off_by_one = f"{digits[:place]}{(int(digits[place]) + chosen.choice((1, 9))) % 10}{digits[place + 1 :]}"
    swapped = digits[:2] + digits[3] + digits[2] + digits[4:]
    changed: tuple[Asked, ...] = (
        one._replace(tenant="shop-2"),
        one._replace(connector="orders"),
        one._replace(caller=one.caller.replace("@", "0@")),
        one._replace(caller=one.caller.replace("example.com", "example.org")),
        one._replace(day=one.day + chosen.choice((-1, 1))),
        one._replace(arguments=json.dumps({"number": off_by_one})),
        one._replace(arguments=json.dumps({"number": swapped if swapped != digits else off_by_one})),
        one._replace(arguments=json.dumps({"number": f"{digits}0"})),
        one._replace(arguments=json.dumps({"number": f"{digits} "})),
        one._replace(arguments=json.dumps({"number": int(digits)})),
        one._replace(arguments=json.dumps({"Number": digits})),
        one._replace(arguments=json.dumps({"number": digits, "also": None})),
    )
    return chosen.choice(changed)
