"""Barge-in: is the caller taking the turn, or was it a noise, or a listener's `mm-hm`?

A suspicion pauses the mouth at once, which costs nothing, since it can go on from the exact sample. Words that are more
than a backchannel confirm it; quiet without such words drops it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from voicebot.core.policy import BargeIn

_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?|\[[A-Z]+#\d+\]")

MURMUR_WORDS: Final = 2
MURMUR_MS: Final = 800
MURMUR_CONFIDENCE: Final = 0.66
"""`Mm-hm` comes out of Moonshine as a word or two at 0.4 to 0.65; `stop`, `wait` and `what` at 0.69 and more."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A barge-in that is not certain yet."""

    since_ms: int
    confirm_due_ms: int | None
    """The caller still speaks and nothing is known of the words: certain when this passes."""
    drop_due_ms: int | None = None
    """There seem to be no words: forgotten when this passes."""


def suspected(now_ms: int, barge_in: BargeIn) -> Suspicion:
    """The caller began to speak while the bot was speaking or thinking."""
    return Suspicion(now_ms, confirm_due_ms=now_ms + barge_in.wordless_ms)


def went_quiet(suspicion: Suspicion, now_ms: int, barge_in: BargeIn) -> Suspicion:
    """The caller stopped: wait for what the recogniser makes of it."""
    return replace(suspicion, confirm_due_ms=None, drop_due_ms=now_ms + barge_in.false_interruption_timeout_ms)


def without_words(suspicion: Suspicion, now_ms: int, barge_in: BargeIn) -> Suspicion:
    """The recogniser hears nothing in it so far: drop it unless words come soon, however long the noise goes on."""
    due_ms = max(now_ms, suspicion.since_ms + barge_in.false_interruption_timeout_ms)
    return replace(suspicion, confirm_due_ms=None, drop_due_ms=min(suspicion.drop_due_ms or due_ms, due_ms))


def with_words(suspicion: Suspicion, now_ms: int, barge_in: BargeIn) -> Suspicion:
    """There are words, which the next partial may take back: give it the time to come."""
    if suspicion.drop_due_ms is None:
        return suspicion
    return replace(suspicion, drop_due_ms=now_ms + barge_in.false_interruption_timeout_ms)


def agreed(one: str, other: str) -> str:
    """Return the words with which both texts begin. A recogniser rewrites its partials; what stays was said."""
    words, others = _words(one), _words(other)
    same = next((n for n, pair in enumerate(zip(words, others, strict=False)) if pair[0] != pair[1]), None)
    return " ".join(words[: min(len(words), len(others)) if same is None else same])


def doubtful(text: str, confidence: float, spoken_ms: int) -> bool:
    """Whether a text is so short and so unsure that it may be a murmur, which recognisers turn into words."""
    return confidence < MURMUR_CONFIDENCE and spoken_ms < MURMUR_MS and len(_words(text)) <= MURMUR_WORDS


def takes_the_turn(text: str, barge_in: BargeIn, *, asked: bool = False) -> bool:
    """Whether a text is more than a backchannel. `asked`: the bot's words ask for it, so that a `yes` is an answer."""
    words = _words(text)
    if asked:
        return bool(words)
    return _count(words, barge_in) >= max(1, barge_in.min_words)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _count(words: list[str], barge_in: BargeIn) -> int:
    """Count the words that are left when backchannels are taken out, longest first."""
    phrases = sorted((phrase.casefold().split() for phrase in barge_in.backchannels), key=len, reverse=True)
    count, at = 0, 0
    while at < len(words):
        phrase = next((phrase for phrase in phrases if words[at : at + len(phrase)] == phrase), None)
        count += phrase is None
        at += 1 if phrase is None else len(phrase)
    return count
