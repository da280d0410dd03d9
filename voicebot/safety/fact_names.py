"""Names in a sentence that nobody knows: neither the dialplan, nor a connector, nor the caller has said them.

English writes names with a capital, and so do models. A word that begins a sentence has one anyway: it counts as a name
only by what follows it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_NAMED: Final = re.compile(
    r"\b(?:my name is|this is|i am|call me|name of|named|called|speak (?:to|with)|ask for|mister|mr\.?|mrs\.?|"
    r"ms\.?|miss|doctor|dr\.?|colleague,?)\s+([A-Z][\w'-]+)"
)
_CAPITAL: Final = re.compile(r"(?<![\w'])([A-Z][a-z][a-z'\u2019-]*(?:[A-Z][a-z]+)?)")
_NOT_NAMES_WORDS: Final = """
    i i'm i'll i've i'd am pm ok okay english mr mrs ms dr us usa january february march april may june july august
    september october november december monday tuesday wednesday thursday friday saturday sunday mondays tuesdays
    wednesdays thursdays fridays saturdays sundays
"""
_NOT_NAMES: Final = frozenset(_NOT_NAMES_WORDS.split())
_VERBS_WORDS: Final = """
    will is has can was said from would and could at works here speaking takes calls
"""
_VERBS: Final = frozenset(_VERBS_WORDS.split())
_STARTERS_WORDS: Final = """
    a about actually after again all alright also although an and another any anyone anything are as at because
    before besides both but by can certainly come could delivery did do does each either every everything everyone
    exactly express few finally first for fortunately free from good got great had has have he hello here hi his how
    however i if in indeed instead is it its just last later let like many maybe me more most my nearly neither next
    no nobody none nothing nope not now of okay on once one only or order orders our over parking perfect please
    quite rather regarding right sadly saturday she shipping should since so some somebody someone something
    somewhat soon sorry standard still such sure thank thanks that the their them then there these they this those
    though to today together tomorrow tonight too under unfortunately until up us usually very was we well were what
    whatever when where whether which while who why will with without would yes yesterday yet you your absolutely
    course given having being opening closing normally returns rentals repairs bicycles bikes appointments customers
    otherwise apart except depending within during between unless even nine ten eleven twelve two three four five
    six seven eight twenty thirty forty fifty hundred half noon midnight workshop test payment refunds prices hours
    pardon apologies welcome goodbye bye understood alas hopefully happily gladly let's it's that's i'm we're you're
    there's what's here's whenever wherever anytime weekends weekdays card cash children helmets tune tune-ups
    fittings staff people colleagues someone's done consider congratulations glad happy mm hmm ah oh say tell ask
    give take bring keep check wait hold try leave pick send write call visit press see feel enjoy note mind
    remember going looking speaking thinking shall may might must am
"""
_STARTERS: Final = frozenset(_STARTERS_WORDS.split())


def names(text: str, known: Collection[str]) -> list[str]:
    """Return the names in a sentence that nobody knows: capitalised words that neither English nor the evidence has."""
    found = []
    for match in _CAPITAL.finditer(text):
        word = match.group(1).replace("\u2019", "'")
        low = word.lower().removesuffix("'s")
        if low in known or word.lower() in _NOT_NAMES or low in _NOT_NAMES:
            continue
        first = not text[: match.start()].strip(" \"'(\u201c") or text[: match.start()].rstrip()[-1:] in {":", "!", "?"}
        if first and not _is_name(text, match, low):
            continue
        found.append(word)
    found += [
        word
        for word in re.findall(r"\b(?:my name is|call me|named|mister|ask for|speak to|i'm called) ([a-z]+)\b", text)
        if word not in known and word not in _STARTERS
    ]
    return found


def _is_name(text: str, match: re.Match[str], low: str) -> bool:
    """Whether a word that begins a sentence is a name."""
    if low in _STARTERS:
        return False
    following = re.match(r"[\w'-]*\s+([\w'-]+)", text[match.start() :])
    word = following.group(1) if following else ""
    return word.lower() in _VERBS or (word[:1].isupper() and word not in {"I", "I'm", "I'll"})
