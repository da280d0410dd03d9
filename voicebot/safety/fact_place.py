"""Where in a sentence a fact stands, and what the words round it say that it is the value of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from voicebot.safety.fact_evidence import content, stems
from voicebot.safety.fact_words import Fact, facts

PRICE_WORDS: Final = content(
    "it that costs cost price charge dollar dollars cents comes come pay total would each only just exactly sure "
    "okay yes great right takes take usually about well amount one"
)
"""Words of a sentence about a price that say nothing of what it is for."""
DAY_NAMES: Final = content("monday tuesday wednesday thursday friday saturday sunday today tomorrow")
NUMBER_WORDS: Final = content(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand dollar dollars "
    "cent cents "
    "percent minute minutes hour hours day days week weeks month months am pm o'clock half past quarter"
)

_CUTS: Final = re.compile(r"[,;:]|\b(?:and|but|while|whereas|or|then)\b")
_BE_THERE: Final = re.compile(r"\bbe (?:with you|there|here)\b")


class Place:
    """A sentence with its facts."""

    def __init__(self, text: str, found: Sequence[Fact]) -> None:
        self._text = text
        self._facts = found

    def nearest_key(self, fact: Fact, keys: frozenset[str]) -> str:
        """Return the key word nearest before a fact; else in its part of the sentence after it; else after it."""
        low = _BE_THERE.sub(lambda match: f"{'arrive':<{len(match.group())}}", self._text.lower())
        words = [(m.start(), stem_) for m in re.finditer(r"[a-z]+", low) for stem_ in stems(m.group())]
        hits = [(at, word) for at, word in words if word in keys and not fact.start <= at < fact.end]
        left, right = self.part(fact)
        for inside in (
            [hit for hit in hits if left <= hit[0] < fact.start][-1:],
            [hit for hit in hits if fact.end <= hit[0] < right][:1],
            [hit for hit in hits if hit[0] < fact.start][-1:],
            [hit for hit in hits if hit[0] >= fact.end][:1],
        ):
            if inside:
                return inside[0][1]
        return ""

    def part(self, fact: Fact) -> tuple[int, int]:
        """Return the part of the sentence that a fact stands in."""
        cuts = [
            m
            for m in _CUTS.finditer(self._text.lower())
            if not any(other.start <= m.start() < other.end for other in self._facts)
        ]
        left = max((m.end() for m in cuts if m.end() <= fact.start), default=0)
        right = min((m.start() for m in cuts if m.start() >= fact.end), default=len(self._text))
        return left, right


def neighbours(text: str, fact: Fact, known: str) -> bool:
    """Whether a fact has the same word behind it here and in the evidence: `12 Harbor Lane`."""
    if re.search(r"\bwithin $", text[: fact.start].lower()):
        alike = [other for other in facts(known) if set(fact.forms) & set(other.forms)]
        return any(re.search(r"\bwithin $", known[: other.start].lower()) for other in alike)
    after = re.findall(r"[a-z]+", text[fact.end :].lower())[:2]
    if not after:
        return False
    telling = bool(content(after[0]) - PRICE_WORDS - NUMBER_WORDS)
    for other in facts(known):
        there = re.findall(r"[a-z]+", known[other.end :].lower())[:2]
        same = there[:1] == after[:1] if telling else len(after) > 1 and there == after
        if same and set(fact.forms) & set(other.forms):
            return True
    return False
