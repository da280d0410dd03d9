"""Answers that are taken as they were said: names, addresses, e-mail addresses, what is spelled.

The grammars only leave out what is certainly not part of the answer. Nobody is asked to say it in a given form, and a
turn that does not look like an answer has no value, so that the bot asks again.
"""

from __future__ import annotations

import re
from typing import Final

MAX_NAME_WORDS: Final = 5
"""A longer turn is a sentence, not a name."""

MIN_ADDRESS_WORDS: Final = 2

_WORD: Final = re.compile(r"\[[A-Z]+#\d+\]|[\w']+(?:[-.][\w']+)*|#")
_NO_ANSWER: Final = re.compile(
    r"(?:(?:yes|yeah|no|nope|okay|ok|sure|sorry|pardon|hello|hi|what|why|who|how|um|uh|er|please|thanks|thank|you|"
    r"goodbye|bye|help|wait|stop|moment|one|a|it|i|don't|do|not|know|idea|is|that|right|wrong|repeat|again)\s*)+",
    re.IGNORECASE,
)
_QUESTION: Final = re.compile(
    r"(?:what|where|when|why|who|how|which|can|could|do|does|are|is|will|would|should|may) "
    r"(?:is|are|was|do|does|did|can|could|you|i|we|it|they|there|the|this|that|my|your|much|many|long|time)\b",
    re.IGNORECASE,
)

_BEFORE: Final = re.compile(r"^(?:(?:um|uh|er|well|so|okay|ok|yes|yeah|sure|hello|hi|oh)\b[,.]?\s*)+", re.IGNORECASE)
_AFTER: Final = re.compile(r"(?:[,.]?\s*\b(?:please|thanks|thank you))+\W*$", re.IGNORECASE)
_NAME_IS: Final = re.compile(
    r"^(?:(?:my|the|our) (?:full |first |last |family |sur)?name(?: is|'s)|(?:it is|it's|i am|i'm|this is|that is|"
    r"that's|call me|you are speaking (?:to|with)|under))\s+",
    re.IGNORECASE,
)
_ADDRESS_IS: Final = re.compile(
    r"^(?:(?:my|the|our) (?:\w+ )?address(?: is|'s)|(?:it is|it's|this is|that is|that's|i live (?:at|in|on)|"
    r"we live (?:at|in|on)|send it to))\s+",
    re.IGNORECASE,
)

_EMAIL_TOKEN: Final = re.compile(r"\[EMAIL#\d+\]")
_EMAIL_TYPED: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_EMAIL_SPOKEN: Final = re.compile(
    r"\b(?P<user>\w+(?: (?:dot|underscore|dash|hyphen|plus) \w+)*) at (?P<host>\w+(?: (?:dash|hyphen) \w+)*"
    r"(?: dot \w+)+)\b",
    re.IGNORECASE,
)
_SIGNS: Final = {"dot": ".", "underscore": "_", "dash": "-", "hyphen": "-", "plus": "+"}

_DIGITS: Final = {
    word: str(digit)
    for digit, word in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
}
_TELEPHONY: Final = (
    "alfa alpha bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey whisky xray x-ray yankee zulu"
)
_LETTER_OF: Final = {word: word[0] for word in _TELEPHONY.split()}
"""The spelling alphabet of the ITU and ICAO."""
_TIMES: Final = {"double": 2, "triple": 3}
_LIKE: Final = frozenset({"as", "for", "like"})
_SMALL_WORDS: Final = frozenset({"a", "i"})
"""Letters that begin sentences as well (`I spell it S M`)."""
_MIN_SPELLED: Final = 2
"""A single letter in a sentence is a word of it, unless it is all that was said."""


def name(text: str) -> str:
    """Return a person's name as it was said, without `my name is`; empty when the turn is none."""
    words = _stripped(text, _NAME_IS)
    if _is_no_answer(words) or len(words.split()) > MAX_NAME_WORDS or re.search(r"\d", words):
        return ""
    return words


def address(text: str) -> str:
    """Return a postal address as it was said, without `my address is`; empty when the turn is none."""
    words = _stripped(text, _ADDRESS_IS)
    return "" if _is_no_answer(words) or len(_WORD.findall(words)) < MIN_ADDRESS_WORDS else words


def email(text: str) -> tuple[str, int, int]:
    """Return an e-mail address and where it stands; empty when there is none.

    One that was redacted is its token, which stands for the address wherever a connector is given it.
    """
    found = _EMAIL_TOKEN.search(text) or _EMAIL_TYPED.search(text)
    if found:
        return found.group(), *found.span()
    spoken = _EMAIL_SPOKEN.search(text)
    if spoken is None:
        return "", 0, 0
    parts = (spoken["user"], "@", spoken["host"])
    written = "".join(_SIGNS.get(word, word) for part in parts for word in part.lower().split())
    return written, *spoken.span()


def spelling(text: str) -> str:
    """Return what was spelled, in capitals: letters, digits, `b as in bravo`, `double l`, `dash`.

    A word before its letters (`Smith, S M I T H`) is left out, one that stands alone is taken as it is.
    """
    words = [match.group().lower() for match in _WORD.finditer(_AFTER.sub("", text))]
    spelled = _spelled(words)
    if len(spelled) >= _MIN_SPELLED or (spelled and len(words) == 1):
        return spelled
    alone = _stripped(text, _NAME_IS)
    return alone.upper() if alone.isalpha() and not _is_no_answer(alone) else ""


def _spelled(words: list[str]) -> str:
    letters: list[str] = []
    at, times = 0, 1
    while at < len(words):
        word, following = words[at], words[at + 1 : at + 3]
        at += 1
        sign = _sign(word)
        if following and len(word) == 1 and following[0] in _LIKE:
            at += 3 if following[0] == "as" else 2  # `as in bravo`, `for bravo`
            following = []
        if word in _TIMES:
            times = _TIMES[word]
        elif sign and (word not in _SMALL_WORDS or letters or not following or _sign(following[0])):
            letters.append(sign * times)
            times = 1
    return "".join(letters).strip("-").upper()


def _sign(word: str) -> str:
    if word.isdecimal() or (len(word) == 1 and word.isalpha()):
        return word
    if re.fullmatch(r"[a-z](?:[-.][a-z])+", word):  # recognisers write letters as `s-m-i-t-h`
        return re.sub(r"[-.]", "", word)
    if word in {"dash", "hyphen"}:
        return "-"
    return _LETTER_OF.get(word) or _DIGITS.get(word, "")


def _stripped(text: str, introduction: re.Pattern[str]) -> str:
    """Return a turn without hesitation, introduction and politeness."""
    words = " ".join(text.split())
    words = introduction.sub("", _BEFORE.sub("", words))
    return _AFTER.sub("", words).strip(" .,?!;:")


def _is_no_answer(words: str) -> bool:
    plain = re.sub(r"[.,?!;:]", "", words)
    return not plain or _NO_ANSWER.fullmatch(plain) is not None or _QUESTION.match(plain) is not None
