"""Keys and numbers: typed orders are understood, card numbers are kept nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, rendered
from voicebot.core.events import DtmfEntered, KeyPressed
from voicebot.core.policy import Dtmf
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


def test_a_key_of_the_menu_waits_for_no_other(bot: Bot) -> None:
    with caller(bot) as phone:
        phone.press("1")
        bot.await_spoken(phone, "Our hours are as follows")
    pressed = next(step.now_ms for step in bot.steps(phone) if isinstance(step.event, KeyPressed))
    entered = next(step.now_ms for step in bot.steps(phone) if isinstance(step.event, DtmfEntered))
    assert entered - pressed < Dtmf().settled_ms, "a run of keys would have been waited for"


def test_keys_typed_ahead_answer_their_questions_in_order(start_bot: StartBot) -> None:
    shirts = {
        "slots": {
            "size": {"kind": "choice", "choices": {"large": ["large"], "small": ["small"]}, "prompt": "Which size?"},
            "sure": {"kind": "yes_no", "prompt": "Are you sure?"},
        },
        "intents": {
            "shirt": {
                "examples": ["I would like a shirt"],
                "slots": ["size", "sure"],
                "answers": {"default": "You get a {size} one, {sure}."},
            }
        },
        "menu": {"7": "shirt"},
    }
    bot = start_bot(shirts)
    with caller(bot) as phone:
        phone.press("721")
        bot.await_spoken(phone, "You get a small one, yes.")


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
