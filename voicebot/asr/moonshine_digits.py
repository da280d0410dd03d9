"""Digits that are read out, searched for with Moonshine's decoder when the bot has asked for them.

Left to itself the decoder is a language model as well, and would rather hear "For seven, two to one" or "A
nine-year-old" than a row of digits. So the likeliest row is searched for among texts such as "Four, eight, two, one,
three." and nothing else. Among digits it has its preferences, too: where it hears nothing, a three is 25 times as
likely as a zero. A part of that is taken out of the score. Whether the audio is that at all is judged by comparing it
with what the decoder heard by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicebot.asr.moonshine_decoder import END, START, Cache, Decoder, Encoded, Logits, log_probabilities

WORD_START: Final = "\u2581"
"""How the vocabulary writes the blank before a word."""

_NAMES: Final[Mapping[str, str]] = {
    "zero": "0",
    "oh": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}
_REPEATS: Final[Mapping[str, int]] = {"double": 2, "triple": 3}

_WIDTH = 4
"""Rows that are followed at a time."""
_LENGTH_BONUS = 1.0
"""In nats, for a row that is as long as the one asked for. More makes hardly more of these right, and adds a digit to
rows that are one too short: to one in twenty with 2, to one in five with 4."""
_OUT_OF_REACH = 6.0
"""Nats by which the rows still followed may be worse than one that is finished."""
_LONGEST = 20
"""Digits."""
_PRIOR_WEIGHT = 0.3
"""Part of a digit's log probability in silence that is taken out of its score. Of 126 numbers in six voices 118 are
right with it, 113 without."""
_PRIOR_TEXTS = (("Four", "two", "six"), ("One", "eight", "zero"), ("Seven", "three", "nine"))


class _Step(NamedTuple):
    """Where a token leads, and what it adds to the row."""

    state: str
    digits: str = ""


class DigitGrammar:
    """Which tokens may follow one another in a row of digits."""

    def __init__(self, vocabulary: Sequence[bytes]) -> None:
        self.tokens = tokens = {piece.decode("utf-8", "replace"): token for token, piece in enumerate(vocabulary)}
        """Tokens by their text; a blank before it is written as WORD_START."""
        self._steps: dict[str, dict[int, _Step]] = {"start": {}, "word": {}, "comma": {}}
        for name, digit in _NAMES.items():
            self._add("comma", tokens, name, _Step("word", digit))
            self._add("start", tokens, name, _Step("word", digit))
            self._add("start", tokens, name.capitalize(), _Step("word", digit))
            for repeat, times in _REPEATS.items():
                self._add(repeat, tokens, name, _Step("word", digit * times))
        for repeat in _REPEATS:
            for state in ("start", "comma"):
                self._add(state, tokens, repeat, _Step(repeat))
        over = {END: _Step("end")}
        ends = {tokens["."]: _Step("stop"), **over}
        please = tokens[WORD_START + "please"]
        self._steps["word"] = {tokens[","]: _Step("comma"), please: _Step("please"), **ends}
        self._steps["comma"][please] = _Step("please")
        self._steps["please"] = ends
        self._steps["stop"] = over

    def after(self, state: str) -> Mapping[int, _Step]:
        """Return the tokens that may follow in a state; `start` is the first."""
        return self._steps[state]

    def _add(self, state: str, tokens: Mapping[str, int], word: str, step: _Step) -> None:
        """Let a word follow; one that is no token of its own in two halves, as the model writes it: `E` `ight`."""
        steps = self._steps.setdefault(state, {})
        whole = tokens.get(WORD_START + word)
        if whole is not None:
            steps[whole] = step
            return
        half = f"{state} {word[0]}"
        steps[tokens[WORD_START + word[0]]] = _Step(half)
        self._steps[half] = {tokens[word[1:]]: step}


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of digits so far. `score` is its log probability among rows, `log_p` that among all texts."""

    tokens: tuple[int, ...] = ()
    digits: str = ""
    state: str = "start"
    score: float = 0.0
    log_p: float = 0.0
    parent: int = 0


@dataclass(frozen=True, slots=True)
class DigitsHeard:
    """The likeliest row. `log_p` is its log probability among all texts; `confidence` that among rows, per token."""

    tokens: tuple[int, ...]
    digits: str
    log_p: float
    confidence: float


class Beginning(NamedTuple):
    """The logits and caches after the first tokens, START included; what these say besides, and how likely it is."""

    logits: Logits
    cache: Cache
    tokens: tuple[int, ...] = ()
    log_p: float = 0.0


class DigitSearch:
    """Finds rows of digits in audio. Safe to use from several threads at once."""

    def __init__(self, decoder: Decoder, vocabulary: Sequence[bytes], silence: Encoded) -> None:
        self._decoder = decoder
        self._grammar = DigitGrammar(vocabulary)
        self._handicap = self._handicaps(silence)
        """Nats to add to the score of each token of the vocabulary."""

    def likeliest(
        self, encoded: Encoded, beginning: Beginning, length: int, hopeless: Callable[[float], bool]
    ) -> DigitsHeard | None:
        """Return the likeliest row of digits after `beginning`; one of `length` is preferred, 0 is any.

        `hopeless(log_p)` is asked after each step with the best log probability among all texts; None when it says yes.
        """
        logits, cache = beginning.logits[np.newaxis], beginning.cache
        state = "comma" if beginning.tokens else "start"
        rows = [_Row(beginning.tokens, state=state, log_p=beginning.log_p)]
        finished: dict[str, _Row] = {}
        while rows:
            found = _followed(self._grammar, rows, logits, self._handicap)
            for row in found:
                if row.state == "end" and (row.digits not in finished or row.score > finished[row.digits].score):
                    finished[row.digits] = row
            rows = _worth_following(found, finished.values())
            if hopeless(max((row.log_p for row in (*rows, *finished.values())), default=-math.inf)):
                return None
            if rows:
                encoded = encoded if len(encoded.hidden) == len(rows) else encoded.rows(len(rows))
                newest, parents = [row.tokens[-1] for row in rows], [row.parent for row in rows]
                logits, cache = self._decoder.advance(encoded, cache, newest, parents)
        if not finished:
            return None
        best = max(finished.values(), key=lambda row: row.score + length_bonus(row.digits, length))
        steps = len(best.tokens) - len(beginning.tokens)
        tokens = tuple(token for token in best.tokens if token != END)
        return DigitsHeard(tokens, best.digits, best.log_p, math.exp(best.score / max(1, steps)))

    def _handicaps(self, silence: Encoded) -> NDArray[np.float64]:
        tokens = self._grammar.tokens
        first = log_probabilities(self._decoder.begin(silence)[0])
        texts = ([tokens[piece] for word in text for piece in (WORD_START + word, ",")] for text in _PRIOR_TEXTS)
        later = np.mean([log_probabilities(self._decoder.begin(silence, (START, *text))[0]) for text in texts], axis=0)
        handicap = np.zeros(len(first))
        for priors, names in ((first, [name.capitalize() for name in _NAMES]), (later, _NAMES)):
            # A word in two halves is told by its first.
            said = [tokens.get(WORD_START + name) or tokens[WORD_START + name[0]] for name in names]
            handicap[said] = -_PRIOR_WEIGHT * (priors[said] - priors[said].mean())
        return handicap


def _worth_following(rows: Iterable[_Row], finished: Iterable[_Row]) -> list[_Row]:
    least = max((row.score for row in finished), default=-math.inf) - _OUT_OF_REACH
    able = [row for row in rows if row.state != "end" and len(row.digits) <= _LONGEST and row.score > least]
    return sorted(able, key=lambda row: -row.score)[:_WIDTH]


def length_bonus(digits: str, length: int) -> float:
    """Return by how many nats a row is likelier because it is as long as the one asked for."""
    return _LENGTH_BONUS if len(digits) == length else 0.0


def _followed(grammar: DigitGrammar, rows: Sequence[_Row], logits: Logits, handicap: NDArray[np.float64]) -> list[_Row]:
    """Return every row that continues one of `rows`; of those that say the same, the likeliest."""
    followed: dict[tuple[str, str], _Row] = {}
    for number, row in enumerate(rows):
        steps = grammar.after(row.state)
        tokens = list(steps)
        own = log_probabilities(logits[number])[tokens]
        scores = own + handicap[tokens]
        scores = scores - np.logaddexp.reduce(scores)
        for (token, step), log_p, score in zip(steps.items(), own, scores, strict=True):
            after = _Row(
                (*row.tokens, token),
                row.digits + step.digits,
                step.state,
                row.score + float(score),
                row.log_p + float(log_p),
                number,
            )
            key = after.digits, after.state
            if key not in followed or after.score > followed[key].score:
                followed[key] = after
    return list(followed.values())
