import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.media import g711 as bot_g711
from voicebot.testing.phone import g711, sdp
from voicebot.testing.phone.message import Address
from voicebot.testing.phone.rtp import KEYS, MalformedPacket, RtpPacket, TelephoneEvent, key_press

PACKETS = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=320),
    marker=st.booleans(),
)
MEDIA = st.builds(
    sdp.Media,
    address=st.builds(Address, st.sampled_from(["127.0.0.1", "::1"]), st.integers(1, 65535)),
    codecs=st.sampled_from([(0,), (8,), (0, 8), (8, 0)]),
    event_type=st.none() | st.integers(96, 127),
    direction=st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"]),
)


@given(PACKETS)
def test_a_packet_survives_the_wire(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.encode()) == packet


@given(st.binary(max_size=40))
def test_garbage_is_no_packet(datagram: bytes) -> None:
    try:
        RtpPacket.parse(datagram)
    except MalformedPacket:
        return


def test_extension_sources_and_padding_are_skipped() -> None:
    header = bytes([0xB1, 0x00]) + bytes(10)
    assert (
        RtpPacket.parse(header + b"CSRC" + b"\xbe\xde\x00\x01" + b"extn" + b"audio" + b"\x00\x00\x03").payload
        == b"audio"
    )


@given(st.sampled_from(KEYS), st.booleans(), st.integers(0, 0xFFFF))
def test_an_event_survives_the_wire(key: str, ended: bool, duration: int) -> None:  # noqa: FBT001
    event = TelephoneEvent(key, ended, duration)
    assert TelephoneEvent.parse(event.encode()) == event


def test_a_key_press_grows_and_ends_three_times() -> None:
    frames = list(key_press("5", pressed_ms=100))
    assert [frame[0].duration for frame in frames] == [160, 320, 480, 640, 800]
    assert [len(frame) for frame in frames] == [1, 1, 1, 1, 3]
    assert [frame[0].ended for frame in frames] == [False, False, False, False, True]


@given(MEDIA, st.integers(1, 9))
def test_a_description_is_read_as_it_was_written(media: sdp.Media, version: int) -> None:
    assert sdp.parse(media.describe(1, version)) == media


@pytest.mark.parametrize(
    ("wish", "offered", "answered"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendrecv", "sendonly", "recvonly"),
        ("sendrecv", "inactive", "inactive"),
        ("sendonly", "sendrecv", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
    ],
)
def test_an_answer_never_promises_more_than_both_want(wish: str, offered: str, answered: str) -> None:
    ours = sdp.Media(Address("127.0.0.1", 4000), (0, 8), direction=wish)
    offer = sdp.Media(Address("127.0.0.1", 5000), (8, 0), event_type=96, direction=offered)
    answer = ours.answer(offer)
    assert (answer.direction, answer.codecs, answer.event_type) == (answered, (8,), 96)


def test_an_offer_without_a_codec_of_ours_is_unusable() -> None:
    ours = sdp.Media(Address("127.0.0.1", 4000), (0,))
    offer = sdp.parse(b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 9 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\n")
    with pytest.raises(sdp.UnusableOffer):
        ours.answer(offer)
    with pytest.raises(sdp.UnusableOffer):
        sdp.parse(b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 0 RTP/AVP 0\r\n")


def test_the_tables_agree_with_the_bots_own() -> None:
    codes = bytes(range(256))
    assert np.array_equal(g711.decode(codes, sdp.PCMU), bot_g711.mulaw_decode(codes))
    assert np.array_equal(g711.decode(codes, sdp.PCMA), bot_g711.alaw_decode(codes))


@pytest.mark.parametrize("codec", [sdp.PCMU, sdp.PCMA])
def test_every_code_decodes_and_encodes_to_itself(codec: int) -> None:
    levels = g711.decode(bytes(range(256)), codec)
    assert np.array_equal(g711.decode(g711.encode(levels, codec), codec), levels)
    assert (np.diff(levels[np.argsort(levels)]) >= 0).all()
    assert abs(levels.astype(int)).max() in {32124, 32256}
