"""Whose RTP is heard, decided on real sockets with a clock of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from voicebot.sip.media_source import MediaSource, is_behind_nat, parse_address, restrict

Pair = tuple[socket.socket, int]


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """The bot's own RTP socket, then a caller's, then a stranger's."""
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # As the library binds it: to a port by name, which it keeps when a connection is dissolved.
    made[0].bind(("127.0.0.1", port))
    made[0].settimeout(0)
    for peer in made[1:]:
        peer.bind(("127.0.0.1", 0))
    yield made
    for each in made:
        each.close()


def hears(bot: socket.socket, sender: socket.socket) -> bool:
    """Loopback delivers in order and at once: what is not there after sending was dropped by the kernel."""
    sender.sendto(b"x", bot.getsockname())
    try:
        return bot.recv(10) == b"x"
    except BlockingIOError:
        return False


def test_a_restricted_socket_hears_one_peer_until_it_is_opened(sockets: list[socket.socket]) -> None:
    bot, caller, stranger = sockets
    port = bot.getsockname()[1]
    assert restrict(port, caller.getsockname())
    assert hears(bot, caller)
    assert not hears(bot, stranger)
    assert restrict(port, None)
    assert hears(bot, stranger)
    assert restrict(port, stranger.getsockname())
    assert not hears(bot, caller)


def test_a_port_that_is_not_ours_is_left_alone(sockets: list[socket.socket]) -> None:
    port = sockets[0].getsockname()[1]
    sockets[0].close()
    assert not restrict(port, ("127.0.0.1", 9))


def test_a_caller_who_speaks_from_the_signalled_port_is_kept_to_it(sockets: list[socket.socket]) -> None:
    bot, caller, stranger = sockets
    source = MediaSource("127.0.0.1")
    source.signalled(bot.getsockname()[1], caller.getsockname(), 1_000)
    source.observe(1, caller.getsockname(), 1_250)
    source.observe(1, stranger.getsockname(), 9_000)
    assert hears(bot, caller)
    assert not hears(bot, stranger)


def test_a_mute_port_is_doubted_after_two_seconds_and_the_first_speaker_of_that_host_kept(
    sockets: list[socket.socket],
) -> None:
    bot, caller, stranger = sockets
    source = MediaSource("127.0.0.1")
    source.signalled(bot.getsockname()[1], ("127.0.0.1", 9), 1_000)
    source.observe(0, None, 2_999)
    assert not hears(bot, caller)
    source.observe(0, None, 3_000)
    assert hears(bot, caller)
    source.observe(1, caller.getsockname(), 3_250)
    assert hears(bot, caller)
    assert not hears(bot, stranger)


def test_another_host_is_not_taken_for_the_caller(sockets: list[socket.socket]) -> None:
    bot, caller, stranger = sockets
    source = MediaSource("127.0.0.1")
    source.signalled(bot.getsockname()[1], caller.getsockname(), 0)
    source.observe(0, None, 2_000)
    source.observe(1, ("127.0.0.77", 4_000), 2_250)
    assert hears(bot, caller)
    assert not hears(bot, stranger)


def test_a_re_invite_moves_the_restriction(sockets: list[socket.socket]) -> None:
    bot, caller, other = sockets
    source = MediaSource("127.0.0.1")
    source.signalled(bot.getsockname()[1], caller.getsockname(), 0)
    source.observe(5, caller.getsockname(), 250)
    source.signalled(bot.getsockname()[1], other.getsockname(), 500)
    assert hears(bot, other)
    assert not hears(bot, caller)


@pytest.mark.parametrize(
    ("media", "signalling", "behind"),
    [
        ("192.168.1.5", "8.8.8.8", True),
        ("192.168.1.5", "192.168.1.9", False),
        ("8.8.4.4", "8.8.8.8", False),
        ("127.0.0.1", "127.0.0.1", False),
    ],
)
def test_who_is_behind_a_nat(media: str, signalling: str, behind: bool) -> None:  # noqa: FBT001 - a table
    assert is_behind_nat(media, signalling) is behind


def test_a_caller_behind_a_nat_is_known_by_the_first_packet(sockets: list[socket.socket]) -> None:
    bot, caller, stranger = sockets
    source = MediaSource("8.8.8.8")
    source.signalled(bot.getsockname()[1], ("192.168.1.5", 4_000), 0)
    assert hears(bot, caller)
    source.observe(1, caller.getsockname(), 250)
    assert hears(bot, caller)
    assert not hears(bot, stranger)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:4000", ("127.0.0.1", 4_000)),
        ("[::1]:4000", ("::1", 4_000)),
        ("0.0.0.0:4000", None),
        ("127.0.0.1:0", None),
        ("", None),
        ("host:1", None),
    ],
)
def test_addresses(text: str, address: tuple[str, int] | None) -> None:
    assert parse_address(text) == address
