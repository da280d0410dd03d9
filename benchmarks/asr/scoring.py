"""How far a text is from what was said: words, and the number that a text holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voicebot.core.digits import digit_runs

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")


def words(text: str) -> list[str]:
    """Return the words of a text, with numbers as digits, so that "4:30" and "four thirty" are the same."""
    pieces, at = [], 0
    for run in digit_runs(text):
        pieces += [text[at : run.start], " ".join(run.digits)]
        at = run.end
    return _WORD.findall(" ".join((*pieces, text[at:])).lower().replace("-", " "))


def number(text: str) -> str:
    """Return all digits that a text means: "four eight double two", "48 22"."""
    return "".join(run.digits for run in digit_runs(text))


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of words or letters to insert, remove or change."""
    row = list(range(len(heard) + 1))
    for number_said, one in enumerate(said, start=1):
        before, row[0] = row[0], number_said
        for number_heard, other in enumerate(heard, start=1):
            changed = before + (one != other)
            before, row[number_heard] = (
                row[number_heard],
                min(changed, row[number_heard] + 1, row[number_heard - 1] + 1),
            )
    return row[-1]
