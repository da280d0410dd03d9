"""How callers steer a dialogue: they correct, refuse, choose among what was offered, start over.

Turns are in lower case without punctuation (`rules.normalised`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_CORRECTS: Final = re.compile(
    r"^(?:no|nope|not|sorry|wait|actually|rather)\b|\b(?:i meant|i mean|i said|instead|rather|make it|make that"
    r"|change it|change that|actually|correction)\b"
)
_DROPS: Final = re.compile(
    r"\b(?:forget (?:it|that|about it|about that|the whole thing)|never ?mind|leave it|drop it|cancel (?:it|that)"
    r"|stop it|(?:i have |i've |i )?changed my mind"
    r"|(?:don't|do not) (?:do|book|move|cancel|change|bother)(?: it| that)?"
    r"|(?:i )?don't want (?:it|that|to)(?: any ?more)?)\b|^(?:no )?(?:stop|cancel|nothing)$"
)
_AGREES: Final = re.compile(
    r"^(?:oh |okay |well )*(?:yes|yeah|yep|yup|sure|please do|go ahead|correct|right|that is right)\b"
)
_STARTS_OVER: Final = re.compile(
    r"\b(?:start|begin) (?:over|again|anew)\b|\bfrom the (?:beginning|start|top)\b|\bstart from scratch\b"
)
_ASKS: Final = re.compile(
    r"^(?:(?:and|but|so|wait|um|uh|okay|actually|first|sorry|one question|quick question) )*"
    r"(?:what|what's|when|where|who|why|how|which|do|does|are|is|can|could|will|would|may|have you"
    r"|i (?:need|want|would))\b"
)

_PLACES: Final = {
    "first": 0,
    "earlier": 0,
    "earliest": 0,
    "second": 1,
    "third": 2,
    "last": -1,
    "later": -1,
    "latest": -1,
}
_PLACE: Final = rf"(?:the )?({'|'.join(_PLACES)})"
_PLACED: Final = re.compile(rf"\b{_PLACE} (?:one|time|option)\b|^(?:no |um |i take )?{_PLACE}(?: please)?$")
_OTHER: Final = re.compile(r"\b(?:the )?other (?:one|time|option)?\b|\bthe other\b")
_AT_THE_END: Final = re.compile(r"\b(?:at the end|in the end|last|final|ends? (?:with|in))\b")
_AT_THE_BEGINNING: Final = re.compile(r"\b(?:at the (?:beginning|start)|first|(?:starts?|begins?) with)\b")


def corrects(turn: str) -> bool:
    """Whether a turn takes something back: `no, Thursday`, `I meant the other one`."""
    return _CORRECTS.search(turn) is not None


def drops(turn: str) -> bool:
    """Whether the caller does not want any more what is under way."""
    return _DROPS.search(turn) is not None and not agrees(turn)


def agrees(turn: str) -> bool:
    """Whether a turn begins with a yes."""
    return _AGREES.match(turn) is not None


def starts_over(turn: str) -> bool:
    """Whether all of the answers are taken back."""
    return _STARTS_OVER.search(turn) is not None


def asks(turn: str) -> bool:
    """Whether a turn begins as a question or a wish, not as an answer."""
    return _ASKS.match(turn) is not None


def chosen(turn: str, shown: Sequence[str], current: str = "") -> str:
    """Return which of the things that were told a turn points at, empty when it is not clear: `the second one`."""
    others = [each for each in shown if each != current]
    if _OTHER.search(turn):
        return others[0] if len(others) == 1 else ""
    placed = _PLACED.search(turn)
    if placed is None or not shown:
        return ""
    place = _PLACES[placed.group(1) or placed.group(2)]
    return shown[place] if place < len(shown) else ""


def mended(number: str, fragment: str, turn: str) -> str:
    """Return a number with the digits that a correction repeats, empty where they belong nowhere for certain.

    They stand where the caller says (`13 at the end`), else where all but one or two of them stand already.
    """
    if not 0 < len(fragment) < len(number):
        return ""
    if _AT_THE_END.search(turn):
        return number[: -len(fragment)] + fragment
    if _AT_THE_BEGINNING.search(turn):
        return fragment + number[len(fragment) :]
    wrong = [
        (sum(one != other for one, other in zip(number[at:], fragment, strict=False)), at)
        for at in range(len(number) - len(fragment) + 1)
    ]
    least = min(wrong)[0]
    places = [at for count, at in wrong if count == least]
    if len(places) != 1 or least * 2 >= len(fragment):
        return ""
    at = places[0]
    return number[:at] + fragment + number[at + len(fragment) :]
