"""Numbers as a model writes them, in figures or in English words, read back into figures.

A run of number words is read in two ways: as one number where the words make one ("one hundred and twenty"), and as the
digits that it spells, for numbers read out in groups ("forty-eight two thirteen" is 48213).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_UNITS: Final = {
    "zero": 0, "oh": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9,
}  # fmt: skip
_TEENS: Final = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS: Final = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_DOZEN: Final = {"dozen": 12}
_SCALES: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_TIMES: Final = {"double": 2, "triple": 3}
_PLAIN: Final = {**_UNITS, **_TEENS, **_TENS, **_DOZEN}
ORDINALS: Final = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip

_TOKEN: Final = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[a-z]+(?:'[a-z]+)?")
_JOINT: Final = re.compile(r"[\s\-\u2013]*")
_COMMA: Final = re.compile(r"\s*[,.\-\u2013]?\s*")
_LEAST_OF_A_CODE: Final = 5
SPELLED: Final = 3
"""Single digits in a row, with commas between them, that are a number read out."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a figure in lower case, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number:
    """A run of number words. `value` is empty when the run is no single number; `digits` is what it spells."""

    value: str
    digits: str
    chunks: tuple[str, ...]
    first: int
    """Tokens `first` to `last`, that one included."""
    last: int


def tokens(text: str) -> list[Token]:
    """Cut a text into words and figures."""
    return [Token(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text.lower())]


def canonical(figure: str) -> str:
    """Write a figure without commas and without zeros that say nothing: `1,250.50` is `1250.5`, `14.00` is `14`."""
    plain = figure.replace(",", "")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    plain = plain.lstrip("0") or "0"
    return f"0{plain}" if plain.startswith(".") else plain


def numbers(text: str, found: list[Token]) -> list[Number]:
    """Return every number of a text, in order."""
    runs: list[Number] = []
    at = 0
    while at < len(found):
        run = _run(text, found, at)
        if run is None:
            at += 1
            continue
        runs.append(run)
        at = run.last + 1
    return runs


def _is_number(token: Token) -> bool:
    return token.text[0].isdigit() or token.text in _PLAIN or token.text in _TIMES or token.text in _SCALES


def _run(text: str, found: list[Token], first: int) -> Number | None:
    if not _is_number(found[first]) or found[first].text == "oh":
        return None
    following = found[first + 1].text if first + 1 < len(found) else ""
    if found[first].text == "one" and following[:1].isdigit():
        return None  # `an electric one 45`
    spelled = _spelled(text, found, first)
    if spelled is not None:
        return spelled
    chunks: list[str] = []
    at = first
    while at < len(found):
        if chunks and not _JOINT.fullmatch(text, found[at - 1].end, found[at].start):
            break
        if chunks and _is_range(text, found[at - 1], found[at]):
            break
        if not _is_number(found[at]):
            break
        chunk, after = _cardinal(text, found, at)
        if not chunk:
            break
        chunks.append(chunk)
        at = after
    if not chunks:
        return None
    value = canonical(chunks[0]) if len(chunks) == 1 else ""
    digits = "".join(chunk.replace(",", "") for chunk in chunks)
    return Number(value, digits, tuple(chunks), first, at - 1)


def _is_range(text: str, one: Token, other: Token) -> bool:
    """Whether two short figures with a dash between them are the ends of a range: `3-5`."""
    dash = text[one.end : other.start].strip() in {"-", "\u2013"}
    return dash and one.text[0].isdigit() and other.text[0].isdigit() and len(one.text + other.text) < _LEAST_OF_A_CODE


def _spelled(text: str, found: list[Token], first: int) -> Number | None:
    """Read single digits in a row, whatever stands between them."""
    digits, at = "", first
    while at < len(found):
        if at > first and not _COMMA.fullmatch(text, found[at - 1].end, found[at].start):
            break
        word, times = found[at].text, 1
        if word in _TIMES and at + 1 < len(found):
            times, at = _TIMES[word], at + 1
            word = found[at].text
        digit = str(_UNITS[word]) if word in _UNITS else word
        if len(digit) != 1 or not digit.isdigit():
            break
        digits += digit * times
        at += 1
    if len(digits) < SPELLED or at - first < SPELLED - 1:
        return None
    return Number("", digits, tuple(digits), first, at - 1)


def _cardinal(text: str, found: list[Token], at: int) -> tuple[str, int]:
    """Read one number, the longest that the words make; return it and the token after it."""
    word = found[at].text
    following = found[at + 1].text if at + 1 < len(found) else ""
    if word in _TIMES:
        digit = str(_UNITS[following]) if following in _UNITS else following
        return (digit * _TIMES[word], at + 2) if len(digit) == 1 and digit.isdigit() else ("", at)
    if word[0].isdigit():
        if following in _SCALES:
            return canonical(str(float(word.replace(",", "")) * _SCALES[following])), at + 2
        return word, at + 1
    return _in_words(text, found, at)


def _in_words(text: str, found: list[Token], at: int) -> tuple[str, int]:
    word = found[at].text
    total, below, after = 0, 1, at
    if word not in _SCALES:
        below, after = _below_hundred(text, found, at)
    elif at and found[at - 1].text not in {"a", "one"}:
        return "", at
    while after < len(found) and (after == at or _near(text, found, after)):
        word = found[after].text
        if word in _SCALES:
            factor = _SCALES[word]
            below, total = (below * factor, total) if factor == 100 else (0, total + below * factor)  # noqa: PLR2004
            after += 1
        elif found[after - 1].text in _SCALES and (word in _PLAIN or _and(found, after)):
            start = after + 1 if word == "and" else after
            more, end = _below_hundred(text, found, start)
            below, after = below + more, end
        else:
            break
    if after < len(found) and found[after].text == "point" and after + 1 < len(found):
        decimals, end = _decimals(found, after + 1)
        if decimals:
            return f"{total + below}.{decimals}", end
    return str(total + below), after


def _near(text: str, found: list[Token], at: int) -> bool:
    return _JOINT.fullmatch(text, found[at - 1].end, found[at].start) is not None


def _and(found: list[Token], at: int) -> bool:
    return found[at].text == "and" and at + 1 < len(found) and found[at + 1].text in _PLAIN


def _below_hundred(text: str, found: list[Token], at: int) -> tuple[int, int]:
    word = found[at].text
    if word in _TENS and at + 1 < len(found) and _near(text, found, at + 1):
        unit = _UNITS.get(found[at + 1].text, 0)
        if unit:
            return _TENS[word] + unit, at + 2
    return _PLAIN[word], at + 1


def _decimals(found: list[Token], at: int) -> tuple[str, int]:
    digits = ""
    while at < len(found) and found[at].text in _UNITS:
        digits += str(_UNITS[found[at].text])
        at += 1
    return digits, at
