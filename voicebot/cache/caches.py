"""All caches of one process: who keeps what where, what they count, and how they are cleared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.cache.memory import Bounds, MemoryStore
from voicebot.cache.sealing import Seal
from voicebot.cache.shared import REAL, Clocks, SharedStore
from voicebot.cache.shelf import Kind, Outcome, Shelf, Store
from voicebot.cache.tally import Tally


@dataclass(frozen=True, slots=True)
class CachePlace:
    """Where entries may go. Without a `url` they stay in the process; without a `secret` the personal ones do."""

    url: str = ""
    secret: str = ""
    deadline_s: float = 0.005
    bounds: Bounds = field(default_factory=Bounds)

    def __repr__(self) -> str:
        return f"CachePlace(shared={bool(self.url)}, sealed={bool(self.secret)})"


@dataclass(frozen=True, slots=True)
class CacheRow:
    """The figures of one kind and tenant."""

    kind: Kind
    tenant: str
    counts: Mapping[Outcome, int]
    entries: int
    bytes: int


class Caches:
    """Thread-safe. Every kind has bounds of its own, so that none takes another one's room."""

    def __init__(self, place: CachePlace = CachePlace(), tally: Tally | None = None, clocks: Clocks = REAL) -> None:
        """Raises ValueError for a URL that cannot be read."""
        self.tally = tally or Tally()
        self._own = {kind: MemoryStore(self.tally, place.bounds, clocks.monotonic) for kind in Kind}
        self._shared: SharedStore | None = None
        if place.url:
            seal = Seal(place.secret) if place.secret else None
            self._shared = SharedStore(place.url, self.tally, seal, place.deadline_s, clocks)

    def store(self, kind: Kind, *, personal: bool = False) -> Store:
        """Return where entries of a kind go. What is personal leaves the process only sealed."""
        if self._shared is None or (personal and not self._shared.sealed):
            return self._own[kind]
        return self._shared

    def own(self, kind: Kind) -> MemoryStore:
        """Return the store of this process, for what is cheap to make and often read."""
        return self._own[kind]

    def renew(self, shelf: Shelf) -> None:
        """Drop a shelf wherever it is."""
        for store in self._stores(shelf.kind):
            store.renew(shelf)

    def close_shelf(self, shelf: Shelf, seconds: float) -> None:
        """Drop a shelf wherever it is, and do without it for so long."""
        for store in self._stores(shelf.kind):
            store.close_shelf(shelf, seconds)

    def clear(self, kind: Kind, tenant: str | None) -> int:
        """Drop what this process holds of a kind, of one tenant or of all, and return how many entries."""
        return self._own[kind].clear(kind, tenant)

    def warm_up(self) -> None:
        """Connect to the shared store, if there is one."""
        if self._shared is not None:
            self._shared.warm_up()

    def sweep(self) -> None:
        """Drop what is past its time, or owed to the shared store; to be called every second or so."""
        for store in self._own.values():
            store.sweep()
        if self._shared is not None:
            self._shared.settle()

    def rows(self) -> tuple[CacheRow, ...]:
        """Return the figures of every kind and tenant that has any, in order."""
        counts = self.tally.counts()
        sizes = {key: size for store in self._own.values() for key, size in store.sizes().items()}
        return tuple(
            CacheRow(kind, tenant, counts.get((kind, tenant), {}), *sizes.get((kind, tenant), (0, 0)))
            for kind, tenant in sorted(counts.keys() | sizes.keys())
        )

    def close(self) -> None:
        """Release threads and connections."""
        if self._shared is not None:
            self._shared.close()

    def _stores(self, kind: Kind) -> tuple[Store, ...]:
        own: tuple[Store, ...] = (self._own[kind],)
        return own if self._shared is None else (*own, self._shared)
