"""RTP that stops, comes back, is garbage, or comes from a stranger."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable

import pytest

from tests.sip.conftest import EchoBot, RawCaller
from voicebot.core.events import CallAnswered, MediaChanged, MediaState
from voicebot.testing.echo import EchoLeg


@pytest.fixture(scope="module")
def bot(start_bot: Callable[..., EchoBot]) -> EchoBot:
    return start_bot(rtp_timeout_ms=700)


@pytest.fixture
def caller(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> RawCaller:
    bot.fresh()
    made = raw_caller(bot.agent.port)
    made.call()
    return made


@pytest.fixture
def leg(bot: EchoBot, caller: RawCaller) -> EchoLeg:
    answered = bot.switchboard.wait_for_leg()
    assert caller.remote_rtp[1]
    answered.wait_for(CallAnswered)
    return answered


def converse(caller: RawCaller, packets: int) -> None:
    """Speak in the rhythm in which the bot's own packets come."""
    for _ in range(packets):
        caller.speak()
        caller.rtp.recv(2048)


def drain(rtp: socket.socket) -> int:
    """Empty a socket and say how many packets were in it."""
    count = 0
    while select.select([rtp], [], [], 0)[0]:
        rtp.recv(2048)
        count += 1
    return count


def test_rtp_that_stops_is_lost_and_flows_again_when_it_comes_back(caller: RawCaller, leg: EchoLeg) -> None:
    converse(caller, 5)
    assert leg.wait_for(MediaChanged) == [MediaChanged(MediaState.LOST)]
    caller.sequence += 1000
    drain(caller.rtp)
    converse(caller, 30)
    assert leg.wait_for(MediaChanged, count=2)[1] == MediaChanged(MediaState.FLOWING)
    caller.hang_up()


@pytest.mark.parametrize("spoken_before", [0, 10])
def test_a_stranger_does_not_get_the_bots_audio(
    caller: RawCaller, leg: EchoLeg, udp_socket: socket.socket, spoken_before: int
) -> None:
    converse(caller, spoken_before)
    for _ in range(10):
        for _ in range(4):
            caller.speak(through=udp_socket)
        caller.rtp.recv(2048)
    drain(caller.rtp)
    heard_before = leg.loop.heard
    converse(caller, 20)
    assert drain(udp_socket) == 0
    assert leg.loop.heard > heard_before
    caller.hang_up()


def test_a_caller_who_sends_from_another_port_is_heard(
    caller: RawCaller, leg: EchoLeg, udp_socket: socket.socket
) -> None:
    deadline = time.monotonic() + 10
    while not leg.loop.heard and time.monotonic() < deadline:
        caller.speak(through=udp_socket)
        select.select([], [], [], 0.02)
    assert leg.loop.heard
    caller.hang_up()


def test_a_closed_rtp_port_does_not_harm_the_call(caller: RawCaller, leg: EchoLeg) -> None:
    converse(caller, 5)
    port = caller.rtp_port
    caller.rtp.close()
    leg.wait_for(MediaChanged)
    caller.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    caller.rtp.bind(("127.0.0.1", port))
    caller.rtp.settimeout(10)
    converse(caller, 30)
    assert leg.wait_for(MediaChanged, count=2)[1] == MediaChanged(MediaState.FLOWING)
    caller.hang_up()


def test_garbage_on_the_rtp_port_is_passed_over(caller: RawCaller, leg: EchoLeg) -> None:
    converse(caller, 5)
    header = struct.pack(">BBHII", 0x80, 0, 1, 1, 0x1234)
    for garbage in (b"", b"\x80", b"\xff" * 1400, header, header + b"\x55" * 7, header + b"\x55" * 1400, header[:8]):
        caller.rtp.sendto(garbage, caller.remote_rtp)
    for _ in range(5):
        caller.speak(payload_type=18)
        caller.speak(payload_type=96)
    heard_before = leg.loop.heard
    caller.sequence += 100
    drain(caller.rtp)
    converse(caller, 40)
    assert leg.loop.heard > heard_before
    caller.hang_up()


def test_a_new_source_of_sound_in_a_re_invite_is_followed(
    caller: RawCaller, leg: EchoLeg, udp_socket: socket.socket
) -> None:
    converse(caller, 10)
    caller.rtp.close()
    caller.rtp, caller.rtp_port = udp_socket, udp_socket.getsockname()[1]
    caller.send("INVITE", 2, body=caller.sdp().replace("o=- 1 1", "o=- 1 2"))
    assert "SIP/2.0 200" in caller.response()
    caller.send("ACK", 2)
    heard_before = leg.loop.heard
    converse(caller, 40)
    assert leg.loop.heard > heard_before
    caller.hang_up()


def test_malformed_sip_harms_nobody(caller: RawCaller, leg: EchoLeg, udp_socket: socket.socket) -> None:
    invite = caller.request("INVITE", 5, body=caller.sdp())
    for garbage in (
        b"",
        b"\r\n\r\n",
        b"\x00" * 200,
        b"INVITE",
        b"INVITE sip:x SIP/2.0\r\n\r\n",
        invite.replace(b"Via: ", b"Vla: ").replace(caller.call_id.encode(), b"a"),
        invite.replace(b"CSeq: 5", b"CSeq: -5").replace(caller.call_id.encode(), b"b"),
        invite.replace(b"Content-Length: ", b"Content-Length: 9").replace(caller.call_id.encode(), b"c"),
        invite.replace(b"v=0", b"v=\xff").replace(caller.call_id.encode(), b"d").replace(b";tag=", b";tog="),
        invite.replace(b"m=audio", b"m=").replace(caller.call_id.encode(), b"e"),
        invite[: len(invite) // 2].replace(caller.call_id.encode(), b"f"),
        b"SIP/2.0 999 What\r\n\r\n",
        b"A" * 60_000,
    ):
        udp_socket.sendto(garbage, caller.bot)
    caller.send("OPTIONS", 6)
    while "CSeq: 6 OPTIONS" not in caller.response():
        pass
    converse(caller, 5)
    assert leg.news == [CallAnswered("PCMU")]
    caller.hang_up()
