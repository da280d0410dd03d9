"""The store of one worker, in its memory: bounded in entries and bytes, least recently used goes first."""

from __future__ import annotations

import hashlib
import itertools
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from voicebot.cache.shelf import Kind, Look, Outcome, Shelf
from voicebot.cache.tally import Tally

OVERHEAD_BYTES: Final = 256
"""What an entry costs beside its value."""

MAX_SHELVES: Final = 4096
"""Shelves whose edition is remembered. One that is forgotten gets a new edition, so its entries are void."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a store holds at most, and one entry of it."""

    entries: int = 10_000
    bytes: int = 32 * 2**20
    entry_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Entry:
    value: bytes
    edition: str
    expires_s: float

    @property
    def size(self) -> int:
        return len(self.value) + OVERHEAD_BYTES


class MemoryStore:
    """A Store in memory. `clock` is monotonic, in seconds."""

    def __init__(self, tally: Tally, bounds: Bounds = Bounds(), clock: Callable[[], float] = time.monotonic) -> None:
        self._tally = tally
        self._bounds = bounds
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[Shelf, bytes], _Entry] = OrderedDict()
        self._held_bytes = 0
        self._sizes: dict[tuple[Kind, str], tuple[int, int]] = {}
        self._soonest_s = math.inf
        """No entry is past its time before this."""
        self._numbers = itertools.count(1)
        self._editions: OrderedDict[Shelf, tuple[str, float]] = OrderedDict()
        """Of each shelf its edition, and until when it is closed."""

    def look(self, shelf: Shelf, subject: bytes) -> Look:
        """Return the entry if it is there, in time and of the shelf's edition."""
        key = (shelf, self._digest(subject))
        with self._lock:
            now = self._clock()
            edition = self._edition(shelf, now)
            entry = self._entries.get(key)
            if entry is not None and (entry.edition != edition or now >= entry.expires_s):
                self._drop(key)
            if entry is None or entry.edition != edition:
                outcome, value = Outcome.MISS, None
            elif now >= entry.expires_s:
                outcome, value = Outcome.EXPIRED, None
            else:
                outcome, value = Outcome.HIT, entry.value
                self._entries.move_to_end(key)
        self._tally.count(shelf.kind, shelf.tenant, outcome)
        return Look(value, edition)

    def put(self, shelf: Shelf, subject: bytes, value: bytes, ttl_s: float, edition: str) -> None:
        """Keep a value for `ttl_s`, unless the shelf has another edition by now."""
        key = (shelf, self._digest(subject))
        evicted = 0
        with self._lock:
            now = self._clock()
            entry = _Entry(value, edition, now + ttl_s)
            small = len(value) <= self._bounds.entry_bytes and entry.size <= self._bounds.bytes
            taken = small and ttl_s > 0 and bool(edition) and edition == self._edition(shelf, now)
            if taken:
                self._drop(key)
                self._entries[key] = entry
                self._weigh(shelf, 1, entry.size)
                self._soonest_s = min(self._soonest_s, entry.expires_s)
            while len(self._entries) > self._bounds.entries or self._held_bytes > self._bounds.bytes:
                self._drop(next(iter(self._entries)))
                evicted += 1
        self._tally.count(shelf.kind, shelf.tenant, Outcome.STORED if taken else Outcome.REFUSED)
        if evicted:
            self._tally.count(shelf.kind, shelf.tenant, Outcome.EVICTED, evicted)

    def renew(self, shelf: Shelf) -> None:
        """Drop a shelf. One that is closed stays closed."""
        self.close_shelf(shelf, 0)

    def close_shelf(self, shelf: Shelf, seconds: float) -> None:
        """Drop a shelf, and neither give nor take entries for so long at least."""
        with self._lock:
            _, closed_until = self._editions.get(shelf, ("", 0.0))
            self._new_edition(shelf, max(closed_until, self._clock() + seconds))

    def clear(self, kind: Kind, tenant: str | None) -> int:
        """Drop everything of a kind, of one tenant or of all; return how many entries that were."""
        with self._lock:
            for shelf, (_, closed_until) in list(self._editions.items()):
                if _of(shelf, kind, tenant):
                    self._new_edition(shelf, closed_until)
            dropped = [key for key in self._entries if _of(key[0], kind, tenant)]
            for key in dropped:
                self._drop(key)
        return len(dropped)

    def sweep(self) -> None:
        """Drop what is past its time: what is personal is not kept until somebody asks for it."""
        with self._lock:
            now = self._clock()
            if now < self._soonest_s:
                return
            for key in [key for key, entry in self._entries.items() if now >= entry.expires_s]:
                self._drop(key)
            self._soonest_s = min((entry.expires_s for entry in self._entries.values()), default=math.inf)

    def sizes(self) -> Mapping[tuple[Kind, str], tuple[int, int]]:
        """Return entries and bytes held, of each kind and tenant that has any."""
        with self._lock:
            return dict(self._sizes)

    def _digest(self, subject: bytes) -> bytes:
        return hashlib.blake2b(subject, key=self._secret, digest_size=32).digest()

    def _edition(self, shelf: Shelf, now: float) -> str:
        """Return the shelf's edition, a first one if it has none, empty while it is closed."""
        edition, closed_until = self._editions.get(shelf, ("", 0.0))
        if not edition:
            return self._new_edition(shelf, now)
        self._editions.move_to_end(shelf)
        return edition if now >= closed_until else ""

    def _new_edition(self, shelf: Shelf, closed_until: float) -> str:
        edition = str(next(self._numbers))
        self._editions[shelf] = (edition, closed_until)
        self._editions.move_to_end(shelf)
        while len(self._editions) > MAX_SHELVES:
            self._editions.popitem(last=False)
        return edition

    def _drop(self, key: tuple[Shelf, bytes]) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weigh(key[0], -1, -entry.size)

    def _weigh(self, shelf: Shelf, entries: int, size: int) -> None:
        self._held_bytes += size
        whose = (shelf.kind, shelf.tenant)
        before = self._sizes.pop(whose, (0, 0))
        after = (before[0] + entries, before[1] + size)
        if after[0]:
            self._sizes[whose] = after


def _of(shelf: Shelf, kind: Kind, tenant: str | None) -> bool:
    return shelf.kind is kind and (tenant is None or shelf.tenant == tenant)
