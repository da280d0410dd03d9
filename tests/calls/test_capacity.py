"""One call too many, and what is counted of the others."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, eventually
from voicebot.testing.bot_process import HOST
from voicebot.testing.phone import Phone
from voicebot.testing.speech import line


def final_response(bot: Bot) -> str:
    """Send an INVITE by hand and return the final response."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((HOST, 0))
        stranger.settimeout(5)
        port = stranger.getsockname()[1]
        body = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        head = (
            f"Via: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bKfourth\r\nFrom: <sip:fourth@{HOST}>;tag=4\r\n"
            f"Call-ID: fourth@{HOST}\r\nMax-Forwards: 70\r\n"
        )
        to = f"To: <{bot.uri('100')}>"
        invite = (
            f"INVITE {bot.uri('100')} SIP/2.0\r\n{head}{to}\r\nCSeq: 1 INVITE\r\n"
            f"Contact: <sip:fourth@{HOST}:{port}>\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        stranger.sendto(invite.encode(), (HOST, bot.port))
        while (response := stranger.recv(4096).decode()).startswith("SIP/2.0 1"):
            pass
        tag = next(text for text in response.splitlines() if text.lower().startswith("to:"))
        ack = f"ACK {bot.uri('100')} SIP/2.0\r\n{head}{tag}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
        stranger.sendto(ack.encode(), (HOST, bot.port))
        return response


def test_a_fourth_caller_is_asked_to_come_back_and_the_three_go_on(start_bot: StartBot) -> None:
    bot = start_bot()
    questions = ("hours_sunday", "shipping_express", "hours_saturday")
    answers = ("On Sunday we are open", "Standard shipping", "On Saturday we are open")
    with ExitStack() as stack:
        phones: list[Phone] = [stack.enter_context(caller(bot)) for _ in questions]
        utterances = [phone.start_saying(line(name)) for phone, name in zip(phones, questions, strict=True)]
        response = final_response(bot)
        assert response.startswith("SIP/2.0 503")
        assert "Retry-After:" in response
        for utterance in utterances:
            utterance.wait()
        for phone, answer in zip(phones, answers, strict=True):
            bot.await_spoken(phone, answer)
        eventually(lambda: bot.metric("voicebot_active_calls") == 3, "three calls under way")
        eventually(lambda: bot.metric('voicebot_refused_calls_total{reason="capacity"}') == 1, "a refusal counted")
        health = json.loads(bot.get("/health").text)
        assert (health["ready"], health["active_calls"], health["capacity"]) == (True, 3, 3)
        assert phones[1].wait_bot_speaks() is not None
        phones[1].say(line("hours_sunday"))
        bot.await_spoken(phones[1], "On Sunday we are open")
    for phone in phones:
        bot.record(phone)
    eventually(lambda: bot.metric("voicebot_calls_total") == 3, "three calls counted")
    assert bot.metric("voicebot_turns_total") == 4
    assert bot.metric("voicebot_silence_seconds_count") == 4
    for stage in ("endpointing", "asr", "brain", "tts", "playout"):
        assert bot.metric(f'voicebot_stage_seconds_count{{stage="{stage}"}}') == 4
    assert bot.metric("voicebot_barge_ins_total") == 1
    assert bot.metric("voicebot_active_calls") == 0
    assert bot.get("/live").status == 200
    assert bot.get("/ready").status == 200
    with caller(bot):
        pass  # the places are free again
