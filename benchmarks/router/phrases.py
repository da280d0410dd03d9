"""Sets of phrases with the intents that they have, and what a router makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

FOLDER = Path("tests/dialplans")


@dataclass(frozen=True, slots=True)
class Phrases:
    """What callers say, by intent, and what they say that is no intent's."""

    by_intent: Mapping[str, tuple[str, ...]]
    out_of_scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Phrases of each intent that were understood, of how many; accepted ones that are out of scope, of how many."""

    right: Mapping[str, int]
    asked: Mapping[str, int]
    accepted: int
    foreign: int

    @property
    def accuracy(self) -> float:
        """Share of the phrases in scope that got their intent; another one and none are both wrong."""
        return sum(self.right.values()) / sum(self.asked.values())

    @property
    def accepted_share(self) -> float:
        """Share of the phrases out of scope that got any intent."""
        return self.accepted / self.foreign


def phrases(name: str) -> Phrases:
    """Read `held_out` or `development`."""
    told = YAML(typ="safe").load(FOLDER / f"{name}_intents.yaml")
    return Phrases({name: tuple(said) for name, said in told["intents"].items()}, tuple(told["out_of_scope"]))


def tallied(match: Callable[[str], str], asked: Phrases) -> Tally:
    """Count what `match` makes of a set; it returns an intent, or nothing for no match."""
    right = {name: sum(match(text) == name for text in said) for name, said in asked.by_intent.items()}
    accepted = sum(match(text) != "" for text in asked.out_of_scope)
    return Tally(right, {name: len(said) for name, said in asked.by_intent.items()}, accepted, len(asked.out_of_scope))
