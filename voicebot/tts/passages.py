"""Cutting a text into the pieces that an engine in process renders one after another.

Such an engine hands out nothing before a piece is done. So the first one ends at the earliest clause boundary, because
the caller waits for it, and the later ones are long, because they are rendered while the caller listens and a whole
sentence sounds better.
"""

from __future__ import annotations

import re

FIRST_WORDS = 4
"""A first passage has at least this many words; a lone "Sure," would run dry before the next one is rendered."""
FIRST_WORDS_LIMIT = 8
"""A first passage of more words is shortened if it can be: each word costs the caller about 30 ms of silence."""
LATER_WORDS = 16
"""A later passage is cut at a clause boundary only beyond this many words."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
_CLAUSE_END = re.compile(r"(?<=[,;:])\s+(?=\S)|\s+(?=[\u2013\u2014]\s)")
_PHRASE_START = re.compile(r"\s+(?=(?:and|or|but|because|until|from|with|for|if|when|which|that|between)\s)")


def passages(text: str) -> list[str]:
    """Split `text` into the pieces that are rendered one after another. No word is lost."""
    pieces: list[str] = []
    for sentence in _SENTENCE_END.split(text.strip()):
        held = ""
        for clause in _CLAUSE_END.split(sentence):
            held = f"{held} {clause}".strip()
            waited_for = len(" ".join(pieces).split()) < FIRST_WORDS
            if len(held.split()) >= (FIRST_WORDS if waited_for else LATER_WORDS):
                pieces += _shorten(held) if waited_for else [held]
                held = ""
        if held:
            pieces.append(held)
    return pieces


def _shorten(first: str) -> list[str]:
    """Split a long first passage where a speaker could draw breath, if a good place comes early."""
    if len(first.split()) <= FIRST_WORDS_LIMIT:
        return [first]
    for gap in _PHRASE_START.finditer(first):
        before, after = first[: gap.start()], first[gap.end() :]
        if min(len(before.split()), len(after.split())) >= FIRST_WORDS:
            # The comma keeps the voice up; without it a fragment ends like a statement.
            return [f"{before},", after]
    return [first]
