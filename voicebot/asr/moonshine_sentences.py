"""Sentences that callers are known to say, searched for with Moonshine's decoder when it heard something else.

A recogniser that was never told what a call is about makes "With our European powers on Saturday" of a question for the
opening hours. So the likeliest of the sentences that the dialplan knows is searched for, and it takes the place of what
the decoder heard by itself if it fits the audio about as well. Of 84 known sentences in six voices over G.711, 57 were
right without the search and 77 with it; a sentence that the dialplan does not know fitted worse by 6 nats at least.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from voicebot.asr.moonshine_decoder import END, Cache, Decoder, Encoded, Logits, log_probabilities
from voicebot.asr.moonshine_digits import WORD_START
from voicebot.core.endpointing import may_end

_WIDTH = 6
"""Sentences that are followed at a time."""
_MARGIN = 0.4
"""Nats a token by which a sentence may fit the audio worse than the text that the decoder would choose."""
_SHORT_MARGIN = 0.8
"""Nats for a word or two, which the decoder's slips resemble more often."""
_LEAST_PART = 0.6
"""Of the words that were heard: a sentence with fewer is too short for the audio."""
_LONGEST_MARGIN = 8.0
"""Nats; no sentence is followed further than this."""
_SHORT_WORDS = 2
_KEPT = 16
"""Dialplans whose sentences are kept as trees."""
_ENDINGS: Final = ("?", ".")
_WORD: Final = re.compile(r"[a-z0-9']+")
_CAPITAL: Final = re.compile(r"\b(?:i|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b")


@dataclass(slots=True)
class _Node:
    """A place in the tree of sentences: the tokens that may follow, and the words of the sentence that ends here."""

    after: dict[int, _Node] = field(default_factory=dict)
    sentence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Tree:
    root: _Node
    sentences: frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SentenceHeard:
    """The likeliest sentence, END left out of its tokens. `log_p` is its log probability among all texts."""

    tokens: tuple[int, ...]
    log_p: float


@dataclass(frozen=True, slots=True)
class _Path:
    tokens: tuple[int, ...]
    node: _Node
    log_p: float
    parent: int = 0


class SentenceSearch:
    """Finds known sentences in audio. Safe to use from several threads at once."""

    def __init__(self, decoder: Decoder, vocabulary: Sequence[bytes]) -> None:
        self._decoder = decoder
        # Single characters come twice: the first are bytes of what has no token of its own.
        self._numbers = {piece: token for token, piece in enumerate(vocabulary)}
        self._word = functools.cache(self._split)
        self._tree = functools.lru_cache(_KEPT)(self._grown)

    def learn(self, sentences: tuple[str, ...]) -> None:
        """Grow the tree of these sentences: 60 microseconds each."""
        self._tree(sentences)

    def likeliest(
        self,
        encoded: Encoded,
        begun: tuple[Logits, Cache],
        sentences: tuple[str, ...],
        heard: tuple[str, float],
        stop: Callable[[], bool],
    ) -> SentenceHeard | None:
        """Return the sentence that fits the audio, if one does; None also when it is what was heard.

        `begun` holds the logits and caches after START, `heard` is the text that the decoder chose and its log
        probability.
        """
        text, log_p = heard
        said = words(text)
        tree = self._tree(sentences)
        if said in tree.sentences:
            return None
        floor = log_p - _LONGEST_MARGIN
        logits, cache = begun[0][np.newaxis], begun[1]
        paths = [_Path((), tree.root, 0.0)]
        best: _Path | None = None
        while paths and not stop():
            followed = _followed(paths, logits)
            ends = [path for path in followed if path.tokens[-1] == END]
            best = max((*ends, *((best,) if best else ())), key=lambda path: path.log_p, default=None)
            least = max(floor, best.log_p) if best else floor
            going = [path for path in followed if path.node.after and path.log_p > least]
            paths = sorted(going, key=lambda path: -path.log_p)[:_WIDTH]
            if paths:
                encoded = encoded if len(encoded.hidden) == len(paths) else encoded.rows(len(paths))
                newest, parents = [path.tokens[-1] for path in paths], [path.parent for path in paths]
                logits, cache = self._decoder.advance(encoded, cache, newest, parents)
        if best is None or stop() or not _fits(best, log_p, said):
            return None
        return SentenceHeard(best.tokens[:-1], best.log_p)

    def _grown(self, sentences: tuple[str, ...]) -> _Tree:
        root = _Node()
        for sentence in sentences:
            for ending in _ENDINGS:
                node = root
                for token in (*self._tokens(written(sentence) + ending), END):
                    node = node.after.setdefault(token, _Node())
                node.sentence = words(sentence)
        return _Tree(root, frozenset(map(words, sentences)))

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(token for word in text.split() for token in self._word(word))

    def _split(self, word: str) -> tuple[int, ...]:
        """Return the tokens of a word, as byte-pair encoding makes them: the pair with the lowest number goes first."""
        pieces = [character.encode() for character in WORD_START + word]
        while True:
            pairs = ((self._numbers.get(one + other), at) for at, (one, other) in enumerate(pairwise(pieces)))
            found = min(((number, at) for number, at in pairs if number is not None), default=None)
            if found is None:
                break
            at = found[1]
            pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
        return tuple(self._numbers.get(piece, 0) for piece in pieces)


def written(sentence: str) -> str:
    """Return a sentence as the recogniser writes it, without its ending."""
    text = _CAPITAL.sub(lambda found: found.group().capitalize(), sentence.strip().rstrip(".?!"))
    return text[:1].upper() + text[1:]


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case."""
    return tuple(_WORD.findall(text.casefold()))


def _followed(paths: Sequence[_Path], logits: Logits) -> list[_Path]:
    followed = []
    for number, path in enumerate(paths):
        tokens = list(path.node.after)
        log_ps = log_probabilities(logits[number])[tokens]
        followed += [
            _Path((*path.tokens, token), path.node.after[token], path.log_p + float(log_p), number)
            for token, log_p in zip(tokens, log_ps, strict=True)
        ]
    return followed


def _fits(path: _Path, log_p: float, said: tuple[str, ...]) -> bool:
    """Whether a sentence may be what was said. One that lacks the last words of what was heard was not finished yet."""
    sentence = path.node.sentence
    margin = _SHORT_MARGIN if len(sentence) <= _SHORT_WORDS else min(_LONGEST_MARGIN, _MARGIN * len(path.tokens))
    goes_on = len(said) > len(sentence) and said[: len(sentence)] == sentence
    hangs = bool(said) and said[-1] != sentence[-1] and not may_end(" ".join(said))
    short = len(sentence) < _LEAST_PART * len(said)
    return path.log_p >= log_p - margin and not (goes_on or hangs or short)
