"""Which intent a turn has: patterns decide at once, else the nearest example by static word embeddings.

An embedding costs about 50 microseconds, so a turn is matched where it is asked for. What is not clearly nearer to one
intent than to any other is no match: a wrong answer costs a caller more than a question back.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
import wordllama
from numpy.typing import NDArray

from voicebot.core.digits import digit_runs
from voicebot.dialplan.hours import WEEKDAYS
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.rules import normalised

DIMENSIONS: Final = 256

Vectors = NDArray[np.float32]


@functools.cache
def _embedder() -> wordllama.WordLlamaInference:
    # The weights lie inside the package; without these arguments it would look for them elsewhere.
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(dim=DIMENSIONS, disable_download=True, cache_dir=folder)


def embedded(texts: list[str]) -> Vectors:
    """Return one unit vector a text, float32 of shape (texts, 256)."""
    vectors: Vectors = np.asarray(_embedder().embed(texts, norm=True), dtype=np.float32)
    return vectors


_DAY: Final = re.compile(rf"\b(?:{'|'.join(WEEKDAYS)}|today|tomorrow)s?\b")
_POLITE: Final = re.compile(r"^(?:hello|hi|hey|yes|okay|so|and|um|uh)\b ?|\b(?:please|thanks|thank you)$")


def _general(turn: str, lengths: Collection[int]) -> str:
    """Return a normalised turn without what differs from caller to caller: days, whole numbers, politeness."""
    general = _DAY.sub("{day}", turn)
    for run in reversed(digit_runs(general)):
        if len(run.digits) in lengths:
            general = f"{general[: run.start]}{{number}}{general[run.end :]}"
    return _POLITE.sub("", general).strip()


def every_day(example: str) -> tuple[str, ...]:
    """Return an example once for each weekday, if it names a day."""
    lower = example.casefold()
    return tuple(_DAY.sub(day, lower) for day in WEEKDAYS) if _DAY.search(lower) else (example,)


class IntentMatcher:
    """The intents of one dialplan. Immutable after construction, so calls share it."""

    def __init__(self, plan: Dialplan) -> None:
        """Embed every example; the first one of a process loads the weights, about 0.5 s."""
        self._threshold = plan.brain.threshold
        self._margin = plan.brain.margin
        self._patterns = [
            (re.compile(pattern), name) for name, intent in plan.intents.items() for pattern in intent.patterns
        ]
        labelled = [(normalised(text), name) for name, intent in plan.intents.items() for text in intent.examples]
        self._owners = [name for _, name in labelled]
        self._lengths = frozenset(slot.length for slot in plan.slots.values() if slot.kind == "digits" and slot.length)
        self._wholes = tuple(dict.fromkeys(_general(text, self._lengths) for text, _ in labelled))
        self._vectors = embedded([text for text, _ in labelled]) if labelled else None

    def knows_whole(self, text: str) -> bool:
        """Whether a turn is an example word for word, days and numbers aside, and no example goes on from there."""
        turn = _general(normalised(text), self._lengths)
        return turn in self._wholes and not any(known.startswith(f"{turn} ") for known in self._wholes)

    def match(self, text: str) -> str:
        """Return the name of the intent of a turn, empty when none is clear."""
        turn = normalised(text)
        for pattern, name in self._patterns:
            if pattern.search(turn):
                return name
        return self._nearest(turn)

    def _nearest(self, turn: str) -> str:
        if self._vectors is None or not turn:
            return ""
        best: dict[str, float] = {}
        for name, similarity in zip(self._owners, self._vectors @ embedded([turn])[0], strict=True):
            best[name] = max(best.get(name, -1.0), float(similarity))
        ranked = sorted(best.items(), key=lambda item: -item[1])
        first, second = ranked[0], ranked[1] if len(ranked) > 1 else ("", -1.0)
        clear = first[1] >= self._threshold and first[1] - second[1] >= self._margin
        return first[0] if clear else ""
