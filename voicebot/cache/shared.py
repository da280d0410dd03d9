"""The store that workers share: any server that speaks Redis' protocol.

A look costs one round trip. Every operation runs on a thread of the store's own and is waited for a few milliseconds at
most, so a server that is slow, stuck or gone costs a miss and never a call; after a few failures in a row a breaker
spares the calls even that. What could not be dropped while the server was away is dropped before anything is read.

Entries carry their own time: what they are worth is not left to the server's clock, nor to its expiry.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import math
import secrets
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from voicebot.cache.breaker import Breaker
from voicebot.cache.sealing import Seal, Tampered
from voicebot.cache.shelf import Kind, Look, Outcome, Shelf
from voicebot.cache.tally import Tally

_LOG = logging.getLogger(__name__)

LONGEST_TTL_S: Final = 86_400
EDITION_S: Final = 2 * LONGEST_TTL_S
"""An edition outlives every entry that was put under it. One that is lost is replaced by a new one."""

SKEW_S: Final = 2.0
"""How far the clocks of workers may lie apart. An entry from further in the future is of a clock that was set back."""

ENTRY_BYTES: Final = 256 * 1024
THREADS: Final = 8
"""Operations at a time; a further one is a miss at once."""

CLEAR_AT_ONCE: Final = 500
"""Names in one command."""

_PREFIX: Final = "voicebot:1"
_PLAIN: Final = b"\x00"
_HEAD: Final = struct.Struct(">16sdd")
"""Edition, stored at, expires at; both on the wall clock, in seconds."""

T = TypeVar("T")


class Unreachable(Exception):
    """The server did not answer in time, or not at all."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Wall time for entries, which machines share; monotonic time for the breaker. In seconds."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


REAL: Final = Clocks()


class SharedStore:
    """A Store on a server. With a seal everything is encrypted and authenticated, without one nothing is."""

    def __init__(
        self, url: str, tally: Tally, seal: Seal | None = None, deadline_s: float = 0.005, clocks: Clocks = REAL
    ) -> None:
        """Connect on first use. `url` is `redis://…` or `rediss://…`; raises ValueError for any other."""
        self._tally = tally
        self._seal = seal
        self._deadline_s = deadline_s
        self._clocks = clocks
        self._breaker = Breaker(clock=clocks.monotonic)
        self._client = client(url, patience_s=max(0.1, 2 * deadline_s))
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="shared-cache")
        self._free = threading.BoundedSemaphore(THREADS)
        self._lock = threading.Lock()
        self._owed: dict[Shelf, tuple[int, float]] = {}
        """Shelves that have to be dropped before anything is read: number of the order, closed until (wall time)."""
        self._orders = itertools.count(1)

    @property
    def sealed(self) -> bool:
        """Whether it may hold what is personal."""
        return self._seal is not None

    @property
    def well(self) -> bool:
        """Whether it is asked at the moment."""
        return not self._breaker.open

    def warm_up(self) -> None:
        """Connect, so that no call pays for it. A server that is not there yet is a warning: it may come."""
        try:
            self._within(max(1.0, self._deadline_s), self._client.ping)
        except Unreachable:
            _LOG.warning("shared cache not reached yet, every look is a miss until it is")

    def look(self, shelf: Shelf, subject: bytes) -> Look:
        """Return the entry if it is there, in time and of the shelf's edition."""
        name = self._name(shelf, subject)
        try:
            edition, entry = self._within(self._deadline_s, lambda: self._fetch(shelf, name))
        except Unreachable:
            self._tally.count(shelf.kind, shelf.tenant, Outcome.FAILED)
            self._tally.count(shelf.kind, shelf.tenant, Outcome.MISS)
            return Look(None, "")
        outcome, value = Outcome.MISS, None
        if edition and entry is not None:
            outcome, value = self._judged(name, edition, entry)
        self._tally.count(shelf.kind, shelf.tenant, outcome)
        return Look(value, edition)

    def put(self, shelf: Shelf, subject: bytes, value: bytes, ttl_s: float, edition: str) -> None:
        """Keep a value for `ttl_s`, without waiting. One of an older edition is stored in vain."""
        if not (edition and 0 < ttl_s <= LONGEST_TTL_S and len(value) <= ENTRY_BYTES):
            self._tally.count(shelf.kind, shelf.tenant, Outcome.REFUSED)
            return
        name = self._name(shelf, subject)
        now = self._clocks.wall()
        plain = _HEAD.pack(edition.encode(), now, now + ttl_s) + value
        entry = self._seal.close(plain, name.encode()) if self._seal else _PLAIN + plain
        lasts_ms = math.ceil(ttl_s * 1000)
        started = self._start(lambda: self._client.set(name, entry, px=lasts_ms), self._deadline_s)
        self._tally.count(shelf.kind, shelf.tenant, Outcome.STORED if started else Outcome.FAILED)

    def renew(self, shelf: Shelf) -> None:
        """Drop a shelf. One that is closed stays closed."""
        self._drop(shelf, 0.0)

    def close_shelf(self, shelf: Shelf, seconds: float) -> None:
        """Drop a shelf, and neither give nor take entries for so long at least."""
        self._drop(shelf, seconds)

    def settle(self) -> None:
        """Try again to drop what is owed, without waiting; to be called every second or so."""
        if self._owed:
            self._start(self._settle, self._deadline_s)

    def clear(self, kind: Kind, tenant: str | None) -> int:
        """Drop everything of a kind, of one tenant or of all, and return how many entries. Raises Unreachable."""
        names = [name for name in self._names(kind, tenant) if not name.endswith(b":closed")]
        with _reached():
            for start in range(0, len(names), CLEAR_AT_ONCE):
                self._client.unlink(*names[start : start + CLEAR_AT_ONCE])
        return sum(not name.endswith(b":edition") for name in names)

    def count(self, kind: Kind, tenant: str | None) -> int:
        """Return the number of entries, by walking over their names. Raises Unreachable."""
        return sum(not name.endswith((b":edition", b":closed")) for name in self._names(kind, tenant))

    def close(self) -> None:
        """Release threads and connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _names(self, kind: Kind, tenant: str | None) -> Iterator[bytes]:
        with _reached():
            yield from self._client.scan_iter(match=f"{_PREFIX}:{kind}:{tenant or '*'}:*", count=1000)

    def _name(self, shelf: Shelf, subject: bytes) -> str:
        digest = self._seal.name(subject) if self._seal else hashlib.sha256(subject).hexdigest()
        return f"{_shelf_name(shelf)}:{digest}"

    def _fetch(self, shelf: Shelf, name: str) -> tuple[str, bytes | None]:
        """Return the edition, empty while the shelf is closed, and the entry, on a thread of the pool."""
        self._settle()
        where = _Places(shelf)
        with self._client.pipeline(transaction=False) as pipe:
            pipe.mget(where.edition, name)
            pipe.zrevrange(where.closed, 0, 0, withscores=True)
            (edition, entry), closed = pipe.execute()
        if closed and closed[0][1] > self._clocks.wall():
            return "", None
        if edition is None:
            entry = None
            with self._client.pipeline(transaction=True) as pipe:
                pipe.set(where.edition, _fresh(), nx=True, ex=EDITION_S)
                pipe.get(where.edition)
                edition = pipe.execute()[1]
        return ("" if edition is None else edition.decode("ascii", "replace")), entry

    def _judged(self, name: str, edition: str, entry: bytes) -> tuple[Outcome, bytes | None]:
        """Return the value of an entry that may be given out."""
        try:
            plain = self._seal.open(entry, name.encode()) if self._seal else _unwrapped(entry)
            its_edition, stored_s, expires_s = _HEAD.unpack_from(plain)
        except (Tampered, struct.error):
            _LOG.warning("shared cache holds an entry that was not put there by a worker with this key")
            return Outcome.MISS, None
        if its_edition != edition.encode():
            return Outcome.MISS, None
        now = self._clocks.wall()
        if not stored_s - SKEW_S <= now < expires_s:
            return Outcome.EXPIRED, None
        return Outcome.HIT, plain[_HEAD.size :]

    def _drop(self, shelf: Shelf, seconds: float) -> None:
        with self._lock:
            until = self._clocks.wall() + seconds if seconds else 0.0
            _, owed_until = self._owed.get(shelf, (0, 0.0))
            # A number of its own, or another drop that is being carried out would count as this one.
            self._owed[shelf] = (next(self._orders), max(until, owed_until))
        with contextlib.suppress(Unreachable):
            self._within(self._deadline_s, self._settle)

    def _settle(self) -> None:
        """Drop what is to be dropped, on a thread of the pool. What fails is owed on."""
        with self._lock:
            owed = dict(self._owed)
        for shelf, (number, until) in owed.items():
            where, now = _Places(shelf), self._clocks.wall()
            with self._client.pipeline(transaction=True) as pipe:
                pipe.set(where.edition, _fresh(), ex=EDITION_S)
                if until > now:
                    # Each closing stands for itself, so that none shortens another one's time.
                    pipe.zremrangebyscore(where.closed, "-inf", now)
                    pipe.zadd(where.closed, {repr(until): until})
                    pipe.expire(where.closed, EDITION_S)
                pipe.execute()
            with self._lock:
                if self._owed.get(shelf) == (number, until):
                    del self._owed[shelf]

    def _within(self, seconds: float, work: Callable[[], T]) -> T:
        """Do something on a thread of the pool and wait for it so long. Raises Unreachable."""
        future = self._start(work, seconds)
        if future is None:
            raise Unreachable
        try:
            return future.result(seconds)
        except TimeoutError:
            raise Unreachable from None
        except (redis.RedisError, OSError):
            raise Unreachable from None

    def _start(self, work: Callable[[], T], limit_s: float) -> Future[T] | None:
        """Begin something, unless the breaker is open or all threads are busy."""
        if not self._breaker.passes():
            return None
        if not self._free.acquire(blocking=False):
            self._failed()  # they are all stuck
            return None
        began_s = time.monotonic()
        try:
            future = self._pool.submit(work)
        except RuntimeError:  # closed
            self._free.release()
            return None
        future.add_done_callback(lambda done: self._done(done, late=time.monotonic() - began_s > limit_s))
        return future

    def _done(self, future: Future[T], *, late: bool) -> None:
        """Judge the server by how it did something: late is as bad as not at all."""
        self._free.release()
        if future.cancelled():
            return
        if late or future.exception() is not None:
            self._failed()
        elif self._breaker.worked():
            _LOG.info("shared cache is well again")

    def _failed(self) -> None:
        if self._breaker.failed():
            _LOG.warning("shared cache is slow or gone, every look is a miss until it is back")


class _Places:
    """Where the server keeps what is known of a shelf: its edition, and until when it is closed (by wall time)."""

    def __init__(self, shelf: Shelf) -> None:
        self.edition = f"{_shelf_name(shelf)}:edition"
        self.closed = f"{_shelf_name(shelf)}:closed"


def client(url: str, patience_s: float) -> redis.Redis:
    """Return a client that makes no second attempt. Raises ValueError for a URL that it cannot read."""
    return redis.Redis.from_url(
        url,
        socket_timeout=patience_s,
        socket_connect_timeout=patience_s,
        retry=Retry(NoBackoff(), 0),
        client_name="voicebot",
    )


def _shelf_name(shelf: Shelf) -> str:
    return f"{_PREFIX}:{shelf.kind}:{shelf.tenant}:{shelf.name}"


def _fresh() -> bytes:
    return secrets.token_hex(8).encode()


def _unwrapped(entry: bytes) -> bytes:
    if entry[:1] != _PLAIN:
        raise Tampered
    return entry[1:]


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise Unreachable(type(error).__name__) from error
