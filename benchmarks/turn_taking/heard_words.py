"""How many words of a text were heard in audio that may break off anywhere: judged by what the recogniser hears in it.

A voice does not say when its words end, so the audio itself is asked: its text is laid against every beginning of what
was to be said, letter by letter, and the beginning with the fewest changes is what was heard.
"""

from __future__ import annotations

import re

from num2words import num2words

from voicebot.media.frames import SAMPLE_RATE, Pcm
from voicebot.testing.stepped_asr import Decoder

_LONGEST_QUANTITY = 4
_PIECE_S = 9
"""The recogniser is given no longer pieces; they end where the sound is quietest."""


def words_of(text: str) -> list[str]:
    """Return the words as they are counted: what stands between spaces."""
    return [word for word in text.split() if any(letter.isalnum() for letter in word)]


def words_heard(decoder: Decoder, audio: Pcm, text: str) -> int:
    """Return how many words of `text` are in `audio`, int16 mono at 16 kHz."""
    heard = _letters(" ".join(decoder.heard(piece, partial=True).text for piece in _pieces(audio)))
    words = words_of(text)
    beginnings = [_letters(" ".join(words[:count])) for count in range(len(words) + 1)]
    limit = len(heard) * 2 + 20
    distances = [_distance(heard, said) if len(said) <= limit else limit for said in beginnings]
    return distances.index(min(distances))


def _pieces(audio: Pcm) -> list[Pcm]:
    pieces: list[Pcm] = []
    while len(audio) > _PIECE_S * SAMPLE_RATE:
        tail = audio[(_PIECE_S - 2) * SAMPLE_RATE : _PIECE_S * SAMPLE_RATE].astype(float)
        blocks = abs(tail[: len(tail) // 800 * 800].reshape(-1, 800)).mean(axis=1)
        cut = (_PIECE_S - 2) * SAMPLE_RATE + int(blocks.argmin()) * 800 + 400
        pieces.append(audio[:cut])
        audio = audio[cut:]
    return [*pieces, audio]


def _letters(text: str) -> str:
    """Return the letters of a text as it is spoken, however it is written."""
    return re.sub(r"[^a-z]", "", re.sub(r"\d+", _in_words, text.lower()))


def _in_words(number: re.Match[str]) -> str:
    digits = number.group()
    if len(digits) > _LONGEST_QUANTITY:  # an order number is read digit by digit
        return " ".join(num2words(int(digit)) for digit in digits)
    return str(num2words(int(digits)))


def _distance(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for index, left in enumerate(one, 1):
        previous, row[0] = row[0], index
        for at, right in enumerate(other, 1):
            previous, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, previous + (left != right))
    return row[-1]
