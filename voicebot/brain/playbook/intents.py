"""Which intent a turn has: a pattern decides at once, then the examples, by their letters and by what they mean.

What a sentence means costs milliseconds to find out, so a turn that is an example, but for days and numbers, is not
asked for its meaning. What is not clearly nearer to an intent than to what is out of scope is no match: a wrong answer
costs a caller more than a question back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voicebot.brain.playbook.background import PHRASES
from voicebot.brain.playbook.classifier import OUT_OF_SCOPE, Classifier
from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.wholes import Wholes, general
from voicebot.core.digits import digit_runs
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.rules import normalised

__all__ = ["How", "IntentMatcher", "Verdict", "Wholes"]

A_LETTER_OFF: Final = 0.92
"""Likeness of the letters from which a turn is an example whatever its words would mean: `what time do you clone`."""

MISHEARD_FROM: Final = -0.35
"""Least confidence with which a turn that differs in some letters is an example: `flight` is no `fitting`."""

_FILLERS: Final = re.compile(r"\b(?:um|uh|uhm|er|erm|hmm)\b ?")
_OPENERS: Final = re.compile(
    r"^(?:(?:so|okay|ok|well|yeah|oh|and|please|look|listen|now|actually) )*"
    r"(?:(?:hi|hello|hey) (?=\S+ \S+ \S+ \S))?(?=\S+ \S)"
)
_ANCHORED: Final = re.compile(r"\^.*\$$")
"""A pattern that says how the whole turn goes."""
_NUMBER: Final = re.compile(r"\b\d+\b")
_MANY_DIGITS: Final = 3
"""From here on digits that are said one by one are a number and no count of things."""


class How(StrEnum):
    """What decided the intent of a turn."""

    PATTERN = "pattern"
    EXAMPLE = "example"
    LIKENESS = "likeness"
    MISHEARD = "misheard example"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The intent of a turn, empty when none is clear, and why.

    `nearest` is the pattern or the example that speaks for it; `guess` is the best intent even when it was not taken.
    """

    intent: str
    how: How
    nearest: str = ""
    guess: str = ""
    confidence: float = 0.0
    second: str = ""
    margin: float = 0.0


class IntentMatcher:
    """The intents of one dialplan. Immutable after construction, so calls share it."""

    def __init__(self, plan: Dialplan, days: DayNames) -> None:
        """Learn from every example; the first one of a process loads the embedder, about 0.3 s."""
        self._days = days
        self._margin = plan.brain.margin
        self._patterns = [
            (re.compile(pattern), name) for name, intent in plan.intents.items() for pattern in intent.patterns
        ]
        self._anchored = [pattern for pattern, _ in self._patterns if _ANCHORED.match(pattern.pattern)]
        self._lengths = frozenset(slot.length for slot in plan.slots.values() if slot.kind == "digits" and slot.length)
        labelled = [(normalised(text), name) for name, intent in plan.intents.items() for text in intent.examples]
        self._owner_of_whole: dict[str, str] = {}
        for text, name in labelled:
            whole = general(text, days, self._lengths)
            if whole:  # nothing is left of an example that is nothing but polite
                self._owner_of_whole.setdefault(whole, name)
        self._wholes = Wholes(self._owner_of_whole)
        self._sentences: dict[str, str] = {}
        foreign = [(normalised(text), OUT_OF_SCOPE) for text in (*plan.out_of_scope, *PHRASES)]
        for text, name in (*labelled, *foreign):
            self._sentences.setdefault(self._sentence(text), name)
        self._classifier = self._learned() if labelled else None
        own = self._classifier.threshold if self._classifier is not None else 0.0
        self.threshold = own if plan.brain.threshold is None else plan.brain.threshold

    def knows_whole(self, text: str) -> bool:
        """Whether a turn is an example, but for days, numbers and a few letters, and no example goes on from there.

        A pattern that takes the turn from `^` to `$` knows it as well.
        """
        turn = normalised(text)
        if any(pattern.search(turn) for pattern in self._anchored):
            return True
        owner = self._owner(turn)
        return bool(owner) and not self._days.may_go_on(turn) and self.match(text) == owner

    def by_pattern(self, turn: str) -> str:
        """Return the intent that a pattern decides, empty when none does; `turn` is normalised."""
        return next((name for pattern, name in self._patterns if pattern.search(turn)), "")

    def match(self, text: str) -> str:
        """Return the name of the intent of a turn, empty when none is clear."""
        return self.verdict(text).intent

    def verdict(self, text: str) -> Verdict:
        """Return the intent of a turn and what decided it."""
        turn = normalised(text)
        for pattern, name in self._patterns:
            if pattern.search(turn):
                return Verdict(name, How.PATTERN, pattern.pattern, name, 1.0)
        sentence = self._sentence(turn)
        if not sentence or self._classifier is None:
            return Verdict("", How.NOTHING)
        if sentence in self._sentences:
            name = self._sentences[sentence]
            return Verdict(name, How.EXAMPLE, sentence, name, 1.0)
        return self._likeliest(turn, sentence, self._classifier)

    def _likeliest(self, turn: str, sentence: str, classifier: Classifier) -> Verdict:
        guess = classifier.guess(sentence)
        told = (guess.intent, guess.confidence, guess.second, guess.margin)
        whole, alike = self._wholes.nearest_and_likeness(general(turn, self._days, self._lengths))
        if alike >= A_LETTER_OFF:
            return Verdict(self._owner_of_whole[whole], How.MISHEARD, whole, *told)
        if guess.confidence >= self.threshold and guess.margin >= self._margin:
            return Verdict(guess.intent, How.LIKENESS, guess.nearest, *told)
        if whole and guess.confidence >= MISHEARD_FROM:
            return Verdict(self._owner_of_whole[whole], How.MISHEARD, whole, *told)
        return Verdict("", How.NOTHING, guess.nearest, *told)

    def _learned(self) -> Classifier:
        by_intent: dict[str, list[str]] = {}
        for sentence, name in self._sentences.items():
            by_intent.setdefault(name, []).append(sentence)
        return Classifier(by_intent)

    def _sentence(self, turn: str) -> str:
        """Return a normalised turn as it is learned and judged: no fillers, one day and one number for all."""
        sentence = _OPENERS.sub("", _FILLERS.sub("", turn).strip())
        for run in reversed(digit_runs(sentence)):
            if len(run.digits) >= _MANY_DIGITS:
                sentence = f"{sentence[: run.start]}0{sentence[run.end :]}"
        return _NUMBER.sub("0", self._days.left_open(sentence).replace("{day}", "monday"))

    def _owner(self, turn: str) -> str:
        """Return the intent of the example that a turn is, but for a few letters."""
        return self._owner_of_whole.get(self._wholes.nearest(general(turn, self._days, self._lengths)), "")
