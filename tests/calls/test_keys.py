"""Keys and numbers: typed orders are understood, card numbers are kept nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.calls.scene import Bot, caller, rendered
from voicebot.testing.speech import line

CARD = "4111111111111111"
SPOKEN_CARD = "four one one one, one one one one, one one one one, one one one one"


@pytest.mark.parametrize("by_info", [False, True], ids=["rfc4733", "info"])
def test_an_order_number_is_typed(bot: Bot, *, by_info: bool) -> None:
    with caller(bot) as phone:
        phone.say(line("shipping_express"))
        bot.await_spoken(phone, "Standard shipping")
        phone.press("48213", by_info=by_info)
        bot.await_spoken(phone, "four, eight, two, one, three")


@pytest.mark.peers
def test_a_card_number_is_kept_nowhere(bot: Bot, tmp_path: Path) -> None:
    with caller(bot) as phone:
        phone.press(f"{CARD}#")
        assert phone.wait_bot_speaks() is not None
        phone.say(rendered("flite", "rms", f"My card number is {SPOKEN_CARD}.", tmp_path))
        assert phone.wait_bot_speaks() is not None
        phone.wait_bot_quiet(500)
        phone.hang_up()
        bot.record(phone)
    assert "[CARD#1]" in bot.journal(phone).path.read_text()
    kept = [path for path in bot.data_dir.rglob("*") if path.is_file()]
    assert bot.log in kept
    for path in kept:
        digits = "".join(character for character in path.read_text("latin-1") if character not in " ,.-")
        assert CARD not in digits, path
        assert "oneoneoneone" not in digits.lower(), path
