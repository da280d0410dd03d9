"""When a pause is the end of the turn: how long to wait depends on what was said.

A pause after a finished sentence is an end; one after `and`, a hanging number or a spelled letter is not. What can be
known of that lies in the text so far, in what the bot has just asked for, in how sure the recogniser is that the
sentence is over, and in whether the brain can already answer it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from voicebot.core.digits import DigitRun, digit_runs
from voicebot.core.policy import Endpointing

_MENUS: Final = frozenset({"yes_no", "choice"})
"""Kinds that one key answers."""


class Completeness(StrEnum):
    """What a pause looks like, from the shortest delay to the longest."""

    FILLED = "filled"
    """The expected slot is full, the answer is a plain yes or no to a question, or the brain knows the whole turn."""
    COMPLETE = "complete"
    LIKELY = "likely"
    """The recogniser rather takes it for finished."""
    POSSIBLE = "possible"
    """The recogniser takes it for finished as well as not."""
    UNSURE = "unsure"
    HANGING = "hanging"
    """The sentence cannot end here."""
    DICTATING = "dictating"
    """Digits, letters or an address are being read out."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the bot has asked for, as the brain names it: a kind of slot, and how long it is if that is known.

    `slot` is its name, if it has delays of its own.
    """

    kind: str = ""
    length: int = 0
    slot: str = ""

    @classmethod
    def parse(cls, text: str) -> Expectation:
        """Read `digits:5`, `yes_no`, `email@invoice`, or nothing."""
        what, _, slot = text.partition("@")
        kind, _, length = what.partition(":")
        return cls(kind, int(length) if length.isdecimal() else 0, slot)

    @property
    def keys(self) -> int:
        """How many keys answer it, so that no time-out need end them; 0 when that is not known."""
        return 1 if self.kind in _MENUS else self.length


@dataclass(frozen=True, slots=True)
class Cues:
    """What is known at a pause.

    `answerable`: whether the brain, asked ahead, has an answer; None while unknown. `whole`: it knows the whole turn.
    """

    text: str
    expects: Expectation = Expectation()
    finality: float = 0.5
    answerable: bool | None = None
    whole: bool = False


_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+", re.IGNORECASE)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_YES_NO: Final = _words(
    "yes yeah yep yup sure okay ok correct right exactly no nope nah never wrong please thanks thank you that's it"
)
_DAYS: Final = _words("monday tuesday wednesday thursday friday saturday sunday today tonight tomorrow")
_SHORT: Final = _words("yes_no weekday choice")
"""Kinds whose answer is a word or two."""
_LONG: Final[Mapping[str, Completeness]] = MappingProxyType(
    {
        "email": Completeness.DICTATING,
        "address": Completeness.DICTATING,
        "spelling": Completeness.DICTATING,
        "name": Completeness.HANGING,  # a surname follows, after any time
    }
)
"""Kinds whose answer comes in parts, with pauses between them that are no ends."""
_AUXILIARIES: Final = _words(
    "is are was were am do does did can could will would shall should may might must have has had"
)
_HANGING: Final = _AUXILIARIES | _words(
    "a an the and or but because if whose my your our their of to in at by for from with into onto than as be "
    "um uh er erm hmm who what when where why how which i i'm i'd i'll i've we we're you're it's there's he she they "
    "need want wanna gonna mister mrs ms dr let's"
)
"""Words that hardly ever end a sentence. Nouns and pronouns do, so they are not here: an order is asked for by name."""

_INDIRECT_QUESTION: Final = re.compile(
    r"\b(?:where|when|who|why|(?:what|which|how|whose)(?: (?!is|are|was|were|do|does)\w+)?)"
    r" (?:(?:your|my|his|her|our|their|the|this|that|these|those|an?)(?: [\w']+)+|it|that|this|he|she|they|you|we|i)"
    r" (?:is|are|was|were|am|(?:will|would|could|can|might|should) be)$",
    re.IGNORECASE,
)
"""Ends with its verb, because it asks within a sentence: `where your shop is`, `how late you are`."""

_STRANDED: Final = re.compile(r"^(?:what|who|which|where)\b.*\b(?:about|at|for|from|in|to|with)$", re.IGNORECASE)
"""A question may end with its preposition: `what can you help me with`."""

_NUMBERED: Final = r"(?:order|account|phone|customer|invoice|ticket|reference|card|zip|post)"
_HANGING_NUMBER: Final = re.compile(rf"\b{_NUMBERED} (?:number|code)$", re.IGNORECASE)
_NUMBER_NAMED: Final = re.compile(
    rf"\b(?:number|code|{_NUMBERED})(?:\W+(?:number|code|is|it's|um|uh))*\W*$", re.IGNORECASE
)
_NUMBER_BEGUN: Final = re.compile(r"^\W*(?:it is|it's|that is|that's)\W+$", re.IGNORECASE)
_TIME: Final = re.compile(r"\b(?:at|by|till|until|before|after|around|about|from|past|between)\s+$", re.IGNORECASE)
_NUMBER: Final = (
    r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty)"
)
_SOUND_LIKE_DIGITS: Final = _words("to too for fore won ate oh o double triple")
"""What a recogniser makes of single digits at the edge of a run."""

_ADDRESS_NAMED: Final = re.compile(
    r"\b(?:my|our)(?: \w+)? address (?:is|it's)(?: um| uh)?\W+(?!wrong|not|right|correct|still|different|the same)\w"
    rf"|\b(?:address (?:is|it's)|(?:i|we) live (?:at|in|on))(?: um| uh)?\W+{_NUMBER}\b",
    re.IGNORECASE,
)
_EMAIL_NAMED: Final = re.compile(r"\be-?mail\b.*\b(?:is|it's)\b", re.IGNORECASE)
_EMAIL_BEGUN: Final = re.compile(r"\bat [\w-]+ dot\b|\bdot$|@\S*$", re.IGNORECASE)
_EMAIL_WHOLE: Final = re.compile(r"(?:\bdot |@\S+\.)(?:com|org|net|edu|gov|info|io|uk|us|de|fr|eu)$", re.IGNORECASE)
_SPELLED_BY_WORD: Final = re.compile(r"\b[a-z] (?:as in|for|like) [a-z]+$", re.IGNORECASE)
_REDACTED_DIGITS: Final = re.compile(r"\[(?:NUMBER|PHONE)#\d+\]$")
"""What stands for a long number, whose digits the core never sees. More of it may follow."""

FINAL_ENOUGH: Final = 0.8
"""From this finality on the recogniser takes the sentence for finished. Half of all ends reach it, one pause in fifteen
inside a sentence does (measured on read speech; punctuation, in contrast, tells nothing)."""

LIKELY_ENOUGH: Final = 0.7
"""From this finality on an end is four times as frequent as a pause inside a sentence (256 ends and 1584 pauses in four
voices)."""

POSSIBLE_ENOUGH: Final = 0.55
"""From this finality on an end is somewhat more frequent than a pause inside. Who cannot tell says 0.5."""

WHOLE_ENOUGH: Final = 0.5
"""A turn that the brain knows may still get a `please`, if the recogniser expects more below this."""

SENTENCE_WORDS: Final = 4
"""Fewer words are more often the start of a sentence than a whole one, unless they answer something."""

KNOWN_WORDS: Final = 4
"""Fewer words may be known and still be the start of another sentence."""

ANSWER_WORDS: Final = 4
"""An answer that is no longer than this says nothing else."""


def completeness(cues: Cues, lengths: frozenset[int] = frozenset()) -> Completeness:
    """Judge a pause. `lengths` are those of the numbers that the dialplan knows."""
    text, words = _said(cues.text)
    if not words:
        return Completeness.UNSURE
    expected = _by_expectation(cues, text, words)
    dictated = _by_dictation(text, words, lengths)
    if expected is not None:
        return expected
    if dictated is not None and not (cues.whole and dictated is Completeness.UNSURE):
        return dictated
    if cues.whole:
        return _of_known(cues, words)
    if _hangs(text, words):
        stranded = cues.finality >= FINAL_ENOUGH and _STRANDED.search(text) is not None
        return Completeness.POSSIBLE if stranded else Completeness.HANGING
    return _by_confidence(cues, words)


def _said(text: str) -> tuple[str, list[str]]:
    """Return a text without the punctuation at its end, and its words in lower case."""
    text = text.rstrip(" .,?!;:-")
    return text, [match.group().lower() for match in _WORD.finditer(text)]


def _by_expectation(cues: Cues, text: str, words: list[str]) -> Completeness | None:
    """Judge an answer to what the bot has asked for; None when it answers something else."""
    kind = cues.expects.kind
    if kind == "digits":
        return _of_expected_digits(cues.expects.length, text, words)
    if kind in _SHORT:
        return Completeness.FILLED if _fills(kind, cues, text, words) else None
    if kind not in _LONG or all(word in _YES_NO for word in words) or _spelled(text, words):
        return None
    if kind == "email" and _EMAIL_WHOLE.search(text):
        return Completeness.COMPLETE
    return _LONG[kind]


def _fills(kind: str, cues: Cues, text: str, words: list[str]) -> bool:
    if kind == "yes_no":
        return all(word in _YES_NO for word in words)
    if kind == "weekday":
        return words[-1].removesuffix("s") in _DAYS
    return bool(cues.answerable) and len(words) <= ANSWER_WORDS and not _hangs(text, words)


def _of_expected_digits(length: int, text: str, words: list[str]) -> Completeness | None:
    digits = sum(len(run.digits) for run in digit_runs(text))
    if length and digits >= length:
        return Completeness.FILLED
    return Completeness.DICTATING if digits or words[-1] in _SOUND_LIKE_DIGITS else None


def _by_dictation(text: str, words: list[str], lengths: frozenset[int]) -> Completeness | None:
    """Digits, letters and e-mail addresses come in groups, with pauses that are no ends."""
    if _EMAIL_WHOLE.search(text):
        return Completeness.COMPLETE
    signs = (_EMAIL_NAMED, _EMAIL_BEGUN, _ADDRESS_NAMED, _REDACTED_DIGITS)
    if _spelled(text, words) or any(sign.search(text) for sign in signs):
        return Completeness.DICTATING
    runs = digit_runs(text)
    if not runs:
        return None
    last, after = runs[-1], [match.group().lower() for match in _WORD.finditer(text, runs[-1].end)]
    if not all(word in _SOUND_LIKE_DIGITS for word in after):
        return None
    if len(last.digits) in lengths:  # nobody asked for it: it may be the beginning of a longer one
        return None if after else Completeness.UNSURE
    return Completeness.DICTATING if _reads_out(text, last) else None


def _reads_out(text: str, run: DigitRun) -> bool:
    """Whether a run at the end is a number being read out, not a time or an amount."""
    before = text[: run.start]
    if _NUMBER_NAMED.search(before) or _NUMBER_BEGUN.search(before):
        return True
    one_word = " " not in text[run.start : run.end]
    return len(run.digits) > (2 if one_word else 1) and not _TIME.search(before)


def _spelled(text: str, words: list[str]) -> bool:
    """Whether the end is spelled: letters, or a letter and a word that begins with it."""
    last = words[-2:]
    letters = len(last) > 1 and all(len(word) == 1 and word.isalpha() for word in last)
    return (letters and set(last) != {"a", "i"}) or _SPELLED_BY_WORD.search(text) is not None


def _hangs(text: str, words: list[str]) -> bool:
    """Whether the sentence cannot end here. `Yes, I do` can, and so can `I wonder where your shop is`."""
    short_answer = words[0] in _YES_NO and len(words) <= ANSWER_WORDS and words[-1] in _AUXILIARIES
    ends = short_answer or _INDIRECT_QUESTION.search(text) is not None
    return _HANGING_NUMBER.search(text) is not None or (words[-1] in _HANGING and not ends)


def may_end(text: str) -> bool:
    """Whether a sentence can end with these words: not after `to`, `and` or a hanging number."""
    text, words = _said(text)
    return not words or not _hangs(text, words)


def _of_known(cues: Cues, words: list[str]) -> Completeness:
    """Judge a turn that the brain knows: a word is too easily a slip, a few may be the start of another sentence."""
    if len(words) == 1:
        return Completeness.POSSIBLE
    certain = len(words) >= KNOWN_WORDS and cues.finality >= WHOLE_ENOUGH
    return Completeness.FILLED if certain else Completeness.COMPLETE


def _by_confidence(cues: Cues, words: list[str]) -> Completeness:
    """Believe the recogniser's language model. An answer tells nothing: the brain has one for most beginnings."""
    if len(words) < SENTENCE_WORDS and not cues.expects.kind:
        # `Yes` to no question stands alone as often as it begins a sentence, or is made of one by the recogniser.
        stands_alone = all(word in _YES_NO for word in words) or (cues.answerable and cues.finality >= LIKELY_ENOUGH)
        return Completeness.POSSIBLE if stands_alone else Completeness.UNSURE
    degrees = (
        (FINAL_ENOUGH, Completeness.COMPLETE),
        (LIKELY_ENOUGH, Completeness.LIKELY),
        (POSSIBLE_ENOUGH, Completeness.POSSIBLE),
    )
    return next((judged for enough, judged in degrees if cues.finality >= enough), Completeness.UNSURE)


def delay_ms(endpointing: Endpointing, judged: Completeness) -> int:
    """Return how long after the last voiced sample a pause that looks like this ends the turn."""
    return {
        Completeness.FILLED: endpointing.filled_ms,
        Completeness.COMPLETE: endpointing.min_delay_ms,
        Completeness.LIKELY: endpointing.likely_ms,
        Completeness.POSSIBLE: endpointing.possible_ms,
        Completeness.UNSURE: endpointing.delay_ms,
        Completeness.HANGING: endpointing.max_delay_ms,
        Completeness.DICTATING: endpointing.dictation_ms,
    }[judged]
