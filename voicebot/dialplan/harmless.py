"""What may be said while nothing is known yet: no figure, no date, no money, nothing that is done.

Scaffolding and progress are spoken before there is any evidence, whatever the answer turns out to be, so a phrase that
could be wrong is an error of the dialplan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.rules import Finding, normalised
from voicebot.dialplan.source import Path_

LEAST: Final = 2
"""Phrases of a list, so that none is said twice running."""

_MOMENT: Final = re.compile(r"\b(?:one|a) (?:more )?(?:\w+ )?(?:moment|second|minute)\b", re.IGNORECASE)
"""Says `wait`, not how long."""

_MONEY: Final = r"[$€£¥]|\b(?:dollars?|cents?|euros?|pounds?|pence|bucks?|percent)\b"
_DAY: Final = (
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:january|february|april|june|july|august|september|october|"
    r"november|december|today|tonight|tomorrow|yesterday|noon|midnight|o'clock)\b"
)
_NUMBER: Final = (
    r"\d|\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|"
    r"hundred|thousand|million|dozen|half)\b"
    r"|\b(?:one|an?) (?:hours?|days?|weeks?|months?|years?)\b"
)
_DONE: Final = (
    r"\b(?:done|finished|completed?|found|got it|cancell?ed|booked|shipped|sent|confirmed|delivered|dispatched|"
    r"refunded|charged|paid|ordered|reserved|arranged|scheduled|changed|updated|corrected|fixed|repaired|solved|"
    r"resolved|processed|approved|accepted|rejected|declined|saved|stored|noted|registered|activated|blocked|unlocked|"
    r"reset|removed|deleted|added|transferred|connected|submitted|received|arrived|ready|success|successful|"
    r"successfully|succeeded|failed|all set|taken care of|good news|bad news)\b"
)
_CLAIMS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), what)
    for pattern, what in (
        (_MONEY, "speaks of money"),
        (_DAY, "names a day or a time"),
        (_NUMBER, "holds a number"),
        (_DONE, "says that something is done or known"),
    )
)


def findings(plan: Dialplan) -> Iterator[Finding]:
    """Yield every phrase that fills a wait and might be untrue, and every list that would repeat itself."""
    for key, phrases in (("scaffolding", plan.phrases.scaffolding), ("progress", plan.phrases.progress)):
        yield from _list(("phrases", key), phrases)
        if phrases and len({normalised(phrase) for phrase in phrases}) < LEAST:
            yield ("phrases", key), "the same phrase would be said twice running", "write two or more, better three"
    for name, connector in plan.connectors.items():
        yield from _list(("connectors", name, "scaffolding"), connector.scaffolding)


def _list(path: Path_, phrases: tuple[str, ...]) -> Iterator[Finding]:
    for index, phrase in enumerate(phrases):
        plain = _MOMENT.sub("", phrase)
        for claim, what in _CLAIMS:
            if found := claim.search(plain):
                message = f"a phrase that fills a wait {what}: {found.group()!r}"
                yield (*path, index), message, "say only that you are looking, as 'One moment, please.'"
                break
