"""Going away: running calls finish, new ones are refused, nobody waits for ever."""

from __future__ import annotations

import signal

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, eventually
from voicebot.testing.phone import CallFailed, Phone
from voicebot.testing.speech import line


def refused(bot: Bot) -> CallFailed:
    with Phone() as late, pytest.raises(CallFailed) as failed:
        bot.dial(late)
    return failed.value


def test_sigterm_lets_a_call_finish_and_refuses_new_ones(start_bot: StartBot) -> None:
    bot = start_bot(VOICEBOT_DRAIN__LIMIT_S="60")
    with caller(bot) as phone:
        bot.signal(signal.SIGTERM)
        eventually(lambda: bot.get("/ready").status == 503, "/ready says 503")
        assert bot.get("/ready").headers["Retry-After"]
        assert bot.get("/live").status == 200
        assert refused(bot).code == 503
        phone.say(line("hours_sunday"))
        bot.await_spoken(phone, "On Sunday we are open")
        phone.wait_bot_quiet(500)
        phone.hang_up()
    assert bot.wait() == 0
    record, turns = bot.record(phone)
    assert (record.disposition, len(turns)) == ("caller_hung_up", 1)


def test_voicebot_drain_says_goodbye_at_the_limit(start_bot: StartBot) -> None:
    bot = start_bot(VOICEBOT_DRAIN__LIMIT_S="2")
    with caller(bot) as phone:
        done = bot.command("drain")
        assert done.returncode == 0, done.stderr
        assert "running calls get 2 s" in done.stdout, "the bot's own limit, not the one of this command"
        assert phone.wait_ended(20_000)
        assert phone.ended_by_peer
        assert any("Goodbye" in text for text in bot.began(phone))
    assert bot.wait() == 0
    record, _ = bot.record(phone)
    assert record.disposition == "drained"
    assert bot.command("drain").returncode == 1
