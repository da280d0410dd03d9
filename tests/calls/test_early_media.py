"""`sip.early_media` on the wire: the greeting comes before the 200."""

from __future__ import annotations

import time

from tests.calls.conftest import StartBot
from tests.sip.conftest import RawCaller
from voicebot.testing.phone import g711
from voicebot.testing.wire import audible


def frame(caller: RawCaller) -> bool:
    """Take one RTP packet and send one; tell whether sound came."""
    caller.speak(b"\xff" * 160)
    packet = caller.rtp.recv(2048)
    return audible(g711.decode(packet[12:], 0))


def final_response(caller: RawCaller) -> str:
    """Return a final response if one has come."""
    caller.sip.settimeout(0)
    try:
        return caller.response()
    except BlockingIOError:
        return ""
    finally:
        caller.sip.settimeout(10)


def test_the_greeting_is_heard_before_the_call_is_answered(start_bot: StartBot) -> None:
    bot = start_bot(VOICEBOT_SIP__EARLY_MEDIA="true")
    caller = RawCaller(bot.port)
    try:
        caller.send("INVITE", 1, body=caller.sdp("0"))
        progress = caller.response(least=180)
        assert progress.startswith("SIP/2.0 183 ")
        caller.remote_rtp = ("127.0.0.1", int(progress.partition("m=audio ")[2].split(" ")[0]))
        sounds, answer, give_up = 0, "", time.monotonic() + 20
        while not answer and time.monotonic() < give_up:
            sounds += frame(caller)
            answer = final_response(caller)
        assert answer.startswith("SIP/2.0 200 ")
        assert sounds > 40, "most of a second of greeting came first"
        caller.to = answer.partition("\r\nTo: ")[2].split("\r\n", 1)[0]
        caller.send("ACK", 1)
        caller.hang_up()
    except TimeoutError as late:
        raise AssertionError("the bot sent nothing") from late
    finally:
        caller.close()
