"""What the bot answers to requests other than INVITE and BYE, in a call and outside of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.sip.conftest import EchoBot, RawCaller
from voicebot.core.events import CallAnswered, CallEnded, EndCause, MediaChanged, MediaState
from voicebot.sip.legs import DtmfDigit, DtmfMethod
from voicebot.testing.echo import EchoLeg

NEVER_TAKEN = ("MESSAGE", "SUBSCRIBE", "PUBLISH", "FOO")


@pytest.fixture(scope="module")
def module_bot(start_bot: Callable[..., EchoBot]) -> EchoBot:
    return start_bot(hold_probe_ms=100)


@pytest.fixture
def bot(module_bot: EchoBot) -> EchoBot:
    module_bot.fresh()
    return module_bot


@pytest.fixture
def stranger(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> RawCaller:
    return raw_caller(bot.agent.port)


@pytest.fixture
def caller(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> Iterator[RawCaller]:
    made = raw_caller(bot.agent.port)
    made.call()
    yield made
    made.hang_up()


def leg_of(bot: EchoBot) -> EchoLeg:
    leg = bot.switchboard.wait_for_leg()
    leg.wait_for(CallAnswered)
    return leg


def asked(caller: RawCaller, method: str, cseq: int = 2, *, body: str = "", extra: str = "") -> str:
    caller.send(method, cseq, body=body, extra=extra)
    response = caller.response()
    assert f"CSeq: {cseq} {method}\r\n" in response
    return response


def status(response: str) -> int:
    return int(response.split(" ")[1])


def allowed(response: str) -> set[str]:
    (line,) = (line for line in response.split("\r\n") if line.startswith("Allow:"))
    return {method.strip() for method in line.removeprefix("Allow:").split(",")}


def test_allow_names_what_the_bot_takes_and_nothing_else(bot: EchoBot, caller: RawCaller) -> None:
    leg_of(bot)
    answer = asked(caller, "OPTIONS")
    taken = {"INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "PRACK", "INFO", "NOTIFY", "OPTIONS"}
    assert allowed(answer) == taken
    assert allowed(asked(caller, "FOO", 3)) == taken


def test_the_answer_to_the_invite_says_the_same(bot: EchoBot, stranger: RawCaller) -> None:
    assert allowed(stranger.call()) == allowed(asked(stranger, "OPTIONS"))
    leg_of(bot)
    stranger.hang_up()


def test_options_in_a_call_is_a_question_whether_it_lives(bot: EchoBot, caller: RawCaller) -> None:
    leg_of(bot)
    assert status(asked(caller, "OPTIONS", 2)) == 200
    assert status(asked(caller, "OPTIONS", 3)) == 200


@pytest.mark.parametrize("method", NEVER_TAKEN)
def test_a_method_that_does_nothing_is_not_allowed(bot: EchoBot, caller: RawCaller, method: str) -> None:
    leg = leg_of(bot)
    assert status(asked(caller, method)) == 405
    assert status(asked(caller, "OPTIONS", 3)) == 200, "the call goes on"
    assert leg.news == [CallAnswered("PCMU")]


@pytest.mark.parametrize("method", NEVER_TAKEN)
def test_nor_from_strangers(stranger: RawCaller, method: str) -> None:
    assert status(asked(stranger, method)) == 405


def test_a_stranger_cannot_send_the_bot_anywhere(stranger: RawCaller) -> None:
    assert status(asked(stranger, "REFER", extra="Refer-To: <sip:elsewhere@127.0.0.1:9>\r\n")) == 603


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "NOTIFY", "PRACK"])
def test_what_needs_a_call_is_told_that_there_is_none(stranger: RawCaller, method: str) -> None:
    assert status(asked(stranger, method)) == 481


@pytest.mark.parametrize(
    ("body", "key"), [("5", "5"), ("#\r\n", "#"), ("Signal=7\r\nDuration=100\r\n", "7"), ("d", "D")]
)
def test_a_key_may_be_the_whole_body_of_an_info(bot: EchoBot, caller: RawCaller, body: str, key: str) -> None:
    leg = leg_of(bot)
    assert status(asked(caller, "INFO", body=body, extra="Content-Type: application/dtmf\r\n")) == 200
    assert leg.wait_for(DtmfDigit) == [DtmfDigit(key, DtmfMethod.INFO)]


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", 200),
        ("application/dtmf-relay", "", 200),
        ("application/dtmf", "fifty", 415),
        ("text/plain", "5", 415),
        ("", "", 200),
    ],
)
def test_other_bodies_of_an_info(bot: EchoBot, caller: RawCaller, kind: str, body: str, code: int) -> None:
    leg = leg_of(bot)
    extra = f"Content-Type: {kind}\r\n" if kind else ""
    assert status(asked(caller, "INFO", body=body, extra=extra)) == code
    keys = [news for news in leg.news if isinstance(news, DtmfDigit)]
    assert keys == ([DtmfDigit("5", DtmfMethod.INFO)] if "relay" in kind and body else [])


def test_a_new_offer_without_a_codec_is_turned_away_and_the_call_goes_on(bot: EchoBot, caller: RawCaller) -> None:
    leg = leg_of(bot)
    assert status(asked(caller, "INVITE", body=caller.sdp("18"))) == 488
    caller.send("ACK", 2)
    assert status(asked(caller, "INVITE", 3, body=caller.sdp("0 101"))) == 200
    caller.send("ACK", 3)
    assert [news for news in leg.news if isinstance(news, CallEnded | MediaChanged)] == []


def probe_of(caller: RawCaller) -> str:
    """Wait for the bot's question whether the holder is there."""
    while True:
        text = caller.sip.recv(65_535).decode()
        if text.startswith("OPTIONS "):
            return text


def answer(caller: RawCaller, request: str, line: str) -> None:
    echoed = [part for part in request.split("\r\n") if part.split(":")[0] in {"Via", "From", "To", "Call-ID", "CSeq"}]
    caller.sip.sendto("\r\n".join([f"SIP/2.0 {line}", *echoed, "Content-Length: 0\r\n\r\n"]).encode(), caller.bot)


def hold(caller: RawCaller, sdp: str) -> None:
    assert status(asked(caller, "INVITE", body=sdp)) == 200
    caller.send("ACK", 2)


@pytest.mark.parametrize("line", ["200 OK", "405 Method Not Allowed", "501 Not Implemented"])
def test_who_holds_the_call_is_asked_and_any_answer_will_do(bot: EchoBot, caller: RawCaller, line: str) -> None:
    leg = leg_of(bot)
    hold(caller, caller.sdp(direction="sendonly"))
    for _ in range(3):
        answer(caller, probe_of(caller), line)
    assert [news for news in leg.news if isinstance(news, CallEnded)] == []


@pytest.mark.parametrize("how", ["sendonly", "inactive", "address 0"])
def test_a_held_call_whose_peer_knows_nothing_of_it_ends(
    bot: EchoBot, raw_caller: Callable[[int], RawCaller], how: str
) -> None:
    caller = raw_caller(bot.agent.port)
    caller.call()
    leg = leg_of(bot)
    if how == "address 0":  # RFC 2543, B.5
        hold(caller, caller.sdp().replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"))
    else:
        hold(caller, caller.sdp(direction=how))
    answer(caller, probe_of(caller), "481 Call/Transaction Does Not Exist")
    assert leg.wait_for(CallEnded)[0].cause is EndCause.MEDIA_LOST
    assert [news.media for news in leg.news if isinstance(news, MediaChanged)] == [MediaState.HELD]


def test_a_held_call_whose_peer_has_vanished_ends(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> None:
    caller = raw_caller(bot.agent.port)
    caller.call()
    leg = leg_of(bot)
    hold(caller, caller.sdp(direction="sendonly"))
    caller.close()
    # At once where the network says that nobody listens, else after 64 * T1 (RFC 3261, 17.1.2.2).
    (ended,) = leg.wait_for(CallEnded, timeout_s=40)
    assert ended.cause is EndCause.MEDIA_LOST
