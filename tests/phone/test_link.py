"""The link emulator, in stepped time."""

from __future__ import annotations

import itertools

from voicebot.testing.link import Link, Quality

PACKETS = 5_000


def passed(quality: Quality, seed: int = 1, packets: int = PACKETS) -> tuple[Link, list[tuple[float, int]]]:
    """Send a packet every 20 ms; return the link, and when which packet arrived."""
    link = Link(quality, seed)
    arrived: list[tuple[float, int]] = []
    for now_ms in range(packets * 20 + 200):
        number, since_ms = divmod(now_ms, 20)
        if since_ms == 0 and number < packets:
            link.send(number.to_bytes(4, "big"), float(now_ms))
        arrived += [(float(now_ms), int.from_bytes(packet, "big")) for packet in link.take(float(now_ms))]
    return link, arrived


def test_a_perfect_link_gives_everything_at_once() -> None:
    link, arrived = passed(Quality())
    assert arrived == [(number * 20.0, number) for number in range(PACKETS)]
    assert (link.sent, link.lost, link.next_ms) == (PACKETS, 0, None)


def test_one_seed_gives_one_fate_and_another_another() -> None:
    quality = Quality(loss=0.1, jitter_ms=30, reorder=0.1, duplicate=0.1)
    assert passed(quality, 7)[1] == passed(quality, 7)[1]
    assert passed(quality, 7)[1] != passed(quality, 8)[1]


def test_the_packets_that_are_lost_do_not_depend_on_what_else_is_wrong() -> None:
    def lost(quality: Quality) -> set[int]:
        return set(range(PACKETS)) - {number for _, number in passed(quality)[1]}

    assert lost(Quality(loss=0.05)) == lost(Quality(loss=0.05, jitter_ms=40, duplicate=0.5, reorder=0.2))


def test_loss_is_what_was_ordered() -> None:
    link, arrived = passed(Quality(loss=0.05))
    assert 0.04 < link.lost / PACKETS < 0.06
    assert len(arrived) == PACKETS - link.lost


def test_nothing_passes_during_an_outage() -> None:
    link, arrived = passed(Quality(outage_every_ms=1_000, outage_ms=60), packets=200)
    missing = sorted(set(range(200)) - {number for _, number in arrived})
    assert missing == [number for number in range(200) if number % 50 >= 47]
    assert link.lost == 12


def test_jitter_delays_and_keeps_the_order() -> None:
    _, arrived = passed(Quality(delay_ms=30, jitter_ms=50))
    delays = [at - number * 20.0 for at, number in arrived]
    assert [number for _, number in arrived] == list(range(PACKETS))
    assert min(delays) >= 30
    assert 75 < max(delays) <= 81


def test_a_packet_that_is_held_back_is_overtaken() -> None:
    link, arrived = passed(Quality(reorder=0.1))
    numbers = [number for _, number in arrived]
    assert sorted(numbers) == list(range(PACKETS))
    overtaken = sum(later < earlier for earlier, later in itertools.pairwise(numbers))
    assert 0.5 * link.held_back < overtaken <= link.held_back


def test_duplicates_come_twice() -> None:
    link, arrived = passed(Quality(duplicate=0.2))
    assert len(arrived) == PACKETS + link.duplicated
    assert 0.18 < link.duplicated / PACKETS < 0.22


def test_it_says_when_to_look_again() -> None:
    link = Link(Quality(delay_ms=35))
    assert link.next_ms is None
    link.send(b"a", 100.0)
    assert link.next_ms == 135.0
    assert link.take(134.9) == []
    assert link.take(135.0) == [b"a"]
