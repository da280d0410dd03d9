"""What every store of the caches must do: the one in memory and the shared one on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.caches.clocks import SteppedClocks
from voicebot.cache.memory import OVERHEAD_BYTES, Bounds, MemoryStore
from voicebot.cache.sealing import Seal
from voicebot.cache.shared import SharedStore
from voicebot.cache.shelf import Kind, Outcome, Shelf, Store
from voicebot.cache.tally import Tally

SECRET: Final = "a secret of more than thirty-two characters"
ORDERS: Final = Shelf(Kind.CONNECTORS, "harbor-lane", "order_status")
OTHERS: Final = Shelf(Kind.CONNECTORS, "other-shop", "order_status")
PATIENCE_S: Final = 2.0
"""These tests are about what is kept; the deadline has tests of its own."""


@pytest.fixture
def clocks() -> SteppedClocks:
    return SteppedClocks()


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture(params=["memory", "shared", "sealed"])
def store(request: pytest.FixtureRequest, clocks: SteppedClocks, tally: Tally) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(tally, clock=clocks.clocks.monotonic)
        return
    server = request.getfixturevalue("redis_server")
    seal = Seal(SECRET) if request.param == "sealed" else None
    shared = SharedStore(server.url, tally, seal, PATIENCE_S, clocks.clocks)
    yield shared
    shared.close()


def keep(store: Store, shelf: Shelf, subject: bytes, value: bytes, ttl_s: float = 60) -> None:
    """Put a value and wait until it is there, for a shared store does not wait."""
    edition = store.look(shelf, subject).edition
    store.put(shelf, subject, value, ttl_s, edition)
    settled(store)


def settled(store: Store) -> None:
    if isinstance(store, SharedStore):
        for _ in range(8):
            store._free.acquire()
        store._free.release(8)


def test_what_is_put_is_found(store: Store, tally: Tally) -> None:
    assert store.look(ORDERS, b"48213").value is None
    keep(store, ORDERS, b"48213", b"shipped")
    assert store.look(ORDERS, b"48213").value == b"shipped"
    assert tally.counts()[Kind.CONNECTORS, "harbor-lane"] == {Outcome.MISS: 2, Outcome.STORED: 1, Outcome.HIT: 1}


@pytest.mark.parametrize("other", [b"48214", b"48213 ", b"", b"4821"])
def test_another_subject_is_another_entry(store: Store, other: bytes) -> None:
    keep(store, ORDERS, b"48213", b"shipped")
    assert store.look(ORDERS, other).value is None


@pytest.mark.parametrize(
    "other",
    [OTHERS, ORDERS._replace(name="orders"), ORDERS._replace(kind=Kind.ANSWERS), Shelf(Kind.CONNECTORS, "harbor", "x")],
)
def test_another_shelf_is_another_entry(store: Store, other: Shelf) -> None:
    keep(store, ORDERS, b"48213", b"shipped")
    assert store.look(other, b"48213").value is None


def test_an_entry_is_over_when_its_time_is(store: Store, clocks: SteppedClocks, tally: Tally) -> None:
    keep(store, ORDERS, b"48213", b"shipped", ttl_s=60)
    clocks.step(59.9)
    assert store.look(ORDERS, b"48213").value == b"shipped"
    clocks.step(0.1)
    assert store.look(ORDERS, b"48213").value is None
    assert tally.counts()[Kind.CONNECTORS, "harbor-lane"][Outcome.EXPIRED] == 1


def test_dropping_a_shelf_drops_no_other(store: Store) -> None:
    keep(store, ORDERS, b"48213", b"shipped")
    keep(store, OTHERS, b"48213", b"packing")
    store.renew(ORDERS)
    assert store.look(ORDERS, b"48213").value is None
    assert store.look(OTHERS, b"48213").value == b"packing"


def test_what_was_fetched_before_a_drop_does_not_come_in_after_it(store: Store) -> None:
    before = store.look(ORDERS, b"48213")
    store.renew(ORDERS)
    store.put(ORDERS, b"48213", b"stale", 60, before.edition)
    settled(store)
    assert store.look(ORDERS, b"48213").value is None


def test_a_closed_shelf_gives_and_takes_nothing(store: Store, clocks: SteppedClocks) -> None:
    keep(store, ORDERS, b"48213", b"shipped")
    store.close_shelf(ORDERS, 10)
    assert store.look(ORDERS, b"48213").value is None
    keep(store, ORDERS, b"48213", b"in between")
    store.renew(ORDERS)
    store.close_shelf(ORDERS, 2)
    clocks.step(9)
    assert store.look(ORDERS, b"48213").edition == ""
    clocks.step(1)
    assert store.look(ORDERS, b"48213").value is None
    keep(store, ORDERS, b"48213", b"delivered")
    assert store.look(ORDERS, b"48213").value == b"delivered"


def test_clearing_is_by_kind_and_tenant(store: Store) -> None:
    answers = Shelf(Kind.ANSWERS, "harbor-lane", "ab")
    for shelf in (ORDERS, OTHERS, answers):
        keep(store, shelf, b"1", b"x")
    assert store.clear(Kind.CONNECTORS, "harbor-lane") == 1
    assert [store.look(shelf, b"1").value for shelf in (ORDERS, OTHERS, answers)] == [None, b"x", b"x"]
    assert store.clear(Kind.CONNECTORS, None) == 1
    assert store.look(OTHERS, b"1").value is None
    assert store.look(answers, b"1").value == b"x"


@pytest.mark.parametrize(("value", "ttl_s"), [(b"x" * 300_000, 60), (b"x", 0), (b"x", -1)])
def test_what_cannot_be_kept_is_refused(store: Store, tally: Tally, value: bytes, ttl_s: float) -> None:
    keep(store, ORDERS, b"48213", value, ttl_s)
    assert store.look(ORDERS, b"48213").value is None
    assert tally.counts()[Kind.CONNECTORS, "harbor-lane"][Outcome.REFUSED] == 1


class TestMemory:
    """What only the store in memory has."""

    def test_the_entry_that_was_used_longest_ago_goes_first(self, tally: Tally) -> None:
        store = MemoryStore(tally, Bounds(entries=2))
        keep(store, ORDERS, b"1", b"a")
        keep(store, ORDERS, b"2", b"b")
        assert store.look(ORDERS, b"1").value == b"a"
        keep(store, ORDERS, b"3", b"c")
        assert [store.look(ORDERS, n).value for n in (b"1", b"2", b"3")] == [b"a", None, b"c"]
        assert tally.counts()[Kind.CONNECTORS, "harbor-lane"][Outcome.EVICTED] == 1

    def test_it_is_bounded_in_bytes(self, tally: Tally) -> None:
        size = 1000 + OVERHEAD_BYTES
        store = MemoryStore(tally, Bounds(bytes=10 * size))
        for number in range(100):
            keep(store, ORDERS, str(number).encode(), b"x" * 1000)
            assert sum(held for _, held in store.sizes().values()) <= 10 * size
        assert store.sizes() == {(Kind.CONNECTORS, "harbor-lane"): (10, 10 * size)}

    def test_a_sweep_drops_what_nobody_asks_for_any_more(self, clocks: SteppedClocks, tally: Tally) -> None:
        store = MemoryStore(tally, clock=clocks.clocks.monotonic)
        keep(store, ORDERS, b"1", b"a", ttl_s=10)
        keep(store, ORDERS, b"2", b"b", ttl_s=20)
        clocks.step(10)
        store.sweep()
        assert store.sizes()[Kind.CONNECTORS, "harbor-lane"][0] == 1

    def test_shelves_beyond_the_bound_are_void_not_mixed_up(
        self, tally: Tally, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("voicebot.cache.memory.MAX_SHELVES", 2)
        store = MemoryStore(tally)
        shelves = [ORDERS._replace(name=str(number)) for number in range(3)]
        for shelf in shelves:
            keep(store, shelf, b"1", shelf.name.encode())
        assert [store.look(shelf, b"1").value for shelf in reversed(shelves)] == [b"2", b"1", None]

    def test_it_holds_no_subject(self, tally: Tally) -> None:
        store = MemoryStore(tally)
        keep(store, ORDERS, b"4111111111111111", b"x")
        assert b"4111" not in repr(vars(store)).encode()
