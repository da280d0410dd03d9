"""Numbers as people say them on the telephone, in American English and without hyphens, commas or "and"."""

from __future__ import annotations

import functools
import re
from typing import Final

from num2words import num2words

_DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LONGEST_QUANTITY = 15
"""Digits; nobody follows a larger number as a quantity."""
_COINS: Final = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "\u00a3": ("pound", "pounds", "penny", "pence"),
    "\u20ac": ("euro", "euros", "cent", "cents"),
}
CURRENCIES: Final = "".join(_COINS)
_HUNDRED = 100


@functools.lru_cache(maxsize=1024)
def cardinal(digits: str) -> str:
    """Say a whole number: `1,250` -> `one thousand two hundred fifty`. Leading zeros, or too many digits: singly."""
    plain = digits.replace(",", "")
    if len(plain) > _LONGEST_QUANTITY or (len(plain) > 1 and plain.startswith("0")):
        return singly(plain)
    return _plain(num2words(int(plain)))


@functools.lru_cache(maxsize=512)
def ordinal(number: int) -> str:
    """Say `25` as `twenty fifth`."""
    return _plain(num2words(number, to="ordinal"))


@functools.lru_cache(maxsize=512)
def year(number: int) -> str:
    """Say 1905 as `nineteen oh five`, 2005 as `two thousand five`, 2026 as `twenty twenty six`."""
    return _plain(num2words(number, to="year"))


def singly(digits: str) -> str:
    """Say digits one by one: `48213` -> `four eight two one three`."""
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def quantity(number: str) -> str:
    """Say a number with an optional sign, thousands commas and decimals: `-3.5` -> `minus three point five`."""
    sign = "minus " if number[0] in "-\u2212" else ""
    whole, point, decimals = number.lstrip("-\u2212").partition(".")
    return sign + cardinal(whole or "0") + (f" point {singly(decimals)}" if point else "")


def money(symbol: str, amount: str) -> str:
    """Say an amount, `1,250` or `14.50`, of the currency with this symbol."""
    one, many, hundredth, hundredths = _COINS[symbol]
    whole, _, part = amount.partition(".")
    cents = int(part or "0")
    count = whole.replace(",", "").lstrip("0") or "0"
    big = f"{cardinal(count)} {one if count == '1' else many}"
    if not cents:
        return big
    small = f"{cardinal(str(cents))} {hundredth if cents == 1 else hundredths}"
    return small if count == "0" else f"{big} and {small}"


def currency(symbol: str) -> str:
    """Name the currency with this symbol, in the plural."""
    return _COINS[symbol][1]


def decade(number: int) -> str:
    """Say 1990 as `nineteen nineties`."""
    words = year(number)
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}s"


def _plain(words: str) -> str:
    return re.sub(r"\band ", "", words.replace(",", "").replace("-", " "))
