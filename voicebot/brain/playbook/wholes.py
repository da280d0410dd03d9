"""The examples as whole turns: which one a turn is but for a few letters, and whether it may yet go on.

Recognisers get a letter or a short word wrong more often than they get a sentence wrong (`where is your shot`), and no
embedding knows that. A turn that differs from an example by a few letters is taken for that example.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from voicebot.brain.playbook.days import DayNames
from voicebot.core.digits import digit_runs

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

_similarity: Final = Levenshtein.normalized_similarity
_HOLE: Final = re.compile(r"\{\w+\}")
_POLITE: Final = re.compile(r"^(?:hello|hi|hey|yes|okay|so|and|um|uh)\b ?|\b(?:please|thanks|thank you)$")


def general(turn: str, days: DayNames, lengths: Collection[int]) -> str:
    """Return a normalised turn without what differs from caller to caller: days, whole numbers, politeness."""
    left = days.left_open(turn)
    for run in reversed(digit_runs(left)):
        if len(run.digits) in lengths:
            left = f"{left[: run.start]}{{number}}{left[run.end :]}"
    return _POLITE.sub("", left).strip()


class Wholes:
    """The examples as whole turns, and what a turn says of how far it has come in one of them."""

    def __init__(self, wholes: Collection[str]) -> None:
        """Take examples without what differs from caller to caller."""
        self._wholes = tuple(wholes)
        self._known = frozenset(wholes)
        words = [whole.split() for whole in wholes]
        beginnings = (" ".join(each[:count]) for each in words for count in range(1, len(each)))
        self._beginnings = tuple(dict.fromkeys(beginnings))
        self._begun = frozenset(self._beginnings)

    def nearest(self, turn: str) -> str:
        """Return the example that a turn is but for a few letters, empty when it is none or may only begin one."""
        return self.nearest_and_likeness(turn)[0]

    def nearest_and_likeness(self, turn: str) -> tuple[str, float]:
        """Return the same, and how alike the letters are, 0 to 1; 0 when it is none."""
        if turn in self._known:
            return ("", 0.0) if turn in self._begun else (turn, 1.0)
        words = turn.split()
        found = _nearest_text(turn, self._wholes, ALIKE)
        if found is None or len(words) < MIN_WORDS:
            return "", 0.0
        whole, alike = found
        its_words = whole.split()
        ended = abs(len(words) - len(its_words)) <= 1 and _similarity(words[-1], its_words[-1]) >= LAST_WORD_ALIKE
        if not ended or _HOLE.findall(turn) != _HOLE.findall(whole):
            return "", 0.0
        begins = _nearest_text(turn, self._beginnings, alike - BEGINNING_BEHIND)
        return (whole, alike) if begins is None else ("", 0.0)


def _nearest_text(text: str, others: Collection[str], least: float) -> tuple[str, float] | None:
    """Return the most similar of some texts and its similarity, 0 to 1; None when none reaches `least`."""
    found = process.extractOne(text, others, scorer=_similarity, score_cutoff=least)
    return None if found is None else (found[0], found[1])
