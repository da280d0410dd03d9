"""Which intent a sentence has, learned from the examples when the dialplan is loaded; out of scope is one of them.

Kernel ridge regression: one linear system, solved once, without randomness. Two sentences are alike by their meaning
(the angle of their vectors) and, for a smaller part, by the words and word pairs that they share, because a sentence
embedding does not keep `move my appointment` and `when is my appointment` far enough apart.

A turn is somebody else's business when the sentences that are out of scope explain it as well as those of the best
intent do. So what is judged is how much better the intent explains it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from voicebot.brain.playbook.sentences import learned_vectors, sentence_vector

OUT_OF_SCOPE: Final = ""

WORDS_SHARE: Final = 0.2
"""How much of the likeness of two sentences is that of their words; the rest is that of their meaning."""

SHARPNESS: Final = 1.5
"""How quickly an example loses its say with the distance. With 0.5 all are averaged, with 6 each speaks for itself."""

RIDGE: Final = 0.01
"""How far the examples themselves may be missed: now and then one stands under the wrong intent."""

NEAREST_SHARE: Final = 0.6
"""Weight of the one example that is nearest, beside what all of them say together."""

ACCEPTED: Final = 0.06
"""Share of the sentences out of scope that may be taken for an intent when each is judged by all the others.

They were written because they sound like the business; of what callers say by chance fewer are taken."""

STRICTEST: Final = 0.3
"""Bounds of the confidence that is asked for, either way of 0: few sentences calibrate badly."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Guess:
    """The best intent of a sentence, and how sure that is."""

    intent: str
    confidence: float
    """Above 0 when the intent explains the sentence better than what is out of scope does; 1 for an example of it."""
    margin: float
    """How much less the second best intent explains."""
    second: str
    nearest: str
    """The sentence that was most like it when learning, out of scope or not."""


class Classifier:
    """Learned once, then only read: calls share it."""

    def __init__(self, sentences: Mapping[str, Sequence[str]]) -> None:
        """Learn from sentences by intent, those of OUT_OF_SCOPE have none. Takes about 1.5 ms a sentence.

        `threshold` is then the confidence from which a guess is worth believing.
        """
        labelled = [(text, name) for name, texts in sentences.items() for text in texts]
        self._texts = [text for text, _ in labelled]
        self._names = [*(name for name in sentences if name != OUT_OF_SCOPE), OUT_OF_SCOPE]
        self._owners = np.array([self._names.index(name) for _, name in labelled])
        self._vectors = learned_vectors(self._texts)
        self._words = _Words(self._texts)
        exact = self._vectors.astype(np.float64)
        likeness = _likeness(exact @ exact.T, self._words.among_themselves())
        truth = (self._owners[:, None] == np.arange(len(self._names))).astype(np.float64)
        self._usual = truth.mean(axis=0)
        inverse = np.linalg.inv(likeness + RIDGE * np.eye(len(labelled)))
        self._weights = inverse @ (truth - self._usual)
        # What the others explain of a sentence follows from the inverse, without learning anew without it.
        self.threshold = self._calibrated(truth - self._weights / np.diag(inverse)[:, None], likeness)

    def guess(self, sentence: str) -> Guess:
        """Return the best intent of a sentence, however little it explains."""
        meaning = (self._vectors @ sentence_vector(sentence)).astype(np.float64)
        likeness = _likeness(meaning, self._words.shared_with(sentence))
        explained = likeness @ self._weights + self._usual
        own = explained[:-1]
        ranked = np.argsort(-own, kind="stable")
        best, second = int(ranked[0]), int(ranked[min(1, len(ranked) - 1)])
        return Guess(
            self._names[best],
            self._confidence(explained, likeness),
            float(own[best] - own[second]) if second != best else 1.0,
            self._names[second],
            self._texts[int(likeness.argmax())],
        )

    def _confidence(self, explained: Matrix, likeness: Matrix) -> float:
        best = int(explained[:-1].argmax())
        nearest_own = float(likeness[self._owners == best].max(initial=0.0))
        nearest_foreign = float(likeness[self._owners == len(explained) - 1].max(initial=0.0))
        return float(explained[best] - explained[-1]) + NEAREST_SHARE * (nearest_own - nearest_foreign)

    def _calibrated(self, explained: Matrix, likeness: Matrix) -> float:
        """Return the least confidence to ask for, by what the others make of each sentence that is out of scope."""
        np.fill_diagonal(likeness, 0.0)
        foreign = np.flatnonzero(self._owners == len(self._names) - 1)
        if not len(foreign):
            return 0.0
        confident = sorted((self._confidence(explained[row], likeness[row]) for row in foreign), reverse=True)
        return min(STRICTEST, max(-STRICTEST, confident[int(ACCEPTED * len(confident))]))


class _Words:
    """Single words, pairs and threes of some sentences, the rarer the heavier; a sentence is a unit vector of them."""

    def __init__(self, sentences: Sequence[str]) -> None:
        grams = [_grams(text) for text in sentences]
        seen = Counter(gram for each in grams for gram in each)
        self._places = {gram: place for place, gram in enumerate(seen)}
        self._heavy = {gram: math.log((1 + len(grams)) / (1 + count)) + 1 for gram, count in seen.items()}
        rows = [row for row, each in enumerate(grams) for _ in each]
        columns = [self._places[gram] for each in grams for gram in each]
        values = [value for each in grams for value in self._weights(each)]
        self._rows = csr_matrix((np.array(values), (rows, columns)), shape=(len(grams), len(seen)))

    def among_themselves(self) -> Matrix:
        """Return how much each two sentences share, 0 to 1."""
        return (self._rows @ self._rows.T).toarray()

    def shared_with(self, sentence: str) -> Matrix:
        """Return how much each sentence shares with another one, 0 to 1."""
        grams = _grams(sentence)
        vector = np.zeros(len(self._places))
        for gram, weight in zip(grams, self._weights(grams), strict=True):
            if gram in self._places:
                vector[self._places[gram]] = weight
        return self._rows @ vector

    def _weights(self, grams: Sequence[str]) -> list[float]:
        unseen = max(self._heavy.values(), default=1.0)
        heavy = [self._heavy.get(gram, unseen) for gram in grams]
        length = math.hypot(*heavy) or 1.0
        return [each / length for each in heavy]


def _grams(sentence: str) -> tuple[str, ...]:
    words = ["^", *sentence.split(), "$"]
    pairs = [f"{one} {two}" for one, two in pairwise(words)]
    threes = [" ".join(words[at : at + 3]) for at in range(len(words) - 2)]
    return tuple(dict.fromkeys((*words[1:-1], *pairs, *threes)))


def _likeness(meaning: Matrix, words: Matrix) -> Matrix:
    """Return 0 to 1 for cosines of meanings and of words."""
    likeness: Matrix = np.exp(SHARPNESS * ((1 - WORDS_SHARE) * meaning + WORDS_SHARE * words - 1))
    return likeness
