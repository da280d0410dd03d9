"""Reading SIP text, and what a REFER's messages mean. No library, no network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.core.events import TransferReport, TransferReported
from voicebot.sip.message import codecs_in, key_in, parse_message, status_of, uri_in, user_in
from voicebot.sip.transfer import ReferWatch

INVITE = (
    "INVITE sip:+49301234@bot.example;user=phone SIP/2.0\r\n"
    "v: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK1\r\n"
    'f: "Doe, Jane" <sip:jane%2Bx@example.org>;tag=1\r\n'
    "Subject: one\r\n  two\r\n"
    "X-Empty:\r\n"
    "no colon here\r\n"
    "\r\n"
    "v=0\r\n"
)


def test_a_message_is_cut_into_its_parts() -> None:
    message = parse_message(INVITE)
    assert message.request_uri == "sip:+49301234@bot.example;user=phone"
    assert message.header("Via") == "SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK1"
    assert message.header("from") == '"Doe, Jane" <sip:jane%2Bx@example.org>;tag=1'
    assert message.header("subject") == "one two"
    assert message.header("X-Empty") == ""
    assert message.header("Call-ID") == ""
    assert message.body == "v=0\r\n"
    assert len(message.headers) == 4


def test_a_response_has_no_request_uri() -> None:
    assert parse_message("SIP/2.0 200 OK\r\n\r\n").request_uri == ""


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    message = parse_message(text)
    assert isinstance(message.header("To"), str)
    assert isinstance(message.request_uri, str)
    assert isinstance(user_in(uri_in(text)), str)
    assert status_of(text) in {0, *range(100, 700)}


@pytest.mark.parametrize(
    ("address", "uri", "user"),
    [
        ('"A" <sip:a@h;x=y>;tag=1', "sip:a@h;x=y", "a"),
        ("sip:a:secret@h;tag=1", "sip:a:secret@h", "a"),
        ("<sip:h>", "sip:h", ""),
        ("<tel:+49-30;ext=1>", "tel:+49-30;ext=1", "+49-30"),
        ("<sips:%23100@h>", "sips:%23100@h", "#100"),
        ("<http://x@y>", "http://x@y", ""),
        ("", "", ""),
    ],
)
def test_uris_and_users(address: str, uri: str, user: str) -> None:
    assert uri_in(address) == uri
    assert user_in(uri) == user


@pytest.mark.parametrize(
    ("fragment", "status"),
    [
        ("SIP/2.0 200 OK\r\n", 200),
        ("\r\nSIP/2.0 486 Busy\r\nContact: x", 486),
        ("SIP/2.0 603", 603),
        ("SIP/2.0 0200 OK", 0),
        ("SIP/2.0 700 No", 0),
        ("HTTP/1.1 200 OK", 0),
        ("200 OK", 0),
        ("", 0),
    ],
)
def test_the_status_of_a_sipfrag(fragment: str, status: int) -> None:
    assert status_of(fragment) == status


def notify(fragment: str, state: str, *, event: str = "refer", kind: str = "message/sipfrag;version=2.0") -> str:
    head = f"NOTIFY sip:b SIP/2.0\r\nEvent: {event}\r\nSubscription-State: {state}\r\nContent-Type: {kind}\r\n"
    return f"{head}\r\n{fragment}"


def watch(*, answers_challenge: bool = False) -> ReferWatch:
    return ReferWatch(3, answers_challenge=answers_challenge)


def test_only_final_responses_are_reported() -> None:
    assert watch().on_response(100) is None
    assert watch().on_response(202) == TransferReported(3, TransferReport.RESPONSE, 202)
    assert watch().on_response(408) == TransferReported(3, TransferReport.RESPONSE, 408)


def test_a_challenge_that_will_be_answered_is_no_outcome_but_the_second_is() -> None:
    asked = watch(answers_challenge=True)
    assert asked.on_response(407) is None
    assert asked.on_response(407) == TransferReported(3, TransferReport.RESPONSE, 407)
    assert watch().on_response(401) == TransferReported(3, TransferReport.RESPONSE, 401)


def test_success_is_a_notified_2xx_and_nothing_else() -> None:
    seen = watch()
    seen.on_response(202)
    assert not seen.succeeded
    assert seen.on_notify(notify("SIP/2.0 180 Ringing", "active")) == (TransferReported(3, TransferReport.NOTIFY, 180),)
    assert not seen.succeeded
    assert seen.on_notify(notify("SIP/2.0 200 OK", "terminated;reason=noresource")) == (
        TransferReported(3, TransferReport.NOTIFY, 200),
    )
    assert seen.succeeded


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (notify("SIP/2.0 100 Trying", "terminated;reason=timeout"), 100),
        (notify("SIP/2.0 200 OK", "terminated", kind="text/plain"), 0),
        (notify("", "terminated"), 0),
    ],
)
def test_a_subscription_that_ends_without_a_final_status_says_so(text: str, code: int) -> None:
    seen = watch()
    assert seen.on_notify(text) == (
        TransferReported(3, TransferReport.NOTIFY, code),
        TransferReported(3, TransferReport.TERMINATED, code),
    )
    assert not seen.succeeded


def test_the_end_of_the_subscription_after_a_final_status_is_no_news() -> None:
    seen = watch()
    seen.on_notify(notify("SIP/2.0 486 Busy Here", "active"))
    assert TransferReported(3, TransferReport.TERMINATED, 0) not in seen.on_notify(notify("", "terminated"))


def test_other_events_are_none_of_its_business() -> None:
    assert watch().on_notify(notify("SIP/2.0 200 OK", "terminated", event="message-summary")) == ()


def test_a_late_notify_of_an_earlier_refer_is_not_taken_for_this_one() -> None:
    seen = watch()
    seen.on_response(202, "SIP/2.0 202 Accepted\r\nCSeq: 42 REFER\r\n\r\n")
    assert seen.on_notify(notify("SIP/2.0 200 OK", "terminated", event="refer;id=41")) == ()
    assert not seen.succeeded
    assert seen.on_notify(notify("SIP/2.0 486 Busy", "terminated", event="refer;id=42"))


@pytest.mark.parametrize(
    ("sdp", "codecs"),
    [
        (
            "v=0\r\nm=audio 9 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            {"PCMU", "PCMA", "TELEPHONE-EVENT"},
        ),
        ("v=0\nm=audio 9 RTP/AVP 18 96\na=rtpmap:96 opus/48000/2\n", {"18", "OPUS"}),
        ("v=0\r\nm=video 9 RTP/AVP 34\r\nm=audio 9 RTP/AVP 9\r\n", {"G722"}),
        ("v=0\r\nm=audio 0 RTP/AVP 0\r\n", None),
        ("v=0\r\n", None),
        ("", None),
    ],
)
def test_the_codecs_of_an_offer(sdp: str, codecs: set[str] | None) -> None:
    assert codecs_in(sdp) == codecs


@pytest.mark.parametrize(
    ("body", "key"),
    [("5", "5"), (" * ", "*"), ("Signal= 9\r\nDuration= 160", "9"), ("SIGNAL=a", "A"), ("10", ""), ("", ""), ("E", "")],
)
def test_the_key_in_an_info(body: str, key: str) -> None:
    assert key_in(body) == key
