import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testing.phone.message import (
    Headers,
    MalformedMessage,
    NameAddr,
    Request,
    Response,
    SipUri,
    StreamFraming,
    parse,
)

TOKENS = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12)
VALUES = st.text(string.printable.replace("\r", "").replace("\n", "").replace("\x0b", "").replace("\x0c", "")).map(
    str.strip
)
NAMES = TOKENS.map(lambda name: f"X-{name}")
HEADERS: st.SearchStrategy[Headers] = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(tuple)
REQUESTS = st.builds(
    Request,
    headers=HEADERS,
    body=st.binary(max_size=200),
    method=st.sampled_from(["INVITE", "BYE", "NOTIFY"]),
    uri=TOKENS.map(lambda user: f"sip:{user}@127.0.0.1:5070;x=y"),
)
RESPONSES = st.builds(
    Response, headers=HEADERS, body=st.binary(max_size=200), code=st.integers(100, 699), reason=TOKENS
)


@given(REQUESTS | RESPONSES)
def test_a_message_survives_the_wire(message: Request | Response) -> None:
    assert parse(message.encode()) == message


@given(st.lists(REQUESTS, min_size=1, max_size=3), st.integers(1, 50))
def test_a_stream_is_cut_into_its_messages_however_it_arrives(messages: list[Request], step: int) -> None:
    stream = b"\r\n".join(message.encode() for message in messages)
    framing = StreamFraming()
    cut = [whole for at in range(0, len(stream), step) for whole in framing.feed(stream[at : at + step])]
    assert [parse(whole) for whole in cut] == messages


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_happens(datagram: bytes) -> None:
    try:
        parse(datagram)
    except MalformedMessage:
        return


def test_sloppy_but_lawful_writing_is_read() -> None:
    message = parse(
        b"\r\nINVITE sip:bot@host SIP/2.0\nv: SIP/2.0/UDP a;branch=z9hG4bK1 ,\n SIP/2.0/UDP b;branch=z9hG4bK2\n"
        b'f: "A, B" <sip:a@b>;tag=1\nt:<sip:c@d>\ni:42\nCSEQ:  7   INVITE\nl: 2\n\nhi and more'
    )
    assert isinstance(message, Request)
    assert message.header_values("Via") == ["SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/UDP b;branch=z9hG4bK2"]
    assert (message.branch, message.call_id, message.cseq, message.body) == ("z9hG4bK1", "42", (7, "INVITE"), b"hi")
    assert NameAddr.parse(message.header("From")) == NameAddr("sip:a@b", ";tag=1")


@pytest.mark.parametrize(
    "datagram",
    [
        b"HELLO\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 9\r\n\r\nshort",
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nno colon here\r\n\r\n",
    ],
)
def test_what_is_no_message_is_named_malformed(datagram: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse(datagram)


def test_a_refer_to_uri_gives_up_its_headers() -> None:
    uri = SipUri.parse("sip:500@[::1]:5080;handoff=7?User-to-User=6869%3Bencoding%3Dhex&X-Reason=billing")
    assert str(uri) == "sip:500@[::1]:5080;handoff=7"
    assert uri.address == ("::1", 5080)
    assert uri.headers == (("User-to-User", "6869;encoding=hex"), ("X-Reason", "billing"))


@pytest.mark.parametrize("text", ["", "tel:123", "sip:", "100@host", "sip:a@host:port"])
def test_what_is_no_sip_uri_is_named_malformed(text: str) -> None:
    with pytest.raises(MalformedMessage):
        SipUri.parse(text)
