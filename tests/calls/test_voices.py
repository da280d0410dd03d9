"""Whole calls in voices that no part of the bot made: understood, answered, on record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.calls.scene import Bot, caller, levelled, rendered
from voicebot.testing.phone import AgentPhone
from voicebot.testing.speech import Pcm, to_line_rate

pytestmark = pytest.mark.peers

DIGITS = Path("/usr/share/pocketsphinx/test/data/tidigits/dhd.2934z.raw")
"""A man who says "two nine three four zero", recorded for TIDIGITS at 16 kHz."""


def two_questions(bot: Bot, first: Pcm, first_answer: str, second: Pcm, second_answer: str) -> None:
    """Ask twice and demand both answers, on the wire and on record."""
    with caller(bot) as phone:
        for question, answer in ((first, first_answer), (second, second_answer)):
            phone.say(question)
            bot.await_spoken(phone, answer)
            assert phone.wait_bot_quiet(700)
        phone.hang_up()
        on_wire = phone.turns()
    record, turns = bot.record(phone)
    assert record.disposition == "caller_hung_up"
    assert [first_answer in turns[0].bot_text, second_answer in turns[1].bot_text] == [True, True]
    assert all(turn.silence_ms is not None for turn in on_wire)
    assert all(turn.silence_ms is not None for turn in turns)


def test_three_callers_at_a_time_are_understood(bot: Bot, tmp_path: Path) -> None:
    def flite(voice: str, text: str) -> Pcm:
        return rendered("flite", voice, text, tmp_path)

    sunday, shipping = "On Sunday we are open", "Standard shipping is"
    calls = (
        (
            flite("slt", "What are your opening hours on Sunday?"),
            sunday,
            flite("slt", "What is your address?"),
            "12 Harbor Lane",
        ),
        (
            flite("awb", "How much does express shipping cost?"),
            shipping,
            flite("awb", "What are your opening hours on Sunday?"),
            sunday,
        ),
        (
            flite("rms", "What is your address?"),
            "12 Harbor Lane",
            flite("rms", "How much does express shipping cost?"),
            shipping,
        ),
    )
    with ThreadPoolExecutor(len(calls)) as people:
        for call in [people.submit(two_questions, bot, *call) for call in calls]:
            call.result()


def test_a_recorded_human_reads_an_order_number(bot: Bot, tmp_path: Path) -> None:
    if not DIGITS.exists():
        pytest.skip("recordings are missing: apt install pocketsphinx-testdata")
    digits = levelled(to_line_rate(np.fromfile(DIGITS, dtype="<i2"), 16_000))
    with caller(bot) as phone:
        phone.say(rendered("flite", "rms", "Where is my order?", tmp_path))
        bot.await_spoken(phone, "What is the order number?")
        assert phone.wait_bot_quiet(500)
        phone.say(digits)
        bot.await_spoken(phone, "two, nine, three, four, zero")


def test_a_synthetic_voice_is_put_through_to_a_person(bot: Bot, agent: AgentPhone, tmp_path: Path) -> None:
    with caller(bot) as phone:
        phone.say(rendered("espeak-ng", "en-us", "I want to speak to a human.", tmp_path))
        transfer = phone.wait_transferred(20_000)
        assert transfer is not None
        assert transfer.code == 200
        assert agent.wait_call() is not None
        record, _ = bot.record(phone)
    assert (record.disposition, record.reason_code) == ("transferred", "CALLER_ASKED")
