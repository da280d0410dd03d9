"""Amounts of money as people say them: `twenty five dollars`, `12.50`, `nineteen dollars and 99 cents`.

Turns are in lower case; a point between digits has become a space.
"""

from __future__ import annotations

import re
from typing import Final

from voicebot.brain.playbook.dates import Found

_UNITS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_SMALL: Final = {word: number for number, word in enumerate(_UNITS)}
_DECADES: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS: Final = {word: 10 * number for number, word in enumerate(_DECADES, 2)}
_WORD: Final = rf"(?:[0-9]+|a|{'|'.join((*_SMALL, *_TENS))}|hundred|thousand)"
_COUNT: Final = rf"{_WORD}(?:(?: and)? {_WORD})*"
_WITH_UNIT: Final = re.compile(
    rf"\b(?P<whole>{_COUNT}) (?:dollars?|bucks?|euros?|pounds?)"
    rf"(?: (?:and )?(?P<part>{_COUNT})(?: (?:cents?|pence))?)?\b"
)
_CENTS: Final = re.compile(rf"\b(?P<part>{_COUNT}) (?:cents?|pence)\b")
_BARE: Final = re.compile(rf"^(?:(?:about|around|it is|it's|up to) )?(?P<whole>{_COUNT})$")
_POINTED: Final = re.compile(r"\b(?P<whole>[0-9]+) (?P<part>[0-9]{2})\b")


def amount_in(turn: str, *, asked: bool) -> Found | None:
    """Return an amount as `12.50`; None for a turn that names none. `asked`: a bare number is one."""
    match = _WITH_UNIT.search(turn) or _CENTS.search(turn)
    if match is None and asked:
        match = _POINTED.search(turn) or _BARE.search(turn)
    if match is None:
        return None
    groups = match.groupdict()
    whole, part = groups.get("whole"), groups.get("part")
    if whole and part is None and (pointed := _POINTED.fullmatch(whole)):
        whole, part = pointed["whole"], pointed["part"]
    return Found(f"{_count(whole or '')}.{_count(part or ''):02d}", *match.span())


def _count(words: str) -> int:
    total = current = 0
    for word in words.split():
        if word == "hundred":
            current = max(current, 1) * 100
        elif word == "thousand":
            total, current = total + max(current, 1) * 1000, 0
        elif word.isdecimal():
            current += int(word)
        else:
            current += _SMALL.get(word) or _TENS.get(word) or int(word == "a")
    return total + current
