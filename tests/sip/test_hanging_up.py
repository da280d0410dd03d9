"""A call that ends while its audio flows: the library's clock may be inside the bot's audio port at that instant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sip.conftest import EchoBot, RawCaller
from voicebot.core.events import CallAnswered, CallEnded, EndCause
from voicebot.testing.echo import EchoLeg

CALLS = 60


@pytest.fixture(scope="module")
def bot(start_bot: Callable[..., EchoBot]) -> EchoBot:
    return start_bot()


def test_calls_that_end_in_mid_frame_leave_their_port_to_the_next(
    bot: EchoBot, raw_caller: Callable[[int], RawCaller]
) -> None:
    owners: list[EchoLeg] = []
    for number in range(CALLS):
        switchboard = bot.fresh()
        caller = raw_caller(bot.agent.port)
        caller.call()
        leg = switchboard.wait_for_leg()
        leg.wait_for(CallAnswered)
        # The bot's packets carry the rhythm of the clock: hang up at another phase of it each time.
        for _ in range(1 + number % 3):
            caller.speak()
            caller.rtp.recv(2048)
        caller.hang_up()
        assert leg.wait_for(CallEnded)[0].cause is EndCause.CALLER_HUNG_UP
        owners.append(leg)
    assert bot.agent.running
    frames = [leg.loop.heard for leg in owners]
    last = raw_caller(bot.agent.port)
    bot.fresh()
    last.call()
    bot.switchboard.wait_for_leg().wait_for(CallAnswered)
    for _ in range(5):
        last.speak()
        last.rtp.recv(2048)
    last.hang_up()
    assert [leg.loop.heard for leg in owners] == frames, "an earlier owner heard a later caller"
