"""Which intent a turn has: patterns decide at once, else the nearest example by static word embeddings or by letters.

An embedding costs about 50 microseconds, so a turn is matched where it is asked for. What is not clearly nearer to one
intent than to any other is no match: a wrong answer costs a caller more than a question back.

Recognisers get a letter or a short word wrong more often than they get a sentence wrong (`where is your shot`), and no
embedding knows that. A turn that differs from an example by a few letters is taken for that example.
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
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from voicebot.brain.playbook.days import DayNames
from voicebot.core.digits import digit_runs
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.rules import normalised

DIMENSIONS: Final = 256

ALIKE: Final = 0.76
"""Least similarity of a turn and the example that it is taken for: one letter in four may be wrong.

Of 510 examples in six voices over G.711 half are known to the letter, 63 % with 0.84, 66 % with this; of 308 beginnings
none but those that are examples themselves."""

LAST_WORD_ALIKE: Final = 0.5
"""The same for the last words: without it a turn would be over that lacks its last word."""

BEGINNING_BEHIND: Final = 0.05
"""The beginning of an example that is less similar than the whole one by no more than this is as likely."""

MIN_WORDS: Final = 3
"""Shorter turns become others by a letter."""

Vectors = NDArray[np.float32]

_similarity: Final = Levenshtein.normalized_similarity


@functools.cache
def _embedder() -> wordllama.WordLlamaInference:
    # The weights lie inside the package; without these arguments it would look for them elsewhere.
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(dim=DIMENSIONS, disable_download=True, cache_dir=folder)


def embedded(texts: list[str]) -> Vectors:
    """Return one unit vector a text, float32 of shape (texts, 256)."""
    vectors: Vectors = np.asarray(_embedder().embed(texts, norm=True), dtype=np.float32)
    return vectors


_HOLE: Final = re.compile(r"\{\w+\}")
_POLITE: Final = re.compile(r"^(?:hello|hi|hey|yes|okay|so|and|um|uh)\b ?|\b(?:please|thanks|thank you)$")


def _general(turn: str, days: DayNames, lengths: Collection[int]) -> str:
    """Return a normalised turn without what differs from caller to caller: days, whole numbers, politeness."""
    general = days.left_open(turn)
    for run in reversed(digit_runs(general)):
        if len(run.digits) in lengths:
            general = f"{general[: run.start]}{{number}}{general[run.end :]}"
    return _POLITE.sub("", general).strip()


class Wholes:
    """The examples as whole turns, and what a turn says of how far it has come in one of them."""

    def __init__(self, wholes: Collection[str]) -> None:
        """Take examples without what differs from caller to caller."""
        self._wholes = tuple(wholes)
        words = [whole.split() for whole in wholes]
        beginnings = (" ".join(each[:count]) for each in words for count in range(1, len(each)))
        self._beginnings = tuple(dict.fromkeys(beginnings))

    def nearest(self, turn: str) -> str:
        """Return the example that a turn is but for a few letters, empty when it is none or may only begin one."""
        if turn in self._wholes:
            return "" if turn in self._beginnings else turn
        words = turn.split()
        found = _nearest_text(turn, self._wholes, ALIKE)
        if found is None or len(words) < MIN_WORDS:
            return ""
        whole, alike = found
        its_words = whole.split()
        ended = abs(len(words) - len(its_words)) <= 1 and _similarity(words[-1], its_words[-1]) >= LAST_WORD_ALIKE
        if not ended or _HOLE.findall(turn) != _HOLE.findall(whole):
            return ""
        return whole if _nearest_text(turn, self._beginnings, alike - BEGINNING_BEHIND) is None else ""


def _nearest_text(text: str, others: Collection[str], least: float) -> tuple[str, float] | None:
    """Return the most similar of some texts and its similarity, 0 to 1; None when none reaches `least`."""
    found = process.extractOne(text, others, scorer=_similarity, score_cutoff=least)
    return None if found is None else (found[0], found[1])


class IntentMatcher:
    """The intents of one dialplan. Immutable after construction, so calls share it."""

    def __init__(self, plan: Dialplan, days: DayNames) -> None:
        """Embed every example; the first one of a process loads the weights, about 0.5 s."""
        self._days = days
        self._threshold = plan.brain.threshold
        self._margin = plan.brain.margin
        self._patterns = [
            (re.compile(pattern), name) for name, intent in plan.intents.items() for pattern in intent.patterns
        ]
        labelled = [(normalised(text), name) for name, intent in plan.intents.items() for text in intent.examples]
        self._owners = [name for _, name in labelled]
        self._lengths = frozenset(slot.length for slot in plan.slots.values() if slot.kind == "digits" and slot.length)
        self._owner_of_whole: dict[str, str] = {}
        for text, name in labelled:
            general = _general(text, days, self._lengths)
            if general:  # nothing is left of an example that is nothing but polite
                self._owner_of_whole.setdefault(general, name)
        self._wholes = Wholes(self._owner_of_whole)
        self._vectors = embedded([text for text, _ in labelled]) if labelled else None

    def knows_whole(self, text: str) -> bool:
        """Whether a turn is an example, but for days, numbers and a few letters, and no example goes on from there."""
        turn = normalised(text)
        owner = self._owner(turn)
        return bool(owner) and not self._days.may_go_on(turn) and self.match(text) == owner

    def by_pattern(self, turn: str) -> str:
        """Return the intent that a pattern decides, empty when none does; `turn` is normalised."""
        return next((name for pattern, name in self._patterns if pattern.search(turn)), "")

    def match(self, text: str) -> str:
        """Return the name of the intent of a turn, empty when none is clear."""
        turn = normalised(text)
        if name := self.by_pattern(turn):
            return name
        return self._nearest(turn) or self._owner(turn)

    def _owner(self, turn: str) -> str:
        """Return the intent of the example that a turn is, but for a few letters."""
        return self._owner_of_whole.get(self._wholes.nearest(_general(turn, self._days, self._lengths)), "")

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
