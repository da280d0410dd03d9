"""When two turns ask the same thing.

Embeddings alone cannot tell: `open on Saturday` and `open on Sunday` are nearer to each other than most paraphrases
are. So the words decide, and they must agree in everything: digits, days, dates, things, verbs, negations, and their
order. Only what is listed here may differ: manners, articles, where the day stands, a few ways to ask the one thing.
A turn that can only be understood from the call that it is part of has no gist, and nor has one about the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from voicebot.core.digits import digit_runs
from voicebot.dialplan.hours import WEEKDAYS
from voicebot.dialplan.rules import normalised

LEAST_WORDS: Final = 2
MOST_WORDS: Final = 25
PERSONAL_DIGITS: Final = 3
"""A run of so many digits is somebody's number."""

_CONTRACTIONS: Final = (
    (re.compile(r"\bcan't\b|\bcannot\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(what|where|when|how|who|that|there|it)'s\b"), r"\1 is"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"'ve\b"), " have"),
)
_MANNERS: Final = re.compile(
    r"^(?:u[hm]+|e[hr]+m?|hello|hi|hey|good (?:morning|afternoon|evening)|okay|ok|well|so|yes|yeah|please|excuse me"
    r"|sorry|(?:can|could|would|will) you (?:please |maybe |perhaps )?(?:tell|inform) (?:me|us)|tell me"
    r"|do you (?:happen to )?know|may i ask|can i ask|i have a question"
    r"|i (?:would like|want|wanted|need) to (?:know|ask)"
    r"|i (?:am|was) (?:just )?wondering|i'm (?:just )?wondering|just wondering|i wonder)\b ?"
)
_INDIRECT: Final = re.compile(
    r"^(?:(?:can|could|would|will) you (?:please |maybe |perhaps )?(?:tell|inform)|tell me|do you (?:happen to )?know"
    r"|may i ask|can i ask|i (?:would like|want|wanted|need) to (?:know|ask)|i (?:am|was) (?:just )?wondering"
    r"|i'm (?:just )?wondering|just wondering|i wonder)\b"
)
"""Manners after which a question has the order of a statement: `when you are open`."""
_AFTERWARDS: Final = re.compile(r" ?\b(?:please|thanks|thank you|thank you (?:very|so) much|thanks a lot)$")
_NEEDS_THE_CALL: Final = frozenset(
    [
        *(
            "it",
            "its",
            "that",
            "this",
            "these",
            "those",
            "they",
            "them",
            "he",
            "she",
            "him",
            "her",
            "his",
            "then",
            "same",
        ),
        *("else", "other", "another", "again", "also", "too", "instead", "such", "one", "ones", "both", "either"),
        # What is true at one moment of the day and not at the next.
        *("now", "currently", "still", "yet", "already", "moment", "soon", "just"),
        # About the caller.
        *("i", "me", "my", "mine", "we", "us", "our", "ours", "myself"),
    ]
)
_BEGINS_IN_MIDDLE: Final = re.compile(r"^(?:and|or|but|because|what about|how about)\b")
_THERE: Final = re.compile(r"(?<!\bis )(?<!\bare )\bthere\b")
"""There, at a place that was spoken of."""
_DAY: Final = re.compile(rf"(?:\bon )?\b((?:{'|'.join(WEEKDAYS)})s?|today|tonight|tomorrow|weekends?|holidays?)\b")
_STATED: Final = (
    (re.compile(r"^(how much|how long|how late|how early|what|where|when) (.+) (is|are)$"), r"\1 \3 \2"),
    (re.compile(r"^(when|where|until when|how late|what time) you (are|do|can|will)\b"), r"\1 \2 you"),
    (re.compile(r"^(?:if|whether) you (are|do|can|will|have)\b"), r"\1 you"),
    (re.compile(r"^(when|how late|what time) you (open|close|deliver|ship)\b"), r"\1 do you \2"),
    (re.compile(r"^(?:if|whether) you (deliver|ship|sell|rent|repair|offer|take|accept)\b"), r"do you \1"),
    (re.compile(r"^how long (.+) takes$"), r"how long does \1 take"),
    (re.compile(r"^(?:how much|what) (.+) costs$"), r"how much is \1"),
)
_SAME: Final = (
    (re.compile(r"^(?:how much|what) (?:does|do|would|will) (.+?) cost$"), r"how much is \1"),
    (re.compile(r"^how much do you charge for (.+)$"), r"how much is \1"),
    (re.compile(r"^what (?:is|are) (?:the|your) (?:price|cost|charge|fee)s? (?:of|for) (.+)$"), r"how much is \1"),
    (re.compile(r"^(?:how much|what) (?:(?:does|would|will) it cost|is it) to (.+)$"), r"how much is to \1"),
    (re.compile(r"^how much are\b"), "how much is"),
    (re.compile(r"^where (?:are you|is (?:the|your) (?:shop|store))(?: located)?$"), "where are you"),
    (re.compile(r"^what are (?:the|your) (?:opening |business |store |shop )?hours$"), "when are you open"),
    (re.compile(r"\b(?:shop|store)\b"), "shop"),
    (re.compile(r"\bbikes?\b|\bbicycles\b"), "bicycle"),
)  # fmt: skip
"""Ways to ask the one thing, each with the one that stands for it. Days and manners are out of the way by then."""
_ARTICLES: Final = re.compile(r"\b(?:a|an|the)\b ?")


@dataclass(frozen=True, slots=True)
class Gist:
    """The words and days that two turns must agree in, and the question without manners, for its embedding."""

    words: tuple[str, ...]
    days: tuple[str, ...]
    plain: str


def gist(text: str) -> Gist | None:
    """Return what a turn asks; None when it cannot be told without the call, or is the caller's own matter."""
    if "[" in text or is_personal(text):
        return None
    turn, indirect = _without_manners(_written_out(normalised(text)))
    if _BEGINS_IN_MIDDLE.search(turn) or _THERE.search(turn) or len(turn.split()) > MOST_WORDS:
        return None
    days = tuple(_DAY.findall(turn))
    # The place of a single day means nothing; that of two may.
    asked = " ".join(_DAY.sub(" ", turn).split()) if len(days) == 1 else turn
    for pattern, same in (*(_STATED if indirect else ()), *_SAME):
        asked = pattern.sub(same, asked)
    words = tuple(_ARTICLES.sub("", asked).split())
    if len(words) + len(days) < LEAST_WORDS or _NEEDS_THE_CALL & set(words):
        return None
    return Gist(words, days, turn)


def is_personal(text: str) -> bool:
    """Whether a turn holds a number, or something that redaction has replaced: then it is the caller's own matter."""
    return "#" in text or any(len(run.digits) >= PERSONAL_DIGITS for run in digit_runs(text))


def speaks_of_self(text: str) -> bool:
    """Whether somebody who said this may want to be answered as the one who said it."""
    turn, _ = _without_manners(_written_out(normalised(text)))
    return is_personal(text) or bool(set(turn.split()) & {"i", "me", "my", "mine", "we", "us", "our", "ours", "myself"})


def _written_out(turn: str) -> str:
    for pattern, written in _CONTRACTIONS:
        turn = pattern.sub(written, turn)
    return " ".join(turn.split())


def _without_manners(turn: str) -> tuple[str, bool]:
    """Return a turn without its manners, and whether it was put as a statement."""
    indirect = False
    while (begun := _MANNERS.match(turn)) and begun.end():
        indirect = indirect or _INDIRECT.match(turn) is not None
        turn = turn[begun.end() :].strip()
    while (ended := _AFTERWARDS.search(turn)) is not None:
        turn = turn[: ended.start()].strip()
    return turn, indirect
