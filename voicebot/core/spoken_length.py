"""How long words take to say, so that a number of frames can be told in words.

Voices report no word times. Letters are a fair measure of English words, but not of what is written shorter than it is
spoken: `9` is `nine`, `AM` is two letters' names. Lengths are in letters; only their proportions matter where the whole
is known.
"""

from __future__ import annotations

import re
from typing import Final

from voicebot.core.events import FRAME_MS

LETTERS_A_SECOND: Final = 15
"""An ordinary rate of speech, gaps between words included, for an utterance whose audio is not all there."""

TRAILING_FRAMES: Final = 7
"""Silence at the end of a rendered sentence, 140 ms."""

_GAP: Final = 1
_PAUSE: Final = 3
"""At a comma or between sentences, about 200 ms."""
_DIGIT: Final = 4
_INITIAL: Final = 3
_SYMBOLS: Final = {"$": 7, "%": 7, "&": 3, "@": 2, "€": 5, "£": 6}

_WORD: Final = re.compile(r"\S+")
_INITIALS: Final = re.compile(r"\b[A-Z]{2,5}\b")


def beginning(text: str, played: int, total: int) -> str:
    """Return the words of `text` of which more than half was said in `played` of `total` frames."""
    words = [(match.end(), _length(match.group())) for match in _WORD.finditer(text)]
    said = sum(length for _, length in words) * played / total
    end, passed = 0, 0
    for stop, length in words:
        if passed + length / 2 > said:
            break
        end, passed = stop, passed + length
    return text[:end]


def frames_of(text: str) -> int:
    """Guess how many frames `text` takes to say."""
    length = sum(_length(word) for word in text.split())
    return length * 1000 // (LETTERS_A_SECOND * FRAME_MS)


def _length(word: str) -> int:
    initials = sum(len(match.group()) for match in _INITIALS.finditer(word))
    letters = sum(character.isalpha() for character in word) + (_INITIAL - 1) * initials
    digits = sum(character.isdigit() for character in word) * _DIGIT
    symbols = sum(_SYMBOLS.get(character, 0) for character in word)
    return letters + digits + symbols + _GAP + (_PAUSE if word[-1] in ",.;:?!" else 0)
