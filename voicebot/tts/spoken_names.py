"""How abbreviations, e-mail addresses and web addresses are read out."""

from __future__ import annotations

import re
from typing import Final

from voicebot.tts.number_words import singly

_MAYBE_ADDRESS: Final = re.compile(r"@|://|www\.|\.[a-zA-Z]{2}")
_MAYBE_SHORT: Final = re.compile(r"[A-Za-z]\.")

_EMAIL: Final = re.compile(r"(?<![\w.@+-])[\w.+-]*\w@\w[\w-]*(?:\.\w[\w-]*)+", re.ASCII)
_SUFFIXES: Final = "com|org|net|edu|gov|info|biz|io|app|dev|example|co|uk|us|eu|de|fr|ca|au"
_URL: Final = re.compile(
    rf"(?<![\w.@/-])(?:(?:https?://)[a-z0-9-]+(?:\.[a-z0-9-]+)*|www(?:\.[a-z0-9-]+)+|[a-z0-9-]+(?:\.[a-z0-9-]+)*"
    rf"\.(?:{_SUFFIXES}))(?::[0-9]+)?(?:/[\w./~%+-]*\w|/)?(?![\w@-])",
    re.ASCII | re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_PART: Final = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]")
_MARKS: Final = {
    "@": "at", ".": "dot", "-": "dash", "_": "underscore", "+": "plus", "/": "slash", ":": "colon", "~": "tilde",
    "%": "percent",
}  # fmt: skip
_SPELLED: Final = re.compile(r"(?i:www)|uk|us|eu|de|io|fr|ca|au")

_TITLES: Final = {"Dr.": "Doctor", "St.": "Saint", "Mt.": "Mount", "Ft.": "Fort"}
_STREETS: Final = {
    "Dr.": "Drive", "St.": "Street", "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road", "Ln.": "Lane",
    "Hwy.": "Highway", "Ct.": "Court",
}  # fmt: skip
_SHORT: Final = {
    "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Prof.": "Professor", "Jr.": "Junior", "Sr.": "Senior",
    "Apt.": "apartment", "Ste.": "suite", "Dept.": "department", "dept.": "department", "approx.": "approximately",
    "vs.": "versus", "etc.": "et cetera", "Inc.": "Incorporated", "Ltd.": "Limited", "Corp.": "Corporation",
    "e.g.": "for example", "i.e.": "that is", "Tel.": "telephone", "tel.": "telephone", "ext.": "extension",
    "Ext.": "extension",
}  # fmt: skip
_WEEKDAYS: Final = {
    day[:3]: day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
}


def _any_of(words: dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in words)


_STREET: Final = re.compile(rf"(?P<name>[A-Z0-9][\w']*\s+)(?P<short>{_any_of(_STREETS)})(?P<end>\s*$|(?=\s+[A-Z])|)")
_TITLE: Final = re.compile(rf"(?<!\w)(?P<short>{_any_of(_TITLES)})(?=\s+[A-Z])")
_PLAIN: Final = re.compile(rf"(?<![\w.])(?P<short>{_any_of(_SHORT)})(?P<end>\s*$|)(?!\w)")
_KEEPS_NO_STOP: Final = frozenset({"Mr.", "Mrs.", "Ms.", "Prof.", "e.g.", "i.e.", "vs."})
_DAY = rf"({_any_of(_WEEKDAYS)})(?:|s|nes|rs|ur)(?:day)?"
_DAY_RANGE: Final = re.compile(rf"\b{_DAY}\.?\s?[-\u2013]\s?{_DAY}\b")
_SENTENCE_STARTS: Final = frozenset({"At", "By", "From", "In", "Is", "On", "The", "This", "To", "Visit", "Your", "Our"})


def names(text: str) -> str:
    """Return `text` with abbreviations, addresses and ranges of weekdays in words."""
    if _MAYBE_ADDRESS.search(text):
        text = _EMAIL.sub(_address, text)
        text = _URL.sub(_address, text)
    if _MAYBE_SHORT.search(text):
        text = _STREET.sub(_street, text)
        text = _TITLE.sub(lambda match: _TITLES[match["short"]], text)
        text = _PLAIN.sub(_short, text)
    return _DAY_RANGE.sub(lambda match: f"{_WEEKDAYS[match[1]]} to {_WEEKDAYS[match[2]]}", text)


def _address(match: re.Match[str]) -> str:
    return " ".join(_said(part) for part in _PART.findall(_SCHEME.sub("", match[0])))


def _said(part: str) -> str:
    if part.isdigit():
        return singly(part)
    if _SPELLED.fullmatch(part):
        return " ".join(part.upper())
    return _MARKS.get(part, part)


def _street(match: re.Match[str]) -> str:
    """`Main St. is` is a street; `Visit St. Mary` and `Ask Dr. Jones` are titles."""
    titled = match["short"] in _TITLES and match.string[match.end() :].lstrip()[:1].isupper()
    if titled or match["name"].strip() in _SENTENCE_STARTS:
        return match[0]
    stop = "." if match["end"] or match.end() == len(match.string) else ""
    return f"{match['name']}{_STREETS[match['short']]}{stop}{match['end']}"


def _short(match: re.Match[str]) -> str:
    """A full stop that also ends the text is kept."""
    ends = match.end() == len(match.string) and match["short"] not in _KEEPS_NO_STOP
    return f"{_SHORT[match['short']]}{'.' if ends else ''}{match['end']}"
