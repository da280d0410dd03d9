"""What keeps a user agent from starting is said in one line, and does not keep the next one from it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.sip.conftest import EchoBot, RawCaller
from voicebot.core.events import CallAnswered, CallEnded, EndCause
from voicebot.sip.library import SipStartFailed
from voicebot.sip.settings import SipAccount
from voicebot.sip.user_agent import UserAgent


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_busy_port_is_named(start_bot: Callable[..., EchoBot], kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            SipStartFailed, match=rf"127\.0\.0\.1:{port}.*in use; stop what uses the port, or set sip\.port"
        ):
            start_bot(port=port)


def test_an_address_that_is_not_ours_is_named(start_bot: Callable[..., EchoBot]) -> None:
    with pytest.raises(SipStartFailed, match=r"192\.0\.2\.1:0.*or set sip\.port and sip\.host"):
        start_bot(host="192.0.2.1")


def test_an_unknown_codec_is_named_with_those_that_exist(start_bot: Callable[..., EchoBot]) -> None:
    with pytest.raises(SipStartFailed, match=r"\['G729'\].*PCMU"):
        start_bot(codecs=("PCMU", "G729"))


def test_an_unknown_transport_is_named(start_bot: Callable[..., EchoBot]) -> None:
    with pytest.raises(SipStartFailed, match=r"\['ws'\]: choose from udp and tcp"):
        start_bot(transports=("ws",))


def test_early_media_flows_before_the_answer(
    start_bot: Callable[..., EchoBot], raw_caller: Callable[[int], RawCaller]
) -> None:
    bot = start_bot(early_media=True)
    bot.switchboard.answer = lambda _leg: None
    caller = raw_caller(bot.agent.port)
    caller.send("INVITE", 1, body=caller.sdp())
    progress = caller.response(least=180)
    assert progress.startswith("SIP/2.0 183")
    caller.remote_rtp = ("127.0.0.1", int(progress.partition("m=audio ")[2].split(" ")[0]))
    caller.speak()
    assert caller.rtp.recv(2048)
    bot.agent.answer(bot.switchboard.wait_for_leg().call.leg)
    assert caller.response().startswith("SIP/2.0 200")


def test_stopping_says_goodbye_to_every_call(
    start_bot: Callable[..., EchoBot], raw_caller: Callable[[int], RawCaller]
) -> None:
    bot = start_bot()
    bot.switchboard.answer = lambda _leg: None
    caller = raw_caller(bot.agent.port)
    caller.send("INVITE", 1, body=caller.sdp())
    leg = bot.switchboard.wait_for_leg()
    bot.agent.stop()
    bot.agent.stop()
    assert caller.response().startswith("SIP/2.0 503")
    assert leg.wait_for(CallEnded) == [CallEnded(EndCause.DRAINED, 503)]


def test_stopping_does_not_wait_for_a_peer_who_is_gone(
    start_bot: Callable[..., EchoBot], raw_caller: Callable[[int], RawCaller]
) -> None:
    bot = start_bot()
    caller = raw_caller(bot.agent.port)
    caller.call()
    leg = bot.switchboard.wait_for_leg()
    leg.wait_for(CallAnswered)
    bot.agent.stop()
    assert leg.wait_for(CallEnded) == [CallEnded(EndCause.DRAINED, 200)]


def test_a_second_user_agent_in_the_process_is_refused(start_bot: Callable[..., EchoBot]) -> None:
    bot = start_bot()
    with pytest.raises(SipStartFailed, match="pjsip is in use"):
        UserAgent(bot.agent._settings, bot.switchboard.admit).start()


def test_an_account_that_makes_no_sense_is_named(start_bot: Callable[..., EchoBot]) -> None:
    with pytest.raises(SipStartFailed, match=r"sip\.account is not usable"):
        start_bot(account=SipAccount(registrar="not a uri", user="bot"))
    assert "hush" not in repr(SipAccount(registrar="sip:pbx", user="bot", password="hush"))
