"""Runs of digits in what people say or type: `four eight double two`, `48 2 13`, `forty-eight`, `oh`.

Recognisers write numbers as they like, so one grammar serves redaction and slots alike. Homophones (`for`, `to`, `ate`)
count only between two digits, where nothing else makes sense.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_UNITS: Final = {
    word: str(number)
    for number, word in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
}
_ZEROS: Final = {"oh": "0", "o": "0", "nought": "0"}
_TEENS: Final = {
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "thirteen": "13",
    "fourteen": "14",
    "fifteen": "15",
    "sixteen": "16",
    "seventeen": "17",
    "eighteen": "18",
    "nineteen": "19",
}
_TENS: Final = {
    "twenty": "2",
    "thirty": "3",
    "forty": "4",
    "fifty": "5",
    "sixty": "6",
    "seventy": "7",
    "eighty": "8",
    "ninety": "9",
}
_HOMOPHONES: Final = {"won": "1", "to": "2", "too": "2", "for": "4", "fore": "4", "ate": "8"}
_REPEATS: Final = {"double": 2, "triple": 3, "treble": 3}
_FILLERS: Final = frozenset(
    {"um", "hundred", "uh", "er", "and", "dash", "then", "hyphen", "-", ".", ",", "(", ")", "/"}
)
_WORD: Final = re.compile(r"\[[A-Z]+#\d+\]|[a-z]+(?:'[a-z]+)?|\d+|[^\sa-z\d]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DigitRun:
    """Digits that belong together, and where in the text they stand."""

    digits: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int


def digit_runs(text: str) -> tuple[DigitRun, ...]:
    """Return the runs in order. Vault tokens such as `[CARD#1]` end a run and are none."""
    words = [_Word(match.group().lower(), match.start(), match.end()) for match in _WORD.finditer(text)]
    runs: list[DigitRun] = []
    digits, start, end, repeat, index = "", 0, 0, 1, 0
    while index < len(words):
        word = words[index]
        found, used = _digits_at(words, index, in_run=bool(digits))
        if found:
            start = start if digits or repeat > 1 else word.start
            digits, end, repeat = digits + found * repeat, words[index + used - 1].end, 1
        elif word.text in _REPEATS:
            start = start if digits else word.start
            repeat = _REPEATS[word.text]
        elif not (digits and word.text in _FILLERS):
            if digits:
                runs.append(DigitRun(digits, start, end))
            digits, repeat = "", 1
        index += used
    if digits:
        runs.append(DigitRun(digits, start, end))
    return tuple(runs)


def _digits_at(words: list[_Word], index: int, *, in_run: bool) -> tuple[str, int]:
    """Return the digits that begin at a word, and how many words they take (at least 1)."""
    text = words[index].text
    following = words[index + 1].text if index + 1 < len(words) else ""
    if text.isdecimal() and text.isascii():
        return text, 1
    if text in _TENS:
        return _tens(words, index)
    if text == "hundred" and in_run and not _is_number(following):
        return "00", 1
    if text in _ZEROS and (in_run or _is_number(following) or following in _ZEROS):
        return _ZEROS[text], 1
    if text in _HOMOPHONES and in_run and _goes_on(words, index + 1):
        return _HOMOPHONES[text], 1
    return _UNITS.get(text) or _TEENS.get(text, ""), 1


def _goes_on(words: list[_Word], index: int) -> bool:
    """Whether a number follows, other homophones aside."""
    while index < len(words) and words[index].text in _HOMOPHONES:
        index += 1
    return index < len(words) and (_is_number(words[index].text) or words[index].text in _REPEATS)


def _tens(words: list[_Word], index: int) -> tuple[str, int]:
    """Read `forty`, `forty eight` or `forty-eight`."""
    tens = _TENS[words[index].text]
    after = index + 2 if index + 1 < len(words) and words[index + 1].text == "-" else index + 1
    unit = _UNITS.get(words[after].text, "0") if after < len(words) else "0"
    return (tens + "0", 1) if unit == "0" else (tens + unit, after - index + 1)


def _is_number(word: str) -> bool:
    return word.isdecimal() or word in _UNITS or word in _TEENS or word in _TENS or word in _ZEROS
