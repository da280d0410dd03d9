"""A shared store that is slow, gone, back, or in other people's hands."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final

import pytest
import redis

from tests.caches.clocks import SteppedClocks
from tests.caches.test_stores import ORDERS as SHELF
from tests.caches.test_stores import OTHERS, PATIENCE_S, SECRET, keep, settled
from voicebot.cache.breaker import Breaker
from voicebot.cache.sealing import Seal, Tampered
from voicebot.cache.shared import SKEW_S, THREADS, SharedStore, Unreachable, client
from voicebot.cache.shelf import Kind, Outcome, Shelf
from voicebot.cache.tally import Tally
from voicebot.testing.redis_server import RedisServer

TENANT: Final = (Kind.CONNECTORS, "harbor-lane")
GENEROUS_S: Final = 1.0
"""A look at a server that hangs must be over by then, however busy the machine; its deadline is far below."""


@pytest.fixture
def clocks() -> SteppedClocks:
    return SteppedClocks()


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def store(redis_server: RedisServer, clocks: SteppedClocks, tally: Tally) -> Iterator[SharedStore]:
    shared = SharedStore(redis_server.url, tally, Seal(SECRET), PATIENCE_S, clocks.clocks)
    yield shared
    shared.close()


@pytest.fixture
def hasty(redis_server: RedisServer, clocks: SteppedClocks, tally: Tally) -> Iterator[SharedStore]:
    """A store that waits as long as it does in calls."""
    shared = SharedStore(redis_server.url, tally, Seal(SECRET), clocks=clocks.clocks)
    shared.warm_up()
    yield shared
    shared.close()


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with client(redis_server.url, PATIENCE_S) as connection:
        yield connection


def held(raw: redis.Redis, name: bytes) -> bytes:
    value = raw.get(name)
    assert isinstance(value, bytes)
    return value


def entry(raw: redis.Redis) -> bytes:
    (name,) = [name for name in raw.scan_iter() if not name.endswith((b":edition", b":closed"))]
    return bytes(name)


def test_a_server_that_hangs_costs_a_miss_and_then_nothing(
    redis_server: RedisServer, hasty: SharedStore, tally: Tally, clocks: SteppedClocks
) -> None:
    redis_server.freeze()
    began = time.monotonic()
    for _ in range(20):
        assert hasty.look(SHELF, b"1").value is None
    assert time.monotonic() - began < GENEROUS_S
    assert not hasty.well
    assert tally.counts()[TENANT] == {Outcome.FAILED: 20, Outcome.MISS: 20}
    redis_server.thaw()
    settled(hasty)
    clocks.step(1)
    until_well(hasty, clocks)


def test_a_server_that_is_gone_costs_a_miss(
    redis_server: RedisServer, store: SharedStore, clocks: SteppedClocks
) -> None:
    keep(store, SHELF, b"1", b"x")
    redis_server.stop()
    for _ in range(10):
        assert store.look(SHELF, b"1").value is None
    store.put(SHELF, b"1", b"x", 60, "edition")
    store.renew(SHELF)
    settled(store)
    assert not store.well
    redis_server.start()
    until_well(store, clocks)
    keep(store, SHELF, b"1", b"y")
    assert store.look(SHELF, b"1").value == b"y"


def until_well(store: SharedStore, clocks: SteppedClocks) -> None:
    end = time.monotonic() + 20
    while not store.well:
        assert time.monotonic() < end
        clocks.step(1)
        store.look(OTHERS, b"any")
        settled(store)


def test_answers_that_come_late_count_as_none(store: SharedStore) -> None:
    late = Future[None]()
    late.set_result(None)
    for _ in range(3):
        assert store.well
        store._free.acquire()
        store._done(late, late=True)
    assert not store.well


def test_a_store_whose_threads_are_all_stuck_does_not_wait(store: SharedStore) -> None:
    for _ in range(THREADS):
        store._free.acquire()
    for _ in range(3):
        assert store.look(SHELF, b"1").value is None
    assert not store.well


def test_what_could_not_be_dropped_is_dropped_before_anything_is_read(
    redis_server: RedisServer, tally: Tally, clocks: SteppedClocks
) -> None:
    store = SharedStore(redis_server.url, tally, Seal(SECRET), 0.2, clocks.clocks)
    keep(store, SHELF, b"1", b"old")
    keep(store, OTHERS, b"1", b"other")
    redis_server.freeze()
    store.renew(SHELF)
    redis_server.thaw()
    settled(store)
    until_well(store, clocks)
    assert store.look(SHELF, b"1").value is None
    assert store.look(OTHERS, b"1").value == b"other"
    store.close()


def test_what_is_owed_is_paid_without_anybody_looking(
    redis_server: RedisServer, tally: Tally, clocks: SteppedClocks
) -> None:
    store = SharedStore(redis_server.url, tally, Seal(SECRET), 0.2, clocks.clocks)
    keep(store, SHELF, b"1", b"old")
    redis_server.freeze()
    store.renew(SHELF)
    redis_server.thaw()
    settled(store)
    end = time.monotonic() + 20
    while store._owed:
        assert time.monotonic() < end
        clocks.step(1)
        store.settle()
        settled(store)
    other = SharedStore(redis_server.url, tally, Seal(SECRET), PATIENCE_S, clocks.clocks)
    assert other.look(SHELF, b"1").value is None
    other.close()
    store.close()


def test_a_drop_while_another_is_carried_out_is_not_taken_for_it(
    store: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = threading.Event()
    carry_out = store._client.pipeline

    def pipeline(**options: bool) -> object:
        # The second drop is ordered when the first has read what is owed and not yet written.
        if not first.is_set():
            first.set()
            with store._lock:
                store._owed[SHELF] = (next(store._orders), 0.0)
        return carry_out(options["transaction"])

    monkeypatch.setattr(store._client, "pipeline", pipeline)
    store.renew(SHELF)
    assert SHELF in store._owed
    assert store.look(SHELF, b"1").value is None
    assert not store._owed


def test_a_server_that_was_never_there_is_a_warning(tally: Tally, caplog: pytest.LogCaptureFixture) -> None:
    store = SharedStore("redis://127.0.0.1:9/0", tally)
    store.warm_up()
    assert "not reached yet" in caplog.text
    assert store.look(SHELF, b"1").value is None
    with pytest.raises(Unreachable):
        store.clear(Kind.CONNECTORS, None)
    store.close()
    assert store.look(SHELF, b"1").value is None


def test_nothing_personal_can_be_read_on_the_server(store: SharedStore, raw: redis.Redis) -> None:
    keep(store, SHELF, b"+15550100123", b"Order of Ms Miller")
    dump = b" ".join([name + bytes(raw.dump(name) or b"") for name in raw.scan_iter()])
    assert b"15550100123" not in dump
    assert b"Miller" not in dump
    assert b"harbor-lane" in dump


@pytest.mark.parametrize("position", [0, 5, 20, -1])
def test_a_changed_entry_is_a_miss(store: SharedStore, raw: redis.Redis, position: int) -> None:
    keep(store, SHELF, b"1", b"shipped")
    name = entry(raw)
    changed = bytearray(held(raw, name))
    changed[position] ^= 1
    raw.set(name, bytes(changed))
    assert store.look(SHELF, b"1").value is None


@pytest.mark.parametrize("forged", [b"", b"\x00", b"\x01", b"\x01" + b"x" * 60, b"\x00" + b"x" * 60])
def test_a_forged_entry_is_a_miss(store: SharedStore, raw: redis.Redis, forged: bytes) -> None:
    keep(store, SHELF, b"1", b"shipped")
    raw.set(entry(raw), forged)
    assert store.look(SHELF, b"1").value is None


def test_an_entry_of_another_place_is_a_miss(store: SharedStore, raw: redis.Redis) -> None:
    keep(store, SHELF, b"1", b"shipped")
    first = entry(raw)
    keep(store, SHELF, b"2", b"packing")
    (second,) = [name for name in raw.scan_iter() if name != first and not name.endswith(b":edition")]
    raw.set(first, held(raw, second))
    assert store.look(SHELF, b"1").value is None
    assert store.look(SHELF, b"2").value == b"packing"


def test_a_plain_entry_is_no_way_round_the_seal(
    redis_server: RedisServer, store: SharedStore, raw: redis.Redis, tally: Tally, clocks: SteppedClocks
) -> None:
    keep(store, SHELF, b"1", b"shipped")
    sealed = entry(raw)
    plain = SharedStore(redis_server.url, tally, None, PATIENCE_S, clocks.clocks)
    keep(plain, SHELF, b"1", b"forged")
    (other,) = [name for name in raw.scan_iter() if name != sealed and not name.endswith(b":edition")]
    raw.set(sealed, held(raw, other))
    assert store.look(SHELF, b"1").value is None
    plain.close()


def test_another_key_finds_nothing_and_the_old_one_everything(
    redis_server: RedisServer, store: SharedStore, tally: Tally, clocks: SteppedClocks
) -> None:
    keep(store, SHELF, b"1", b"shipped")
    rotated = SharedStore(redis_server.url, tally, Seal(SECRET[::-1]), PATIENCE_S, clocks.clocks)
    assert rotated.look(SHELF, b"1").value is None
    keep(rotated, SHELF, b"1", b"delivered")
    assert rotated.look(SHELF, b"1").value == b"delivered"
    assert store.look(SHELF, b"1").value == b"shipped"
    rotated.close()


def test_a_clock_that_was_set_back_does_not_lengthen_an_entry(store: SharedStore, clocks: SteppedClocks) -> None:
    keep(store, SHELF, b"1", b"shipped", ttl_s=60)
    clocks.wall_s -= SKEW_S
    assert store.look(SHELF, b"1").value == b"shipped"
    clocks.wall_s -= 1
    assert store.look(SHELF, b"1").value is None


def test_a_lost_edition_voids_the_shelf(store: SharedStore, raw: redis.Redis) -> None:
    keep(store, SHELF, b"1", b"shipped")
    for name in raw.scan_iter(match="*:edition"):
        raw.delete(name)
    assert store.look(SHELF, b"1").value is None


def test_a_drop_by_one_worker_is_a_drop_for_all(
    redis_server: RedisServer, store: SharedStore, tally: Tally, clocks: SteppedClocks
) -> None:
    other = SharedStore(redis_server.url, tally, Seal(SECRET), PATIENCE_S, clocks.clocks)
    keep(store, SHELF, b"1", b"shipped")
    assert other.look(SHELF, b"1").value == b"shipped"
    other.renew(SHELF)
    assert store.look(SHELF, b"1").value is None
    other.close_shelf(SHELF, 5)
    assert store.look(SHELF, b"1").edition == ""
    other.close()


def test_entries_are_counted_without_what_belongs_to_shelves(store: SharedStore) -> None:
    keep(store, SHELF, b"1", b"x")
    keep(store, OTHERS, b"1", b"x")
    store.close_shelf(Shelf(Kind.CONNECTORS, "harbor-lane", "another"), 60)
    assert store.count(Kind.CONNECTORS, None) == 2
    assert store.count(Kind.CONNECTORS, "harbor-lane") == 1
    assert store.count(Kind.ANSWERS, None) == 0


def test_a_seal_opens_at_its_place_only() -> None:
    seal = Seal(SECRET)
    closed = seal.close(b"value", b"here")
    assert seal.open(closed, b"here") == b"value"
    assert SECRET not in repr(seal)
    for sealed, name, opener in ((closed, b"there", seal), (closed, b"here", Seal("x" * 32)), (b"", b"here", seal)):
        with pytest.raises(Tampered):
            opener.open(sealed, name)


def test_a_breaker_lets_one_through_at_a_time(clocks: SteppedClocks) -> None:
    breaker = Breaker(failures=2, rest_s=1, clock=clocks.clocks.monotonic)
    assert not breaker.failed()
    assert breaker.passes()
    assert breaker.failed()
    assert breaker.open
    assert not breaker.passes()
    clocks.step(1)
    assert [breaker.passes(), breaker.passes()] == [True, False]
    assert breaker.worked()
    assert breaker.passes()
    assert not breaker.worked()
