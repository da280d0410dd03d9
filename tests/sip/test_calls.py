"""One call at a time, against sipp and a caller of bare sockets."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable

import pytest

from tests.sip.conftest import EchoBot, RawCaller
from voicebot.core.events import CallAnswered, CallEnded, EndCause, MediaChanged, MediaState
from voicebot.sip.legs import DtmfDigit, DtmfMethod, Refuse

Sipp = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def module_bot(start_bot: Callable[..., EchoBot]) -> EchoBot:
    return start_bot()


@pytest.fixture
def bot(module_bot: EchoBot) -> EchoBot:
    module_bot.fresh()
    return module_bot


@pytest.mark.peers
@pytest.mark.parametrize(
    ("formats", "codec", "transport"),
    [("0 101", "PCMU", "u1"), ("8 101", "PCMA", "u1"), ("9 101", "G722", "u1"), ("0 101", "PCMU", "t1")],
)
def test_a_call_is_answered_and_ends_with_the_callers_bye(
    bot: EchoBot, sipp: Sipp, formats: str, codec: str, transport: str
) -> None:
    sipp("answer_bye", bot.agent.port, "-t", transport, keys={"formats": formats})
    leg = bot.switchboard.wait_for_leg()
    leg.wait_for(CallEnded)
    assert leg.news == [CallAnswered(codec), CallEnded(EndCause.CALLER_HUNG_UP, 200)]
    assert (leg.call.caller, leg.call.called) == ("caller", "bot")
    assert leg.call.transport == {"u1": "UDP", "t1": "TCP"}[transport]


@pytest.mark.peers
def test_a_caller_who_gives_up_is_cancelled(bot: EchoBot, sipp: Sipp) -> None:
    bot.switchboard.answer = lambda _leg: None
    sipp("cancel", bot.agent.port)
    leg = bot.switchboard.wait_for_leg()
    leg.wait_for(CallEnded)
    assert leg.news == [CallEnded(EndCause.CANCELLED, 487)]


@pytest.mark.peers
def test_hold_and_unhold(bot: EchoBot, sipp: Sipp) -> None:
    sipp("hold", bot.agent.port)
    leg = bot.switchboard.wait_for_leg()
    leg.wait_for(CallEnded)
    changes = [news.media for news in leg.wait_for(MediaChanged)]
    assert changes == [MediaState.HELD, MediaState.FLOWING]


@pytest.mark.peers
def test_dtmf_by_info(bot: EchoBot, sipp: Sipp) -> None:
    sipp("dtmf_info", bot.agent.port)
    digits = bot.switchboard.wait_for_leg().wait_for(DtmfDigit, count=2)
    assert digits == [DtmfDigit("4", DtmfMethod.INFO), DtmfDigit("#", DtmfMethod.INFO)]


@pytest.mark.peers
def test_no_common_codec_is_refused_with_488(bot: EchoBot, sipp: Sipp) -> None:
    sipp("codec_refused", bot.agent.port)
    assert not bot.switchboard.legs


@pytest.mark.peers
def test_options_is_answered_for_strangers(bot: EchoBot, sipp: Sipp) -> None:
    sipp("options", bot.agent.port)


@pytest.mark.peers
def test_a_caller_cannot_send_the_bot_elsewhere(bot: EchoBot, sipp: Sipp) -> None:
    sipp("stranger_refer", bot.agent.port)
    bot.switchboard.wait_for_leg().wait_for(CallEnded)


def test_dtmf_by_rfc4733(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    caller = raw_caller(bot.agent.port)
    caller.call()
    leg = bot.switchboard.wait_for_leg()
    for event in (5, 11):
        for packet in range(6):
            # RFC 4733, 2.3: the end bit from the fourth packet on, and a duration that grows.
            payload = struct.pack(">BBH", event, 0x8A if packet >= 3 else 0x0A, min(packet + 1, 4) * 160)
            header = struct.pack(
                ">BBHII", 0x80, 101 | (0x80 if packet == 0 else 0), event * 10 + packet, event * 8000, 7
            )
            caller.rtp.sendto(header + payload, caller.remote_rtp)
    assert leg.wait_for(DtmfDigit, count=2) == [
        DtmfDigit("5", DtmfMethod.RFC4733),
        DtmfDigit("#", DtmfMethod.RFC4733),
    ]
    caller.hang_up()


def test_what_the_caller_says_comes_back(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    caller = raw_caller(bot.agent.port)
    caller.call()
    for _ in range(500):
        caller.speak()
        packet = caller.rtp.recv(2048)
        if len(set(packet[12:])) > 1:
            break
    else:
        pytest.fail("only silence came back")
    assert bot.switchboard.wait_for_leg().loop.heard > 0
    caller.hang_up()


def test_the_bot_hangs_up(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    caller = raw_caller(bot.agent.port)
    caller.call()
    leg = bot.switchboard.wait_for_leg()
    leg.wait_for(CallAnswered)
    bot.agent.hangup(leg.call.leg)
    request = caller.sip.recv(65_535).decode()
    assert request.startswith("BYE ")
    echoed = "".join(
        f"{line}\r\n"
        for line in request.split("\r\n")
        if line.split(":")[0] in {"Via", "From", "To", "Call-ID", "CSeq"}
    )
    caller.sip.sendto(f"SIP/2.0 200 OK\r\n{echoed}Content-Length: 0\r\n\r\n".encode(), caller.bot)
    assert leg.wait_for(CallEnded) == [CallEnded(EndCause.BOT_HUNG_UP, 200)]


def test_an_unanswered_call_is_refused_with_the_code_asked_for(
    bot: EchoBot, raw_caller: Callable[[int], RawCaller]
) -> None:
    bot.switchboard.answer = lambda leg: bot.agent.hangup(leg, 480, "Nobody Here")
    answer = raw_caller(bot.agent.port).call()
    assert answer.startswith("SIP/2.0 480 Nobody Here")
    assert bot.switchboard.wait_for_leg().wait_for(CallEnded) == [CallEnded(EndCause.BOT_HUNG_UP, 480)]


def test_admission_may_refuse(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    bot.switchboard.decide = lambda _call: Refuse(503, "Draining", 7)
    answer = raw_caller(bot.agent.port).call()
    assert answer.startswith("SIP/2.0 503 Draining")
    assert "Retry-After: 7" in answer


def test_replaces_from_a_stranger_is_declined(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    victim, stranger = raw_caller(bot.agent.port), raw_caller(bot.agent.port)
    victim.call()
    bot.switchboard.wait_for_leg().wait_for(CallAnswered)
    bot_tag = victim.to.rpartition("tag=")[2]
    answer = stranger.call(extra=f"Replaces: {victim.call_id};to-tag={bot_tag};from-tag={victim.tag}\r\n")
    assert int(answer.split(" ")[1]) >= 400
    assert not bot.switchboard.wait_for_leg().news[1:]
    victim.hang_up()
    assert bot.switchboard.wait_for_leg().wait_for(CallEnded)


def test_session_timers_are_agreed(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    caller = raw_caller(bot.agent.port)
    answer = caller.call(extra="Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n")
    assert "Session-Expires: 600;refresher=uac" in answer
    caller.hang_up()


@pytest.mark.parametrize("how", ["sendonly", "inactive", "0.0.0.0"])
def test_every_way_to_hold_is_noticed(bot: EchoBot, raw_caller: Callable[[int], RawCaller], how: str) -> None:
    caller = raw_caller(bot.agent.port)
    caller.call()
    leg = bot.switchboard.wait_for_leg()
    leg.wait_for(CallAnswered)
    plain = caller.sdp()
    held = (
        plain.replace("IN IP4 127.0.0.1\r\nt=", "IN IP4 0.0.0.0\r\nt=")
        if how == "0.0.0.0"
        else caller.sdp(direction=how)
    )
    for cseq, sdp in ((2, held), (3, plain)):
        caller.send("INVITE", cseq, body=sdp.replace("o=- 1 1", f"o=- 1 {cseq}"))
        while f"CSeq: {cseq} INVITE" not in caller.response():
            pass
        caller.send("ACK", cseq)
        leg.wait_for(MediaChanged, count=cseq - 1)
    assert [news.media for news in leg.wait_for(MediaChanged)] == [MediaState.HELD, MediaState.FLOWING]
    caller.speak()
    assert caller.rtp.recv(2048)
    caller.hang_up()


def test_an_invite_without_an_offer_is_answered_with_one(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    caller = raw_caller(bot.agent.port)
    caller.send("INVITE", 1)
    offer = caller.response()
    assert "m=audio" in offer
    caller.to = offer.partition("To: ")[2].split("\r\n", 1)[0]
    caller.send("ACK", 1, body=caller.sdp())
    assert bot.switchboard.wait_for_leg().wait_for(CallAnswered) == [CallAnswered("PCMU")]
    caller.hang_up()


def test_a_refer_outside_any_call_moves_nothing(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    caller = raw_caller(bot.agent.port)
    caller.send("REFER", 1, extra="Refer-To: <sip:fraud@127.0.0.1:9>\r\n")
    assert caller.response().startswith("SIP/2.0 603 ")
    caller.send("OPTIONS", 2)
    assert "CSeq: 2 OPTIONS" in caller.response()
    assert not bot.switchboard.legs


def test_the_callers_words_about_itself_are_passed_on(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    caller = raw_caller(bot.agent.port)
    caller.call(extra="X-Campaign: spring\r\n")
    call = bot.switchboard.wait_for_leg().call
    assert (call.caller, call.caller_uri) == ("raw", "sip:raw@127.0.0.1")
    assert call.called_uri == f"sip:bot@127.0.0.1:{bot.agent.port}"
    assert call.source == f"127.0.0.1:{caller.sip_port}"
    assert call.sip_call_id == caller.call_id
    assert ("X-Campaign", "spring") in call.headers
    caller.hang_up()
