"""Whether the caller agreed to what was asked: a small grammar that knows a clear yes, and nothing else.

Whoever says more than yes wants to correct something or asks back; whoever says less may have meant nobody. So every
word of the turn has to belong to an agreement, and a question is none.
"""

from __future__ import annotations

import re
from typing import Final

from voicebot.core.commands import Line

_AGREEING: Final = (
    "yes", "yeah", "yep", "yup", "yes i do", "yes you may", "yes you can", "yes it is", "yes that is", "sure",
    "of course", "certainly", "absolutely", "definitely", "okay", "ok", "correct", "exactly", "agreed", "i agree",
    "i confirm", "confirmed", "go ahead", "go for it", "please do", "do it", "do that", "do so", "let's do it",
    "let's do that", "that's right", "that is right", "that's correct", "that is correct", "that's fine",
    "that is fine", "that works", "that would be great", "that would be fine", "sounds good", "sounds great",
)  # fmt: skip
"""Any of these is consent by itself."""

_BESIDE: Final = (
    "please", "thanks", "thank you", "thank you very much", "very much", "great", "good", "fine", "perfect",
    "wonderful", "lovely", "right", "all right", "alright", "well", "oh", "um", "uh", "mm", "hmm", "so", "and",
)  # fmt: skip
"""These may stand beside it."""


def _any(phrases: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, sorted(phrases, key=len, reverse=True)))


_CONSENT: Final = re.compile(rf"(?:(?:{_any(_BESIDE)}) )*(?:{_any(_AGREEING)})(?: (?:{_any(_AGREEING + _BESIDE)}))*")


def given(text: str) -> bool:
    """Whether a turn of the caller is a clear yes and nothing else."""
    if text.rstrip().endswith("?"):
        return False
    plain = " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))
    return _CONSENT.fullmatch(plain) is not None


def asked_last(history: tuple[Line, ...], question: str) -> bool:
    """Whether the question, all of it, was the last thing that the caller heard."""
    return bool(history) and history[-1].speaker == "bot" and history[-1].text.endswith(question)
