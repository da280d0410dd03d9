"""The calls of the memory benchmark: short, and of every kind that callers make."""

from __future__ import annotations

import time
from collections.abc import Callable

from voicebot.testing.phone import CallFailed, Phone
from voicebot.testing.speech import line

ANSWER_TIMEOUT_MS = 6_000
_RING_S = 0.05
_LISTEN_MS = 300

Call = Callable[[Phone], None]


def script(number: int) -> tuple[str, Call]:
    """Return what call number `number`, counted from 1, does: one in fifty is transferred, one in five has a turn."""
    if number % 50 == 0:
        return "transferred", _transferred
    if number % 5 == 0:
        return _TURNS[number // 5 % len(_TURNS)]
    return _BRIEF[number % len(_BRIEF)]


def place(phone: Phone, uri: str, call: Call) -> None:
    """Dial and follow the script; whatever the bot does, hang up in the end. Raises CallFailed."""
    phone.dial(uri)
    if call is _cancelled:
        time.sleep(_RING_S)
        return
    phone.wait_answered()
    call(phone)


def _greeted(phone: Phone) -> None:
    """Listen to the beginning of the greeting, and hang up."""
    began_ms = phone.wait_bot_speaks(0.0, ANSWER_TIMEOUT_MS)
    if began_ms is None:
        raise CallFailed(0, "the bot did not speak")
    phone.wait_bot_speaks(began_ms + _LISTEN_MS, ANSWER_TIMEOUT_MS)


def _silent(_phone: Phone) -> None:
    """Hang up as soon as the bot has answered."""


def _cancelled(_phone: Phone) -> None:
    """Hang up while it rings: what `place` does by itself."""


def _asks(name: str) -> Call:
    """Ask over the greeting, and hang up when the answer has begun."""

    def ask(phone: Phone) -> None:
        _greeted(phone)
        end_ms = phone.say(line(name)).end_ms
        phone.wait_bot_quiet(300, ANSWER_TIMEOUT_MS)
        began_ms = phone.wait_bot_speaks(end_ms + 300, ANSWER_TIMEOUT_MS)
        if began_ms is None:
            raise CallFailed(0, f"no answer to {name}")
        phone.wait_bot_speaks(began_ms + _LISTEN_MS, ANSWER_TIMEOUT_MS)

    return ask


def _interrupts(phone: Phone) -> None:
    """Ask, and ask something else into the answer."""
    _asks("hours_saturday")(phone)
    _asks("shipping_express")(phone)


def _types(phone: Phone) -> None:
    """Press keys, and hear what they led to."""
    _greeted(phone)
    phone.press("48213#")
    _greeted(phone)


def _holds(phone: Phone) -> None:
    """Put the bot on hold, and take it back."""
    _greeted(phone)
    phone.hold()
    phone.wait_media_changed()
    phone.unhold()
    phone.wait_media_changed()
    _greeted(phone)


def _asks_options(phone: Phone) -> None:
    """Ask by OPTIONS whether the call still lives, as session border controllers do."""
    _greeted(phone)
    phone.options()


def _transferred(phone: Phone) -> None:
    """Ask for a person, and be handed over."""
    _greeted(phone)
    phone.say(line("person"))
    if phone.wait_transferred(20_000) is None:
        raise CallFailed(0, "no transfer came")


_TURNS: tuple[tuple[str, Call], ...] = (
    ("asks for hours", _asks("hours_sunday")),
    ("asks for shipping", _asks("shipping_express")),
    ("asks for an order", _asks("order_48213")),
    ("interrupts", _interrupts),
)
_BRIEF: tuple[tuple[str, Call], ...] = (
    ("hangs up in the greeting", _greeted),
    ("cancels", _cancelled),
    ("hangs up in the greeting", _greeted),
    ("types", _types),
    ("hangs up at once", _silent),
    ("hangs up in the greeting", _greeted),
    ("holds", _holds),
    ("sends OPTIONS", _asks_options),
    ("hangs up in the greeting", _greeted),
)
