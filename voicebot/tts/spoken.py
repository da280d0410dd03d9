"""Written text as a person would read it out on the telephone, in American English.

Applied to every text just before it is synthesised: engines differ in what they make of `9:30` or `AB-48213`, and most
read an order number as a quantity. Transcripts keep what was written. No digit is left, the rules run until
nothing changes, and what none knows stays as it is: `spoken(spoken(text)) == spoken(text)`.
"""

from __future__ import annotations

import re
from typing import Final

from voicebot.tts.number_words import CURRENCIES, cardinal, currency, money, ordinal, quantity, singly
from voicebot.tts.spoken_names import names
from voicebot.tts.spoken_times import times

_UNITS: Final = {
    "kg": ("kilogram", "kilograms"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "ml": ("milliliter", "milliliters"),
    "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ft": ("foot", "feet"),
    "mi": ("mile", "miles"),
    "mph": ("mile per hour", "miles per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "min": ("minute", "minutes"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "GB": ("gigabyte", "gigabytes"),
    "MB": ("megabyte", "megabytes"),
    "\u00b0C": ("degree Celsius", "degrees Celsius"),
    "\u00b0F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "\u00b0": ("degree", "degrees"),
    "%": ("percent", "percent"),
}
_CODES: Final = {"USD": "$", "EUR": "\u20ac", "GBP": "\u00a3"}
_PHONE_DIGITS = 7
_SPELLED_LETTERS = 3
"""A longer run of letters in a code is a word."""
_LONGEST_COUNT = 3
"""A bare number of more digits is read singly: it names something more often than it counts."""
_PASSES = 4
"""A word that a rule leaves may complete what another one knows, where texts run into each other."""

_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_AMOUNT = r"(?P<amount>(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]{2})?(?![0-9]|[.,][0-9]))"
_SIGN = r"(?P<sign>(?<![\w)])[-\u2212])?"
_NAMED = r"number|order|account|extension|code|pin|reference|ticket|room|flight|zip|tracking|invoice|case"
_COUNTED = (
    "people|persons|customers|dollars|euros|pounds|cents|items|pieces|units|miles|points|words|calls|orders|years|days"
    "|hours|minutes|seconds|steps|copies|reviews|stores|employees|meters|kilometers|square|million|billion|thousand"
)

_DIGIT: Final = re.compile(r"[0-9]")
_DIGIT_RUN: Final = re.compile(r"[0-9]+")
_LARGE_MONEY: Final = re.compile(
    rf"{_SIGN}(?P<symbol>[{CURRENCIES}])\s?(?P<number>{_NUMBER})\s?(?P<power>thousand|million|billion|k|m|bn)\b",
    re.IGNORECASE,
)
_POWERS: Final = {"k": "thousand", "m": "million", "bn": "billion"}
_MONEY: Final = re.compile(rf"{_SIGN}(?P<symbol>[{CURRENCIES}])\s?{_AMOUNT}")
_MONEY_AFTER: Final = re.compile(
    rf"(?<![\w.,]){_AMOUNT}\s?(?:(?P<symbol>[{CURRENCIES}])|(?P<code>{'|'.join(_CODES)})\b)"
)
_MONEY_CODE: Final = re.compile(rf"\b(?P<code>{'|'.join(_CODES)})\s?{_AMOUNT}")
_PER: Final = re.compile(r"(?<=[a-z])\s?/\s?(?=(?:hour|day|night|week|month|year|person|item|kilogram|minute)s?\b)")
_UNIT: Final = re.compile(
    rf"(?<![\w.,:/]){_SIGN}(?P<number>{_NUMBER})\s?"
    rf"(?P<unit>{'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![\w/])"
)
_PHONE: Final = re.compile(
    r"(?<![\w.,:/-])(?P<plus>\+)?"
    r"(?P<groups>(?:[0-9]{1,4}[ .-])?(?:\([0-9]{2,4}\)[ .-]?)?[0-9]{2,4}(?:[ .-][0-9]{2,4}){1,4})"
    r"(?![\w/]|[.,:-][0-9])"
)
_ORDINAL: Final = re.compile(r"(?<![\w.,])(?P<number>[0-9]{1,3}(?:,[0-9]{3})*|[0-9]+)(?:st|nd|rd|th)\b")
_LABEL: Final = re.compile(r"(?P<named>\bnumber\s+)?(?:#\s?|\bNo\.\s?|\bno\.\s)(?=[A-Z]{0,3}-?[0-9])")
_REFERENCE: Final = re.compile(
    rf"(?P<named>\b(?:{_NAMED})s?(?:\s+(?:is|number|code))*:?\s+)(?P<digits>[0-9]{{3,}})(?!\w|[.,:]?[0-9]|\s?%)",
    re.IGNORECASE,
)
_COUNT: Final = re.compile(rf"(?<![\w.,:/#-])(?P<number>[0-9]+)(?=\s+(?:{_COUNTED})\b)", re.IGNORECASE)
_CODE: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:(?=[A-Z-]*[0-9])(?=[0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*"
    r"|(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]+)(?![A-Za-z0-9])"
)
_RUN: Final = re.compile(r"[A-Za-z]+|[0-9]+|-")
_DOTTED: Final = re.compile(r"(?<![0-9.])[0-9]+(?:\.[0-9]+){2,}(?![0-9])")
_QUANTITY: Final = re.compile(
    r"(?:(?<![\w)\]-])(?P<sign>[-\u2212]))?(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?"
    r"|[0-9]+\.[0-9]+|[0-9]+)"
)
_TOUCHING: Final = re.compile(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])", re.IGNORECASE)


def spoken(text: str) -> str:
    """Return `text` in words. Takes some 0.2 ms for a sentence with numbers."""
    for _ in range(_PASSES):
        said = names(text)
        if _DIGIT.search(said):
            said = _numbers(said)
        if said == text:
            break
        text = said
    return text


def _numbers(text: str) -> str:
    text = times(text)
    text = _LARGE_MONEY.sub(_large_money, text)
    for pattern in (_MONEY, _MONEY_AFTER, _MONEY_CODE):
        text = pattern.sub(_money, text)
    text = _UNIT.sub(_unit, text)
    text = _PER.sub(" per ", text)
    text = _ORDINAL.sub(lambda match: ordinal(int(match["number"].replace(",", ""))), text)
    text = _PHONE.sub(_phone, text)
    text = _LABEL.sub(lambda match: match["named"] or "number ", text)
    text = _REFERENCE.sub(lambda match: match["named"] + singly(match["digits"]), text)
    text = _COUNT.sub(lambda match: cardinal(match["number"]), text)
    text = _CODE.sub(_code, text)
    text = _DOTTED.sub(lambda match: " dot ".join(singly(part) for part in match[0].split(".")), text)
    text = _TOUCHING.sub(" ", text)
    return _QUANTITY.sub(_quantity, text)


def _minus(match: re.Match[str]) -> str:
    return "minus " if match["sign"] else ""


def _large_money(match: re.Match[str]) -> str:
    power = match["power"].lower()
    return f"{_minus(match)}{quantity(match['number'])} {_POWERS.get(power, power)} {currency(match['symbol'])}"


def _money(match: re.Match[str]) -> str:
    found = match.groupdict()
    symbol = found.get("symbol") or _CODES[found["code"]]
    return ("minus " if found.get("sign") else "") + money(symbol, match["amount"])


def _unit(match: re.Match[str]) -> str:
    one, many = _UNITS[match["unit"]]
    return f"{_minus(match)}{quantity(match['number'])} {one if match['number'] == '1' else many}"


def _phone(match: re.Match[str]) -> str:
    groups = _DIGIT_RUN.findall(match["groups"])
    if sum(map(len, groups)) < _PHONE_DIGITS:
        return match[0]
    return ("plus " if match["plus"] else "") + ", ".join(map(singly, groups))


def _code(match: re.Match[str]) -> str:
    """Spell a code; a word with a small number after it (`COVID-19`) is none."""
    runs = [run for run in _RUN.findall(match[0]) if run != "-"]
    spelled = all(len(run) <= _SPELLED_LETTERS or run.isdigit() for run in runs)
    return " ".join(_run(run, counts=not spelled and len(run) <= _LONGEST_COUNT - 1) for run in runs)


def _run(run: str, *, counts: bool) -> str:
    if run.isdigit():
        return cardinal(run) if counts else singly(run)
    return " ".join(run.upper()) if len(run) <= _SPELLED_LETTERS else run


def _quantity(match: re.Match[str]) -> str:
    number = match["number"]
    if number.isdigit() and len(number) > _LONGEST_COUNT:
        return _minus(match) + singly(number)
    return _minus(match) + quantity(number)
