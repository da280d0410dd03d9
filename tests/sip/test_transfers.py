"""What becomes of a REFER, told by a peer that behaves, and by peers that do not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sip.conftest import EchoBot
from voicebot.core.events import CallAnswered, CallEnded, EndCause, TransferReport, TransferReported
from voicebot.sip.legs import LegNews

Sipp = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.peers

RESPONSE, NOTIFY, TERMINATED = TransferReport.RESPONSE, TransferReport.NOTIFY, TransferReport.TERMINATED


@pytest.fixture(scope="module")
def bot(start_bot: Callable[..., EchoBot]) -> EchoBot:
    return start_bot()


def transfer(bot: EchoBot, sipp: Sipp, scenario: str, **keys: str) -> tuple[list[LegNews], str]:
    switchboard = bot.fresh()
    with ThreadPoolExecutor(1) as peers:
        peer = peers.submit(sipp, scenario, bot.agent.port, keys=keys)
        leg = switchboard.wait_for_leg()
        leg.wait_for(CallAnswered)
        headers = (("User-to-User", "48656c6c6f;encoding=hex"), ("X-Handoff-Packet-Id", "p1"))
        bot.agent.refer(leg.call.leg, 7, "sip:queue@127.0.0.1:9", headers)
        leg.wait_for(CallEnded)
        traces = peer.result().stdout
    return leg.news[1:], traces


def reports(*pairs: tuple[TransferReport, int]) -> list[LegNews]:
    return [TransferReported(7, report, code) for report, code in pairs]


def test_a_transfer_that_succeeds_ends_the_leg_as_transferred(bot: EchoBot, sipp: Sipp) -> None:
    news, traces = transfer(bot, sipp, "refer", fragment="SIP/2.0 200 OK")
    assert news == [
        *reports((RESPONSE, 202), (NOTIFY, 100), (NOTIFY, 200)),
        CallEnded(EndCause.TRANSFERRED, 200),
    ]
    assert "Refer-To: <sip:queue@127.0.0.1:9>" in traces or "Refer-To: sip:queue@127.0.0.1:9" in traces
    assert "User-to-User: 48656c6c6f;encoding=hex" in traces
    assert "X-Handoff-Packet-Id: p1" in traces


@pytest.mark.parametrize(
    ("state", "fragment", "outcome"),
    [
        ("terminated;reason=noresource", "SIP/2.0 486 Busy Here", reports((NOTIFY, 486))),
        ("terminated;reason=noresource", "SIP/2.0 503 Service Unavailable", reports((NOTIFY, 503))),
        ("terminated;reason=noresource", "this is no sipfrag", reports((NOTIFY, 0), (TERMINATED, 0))),
        ("terminated;reason=timeout", "SIP/2.0 100 Trying", reports((NOTIFY, 100), (TERMINATED, 100))),
        ("active;expires=30", "SIP/2.0 180 Ringing", reports((NOTIFY, 180))),
    ],
)
def test_a_transfer_that_fails_leaves_the_caller_with_the_bot(
    bot: EchoBot, sipp: Sipp, state: str, fragment: str, outcome: list[LegNews]
) -> None:
    news, _ = transfer(bot, sipp, "refer_failed", state=state, fragment=fragment)
    assert news == [*reports((RESPONSE, 202), (NOTIFY, 100)), *outcome, CallEnded(EndCause.CALLER_HUNG_UP, 200)]


def test_a_refused_refer_is_reported_as_such(bot: EchoBot, sipp: Sipp) -> None:
    news, _ = transfer(bot, sipp, "refer_refused")
    assert news == [*reports((RESPONSE, 405)), CallEnded(EndCause.CALLER_HUNG_UP, 200)]


def test_acceptance_alone_is_no_success(bot: EchoBot, sipp: Sipp) -> None:
    news, _ = transfer(bot, sipp, "refer_silent")
    assert news == [*reports((RESPONSE, 202)), CallEnded(EndCause.CALLER_HUNG_UP, 200)]
