"""Finds what must not be written down: card numbers, security codes, PINs, passwords, phone numbers, e-mail addresses.

Rules only, spoken and typed, well under a millisecond a turn. What a run of digits is depends on its length, on the
Luhn check (ISO/IEC 7812-1) and on the word before it; a number that nobody can place is hidden from seven digits on,
because half a card number looks like that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from voicebot.core.digits import DigitRun, digit_runs

_SUBJECT: Final = re.compile(
    r"(?P<CVV>\bcvv\b|\bcvc\b|\bcv two\b|\bc v v\b|security code|verification code)"
    r"|(?P<PIN>\bpin\b|\bpass ?code\b|\bpassword\b)"
    r"|(?P<SSN>\bsocial security\b|\bssn\b|\bmy social\b)"
    r"|(?P<CARD>\b(?:credit|debit|gift) card\b|\bcard(?: number)?\b|\bvisa\b|\bmaster ?card\b|\bamex\b)"
    r"|(?P<PHONE>\bphone\b|\bcell\b|\bmobile\b|\bcall me\b|\breach me\b|\btext me\b)"
    r"|(?P<OTHER>\border\b|\bticket\b|\binvoice\b|\btracking\b)",
    re.IGNORECASE,
)
_EMAIL: Final = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w'])(?:\w\.? ){0,30}\w+(?:(?: (?:dot|underscore|dash|hyphen|plus) |[.-])\w+)* at "
    r"(?:(?:\w ){0,30}\w+(?:(?: (?:dot|dash) |[.-])\w+)*(?: dot |\.)"
    r"(?:com|org|net|edu|gov|info|biz|co|uk|us|ca|de|io|me)"
    r"|(?!(?:the|a|an|my|your|our|this|that|no)\b)(?:\w ){0,30}\w+(?: \w+)? (?:com|org|edu|gov))\b",
    re.IGNORECASE,
)
"""Typed, spoken, or spoken without the last `dot`; then only with an ending that is hardly a word of its own."""
_BARE_ENDING: Final = re.compile(r"(?<! dot) (com|org|edu|gov)$")
_PASSWORD: Final = re.compile(
    r"\bpass ?(?:word|code|phrase)(?:,? (?:is|was|it's|it is|should be)\b)+[:,]? "
    r"(?P<secret>\w(?:[\w!#$%&*+./@^~-]*\w)?(?![\w'])"
    r"(?:,? (?:\w|\d+|zero|one|two|three|four|five|six|seven|eight|nine|double|triple|capital|upper ?case|lower ?case"
    r"|dot|dash|hyphen|underscore|plus|star|hash|at|exclamation mark)(?![\w']))*)",
    re.IGNORECASE,
)
"""The word after `password is`, and what spells its rest."""
_CLAUSE_ENDS: Final = re.compile(r"\s*(?:[.,;:!?]|$| (?:and|but|so|please|thanks|thank|okay|ok)\b)", re.IGNORECASE)
_SAID_OF_PASSWORDS: Final = re.compile(
    r"(?:accepted|broken|changed|correct|expired|fine|forgotten|gone|good|in|incorrect|invalid|it|locked|lost|missing|my"
    r"|new|no|not|old|on|refused|rejected|required|reset|right|safe|secret|strong|that|the|this|too|weak|what|working"
    r"|wrong|yes)\b",
    re.IGNORECASE,
)
"""Words that follow `password is` and are none."""
_DATE: Final = re.compile(r"(?:19|20)\d\d-[01]\d-[0-3]\d")

_CARD_LENGTHS: Final = range(13, 20)
_PHONE_LENGTHS: Final = range(10, 13)
_UNPLACED_LENGTH: Final = 7
_SUBJECT_LENGTHS: Final = {
    "CVV": range(3, 5),
    "PIN": range(3, 13),
    "SSN": range(4, 13),
    "CARD": range(4, 40),
    "PHONE": range(6, 40),
}


@dataclass(frozen=True, slots=True)
class Sensitive:
    """One thing to hide. `value` is normalised: digits only, an address without spaces."""

    kind: str
    value: str
    start: int
    end: int


def sensitive(text: str, subject: str = "", plain_lengths: Collection[int] = ()) -> tuple[Sensitive, ...]:
    """Return what must be hidden in a text, in order and without overlap.

    `subject` is what digits at the very beginning belong to (see `open_subject`). Runs as long as one of
    `plain_lengths`, such as the dialplan's order numbers, are left alone unless their subject says otherwise.
    """
    found = [Sensitive("EMAIL", _address(match.group()), *match.span()) for match in _EMAIL.finditer(text)]
    addresses = tuple(found)
    found += [one for one in _passwords(text) if not any(one.start < each.end for each in addresses)]
    taken = [(one.start, one.end) for one in found] + [match.span() for match in _DATE.finditer(text)]
    subjects = [(match.start(), match.lastgroup or "") for match in _SUBJECT.finditer(text)]
    for run in digit_runs(text):
        if not any(start < run.end and run.start < end for start, end in taken):
            kind = _kind(run, _subject_of(run, subjects, subject), plain_lengths)
            if kind:
                found.append(Sensitive(kind, run.digits, run.start, run.end))
    return tuple(sorted(found, key=lambda one: one.start))


def open_subject(text: str) -> str | None:
    """Return the subject that a text ends with when its digits are still to come: `my pin is` gives PIN.

    An empty one: the digits are there already. None: the text names no subject.
    """
    subjects = list(_SUBJECT.finditer(text))
    if not subjects:
        return None
    last = subjects[-1]
    if any(run.start > last.start() for run in digit_runs(text)):
        return ""
    return last.lastgroup


def luhn_valid(digits: str) -> bool:
    """Check the digit that ends every card number (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (1 + position % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the digits of a doubled value are added
    return total % 10 == 0


def _subject_of(run: DigitRun, subjects: list[tuple[int, str]], carried: str) -> str:
    before = [name for start, name in subjects if start < run.start]
    if before:
        return before[-1]
    after = [name for _, name in subjects]
    return carried or (after[0] if after else "")


def _kind(run: DigitRun, subject: str, plain_lengths: Collection[int]) -> str:
    length = len(run.digits)
    if length in _CARD_LENGTHS and luhn_valid(run.digits):
        return "CARD"
    if length in _SUBJECT_LENGTHS.get(subject, ()):
        return subject
    if length in plain_lengths:
        return ""
    if length in _PHONE_LENGTHS:
        return "PHONE"
    return "NUMBER" if length >= _UNPLACED_LENGTH else ""


def _passwords(text: str) -> Iterator[Sensitive]:
    """Find passwords that are not digits alone. A plain word must end its clause: anything may follow the `is`."""
    for match in _PASSWORD.finditer(text):
        secret, (start, end) = match["secret"], match.span("secret")
        if _SAID_OF_PASSWORDS.match(secret) or any(run.end - run.start == len(secret) for run in digit_runs(secret)):
            continue
        spelled = any(character.isdecimal() or character == " " for character in secret)
        if spelled or _CLAUSE_ENDS.match(text, end):
            yield Sensitive("PASSWORD", secret, start, end)


def _address(text: str) -> str:
    return "".join(_address_parts(_BARE_ENDING.sub(r".\1", text.lower())))


def _address_parts(text: str) -> Iterator[str]:
    signs = {"dot": ".", "underscore": "_", "dash": "-", "hyphen": "-", "plus": "+", "at": "@"}
    for word in text.split():
        yield signs.get(word, word.removesuffix("."))
