"""Beyond the capacity every caller hears why and when to come back, however many call at once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.sip.conftest import EchoBot, RawCaller
from voicebot.core.events import CallAnswered, CallEnded
from voicebot.sip.legs import Refuse
from voicebot.sip.library import SipStartFailed


@pytest.fixture(scope="module")
def bot(start_bot: Callable[..., EchoBot]) -> EchoBot:
    return start_bot(max_calls=3, retry_after_s=9)


def test_every_simultaneous_call_beyond_three_gets_503_with_retry_after(
    bot: EchoBot, raw_caller: Callable[[int], RawCaller]
) -> None:
    switchboard = bot.fresh()
    admitted = [raw_caller(bot.agent.port) for _ in range(3)]
    for number, caller in enumerate(admitted, 1):
        caller.call()
        switchboard.wait_for_leg(number).wait_for(CallAnswered)
    for _ in range(2):
        refused = [raw_caller(bot.agent.port) for _ in range(6)]
        for caller in refused:
            caller.send("INVITE", 1, body=caller.sdp())
        answers = [caller.response() for caller in refused]
        assert {answer.split("\r\n", 1)[0] for answer in answers} == {"SIP/2.0 503 Service Unavailable"}
        assert all("Retry-After: 9" in answer for answer in answers)
    assert len(switchboard.legs) == 3
    assert all(len(leg.news) == 1 for leg in switchboard.legs)
    for number, caller in enumerate(admitted, 1):
        caller.hang_up()
        switchboard.wait_for_leg(number).wait_for(CallEnded)


def test_a_flood_of_invites_is_slowed_down_and_every_one_answered(
    bot: EchoBot, raw_caller: Callable[[int], RawCaller]
) -> None:
    switchboard = bot.fresh()
    switchboard.decide = lambda _call: Refuse(503, "Service Unavailable", 1)
    callers = [raw_caller(bot.agent.port) for _ in range(60)]
    for caller in callers:
        caller.send("INVITE", 1, body=caller.sdp())
    for caller in callers:
        assert caller.response().startswith("SIP/2.0 503")
    assert bot.agent.invites_paced > 0
    assert bot.agent.running


def test_a_freed_slot_takes_the_next_call(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    switchboard = bot.fresh()
    for number in range(1, 9):
        caller = raw_caller(bot.agent.port)
        assert caller.call().startswith("SIP/2.0 200")
        caller.hang_up()
        switchboard.wait_for_leg(number).wait_for(CallEnded)


@pytest.mark.peers
def test_sipp_understands_the_refusal(
    bot: EchoBot, sipp: Callable[..., subprocess.CompletedProcess[str]], raw_caller: Callable[[int], RawCaller]
) -> None:
    switchboard = bot.fresh()
    admitted = [raw_caller(bot.agent.port) for _ in range(3)]
    for caller in admitted:
        caller.call()
    sipp("over_capacity", bot.agent.port)
    for number, caller in enumerate(admitted, 1):
        caller.hang_up()
        switchboard.wait_for_leg(number).wait_for(CallEnded)


def test_more_calls_than_the_library_holds_is_an_error_that_names_the_limit(start_bot: Callable[..., EchoBot]) -> None:
    with pytest.raises(SipStartFailed, match=r"sip\.max_calls is 5000, but this build of pjsip holds \d+ calls"):
        start_bot(max_calls=5_000)
