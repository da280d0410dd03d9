"""`kill -9` of a worker in mid-call."""

from __future__ import annotations

import os
import signal

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import caller, eventually, worker_of
from voicebot.testing.speech import line


def test_the_next_call_is_answered_and_the_killed_one_is_on_record(start_bot: StartBot) -> None:
    bot = start_bot()
    with caller(bot) as phone:
        phone.say(line("hours_sunday"))
        bot.await_spoken(phone, "On Sunday we are open")
        killed = worker_of(bot)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: bool(bot.worker_pids()) and worker_of(bot) != killed, "another worker takes calls")
        journal = bot.journal(phone)
    assert journal.end is None
    assert "Sunday" in bot.heard(phone)
    with caller(bot) as next_phone:
        next_phone.say(line("shipping_express"))
        bot.await_spoken(next_phone, "Standard shipping")
    record, turns = bot.record(phone)
    assert (record.disposition, record.interrupted, len(turns)) == ("interrupted", True, 1)
    bot.record(next_phone)
    listed = bot.listed()
    assert [call["disposition"] for call in listed] == ["caller_hung_up", "interrupted"]
    assert all({"id", "started_at", "duration_ms", "disposition", "reason_code"} <= call.keys() for call in listed)
    assert bot.command("trace", record.id).returncode == 0
    assert bot.command("replay", record.id).returncode == 0
    bot.await_log("process died, starting it again")


@pytest.mark.slow
def test_a_bot_that_was_killed_whole_carries_its_calls_over_at_the_next_start(start_bot: StartBot) -> None:
    bot = start_bot()
    with caller(bot) as phone:
        bot.kill()
    bot.start()
    record, _ = bot.record(phone)
    assert record.disposition == "interrupted"
