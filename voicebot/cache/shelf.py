"""What all caches have in common: kinds, shelves, and the one contract of every store.

A shelf holds the entries that are dropped together: those of one kind, one tenant and one name, such as a connector's.
It has an edition, and an entry counts only in the edition in which its value was looked for. So dropping a shelf is one
small write, and what was fetched before the drop cannot come in after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


class Kind(StrEnum):
    """What is kept."""

    PROMPT = "prompt"
    ANSWERS = "answers"
    TTS = "tts"
    CONNECTORS = "connectors"


class Outcome(StrEnum):
    """What a store counts. Each look is one of the first three."""

    HIT = "hit"
    MISS = "miss"
    EXPIRED = "expired"
    """A look that found an entry past its time: a miss by another name."""
    STORED = "stored"
    EVICTED = "evicted"
    """The entry that was used longest ago made room."""
    REFUSED = "refused"
    """Was not taken: too large, of an older edition, or not allowed to be kept."""
    FAILED = "failed"
    """The shared store was too slow or gone. The look counts as a miss as well."""


class Shelf(NamedTuple):
    """Names the entries that are dropped together. None of the three is personal."""

    kind: Kind
    tenant: str
    name: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found. `edition` is handed back with what is put instead; empty: nothing may be put."""

    value: bytes | None
    edition: str


class Store(Protocol):
    """Keeps bytes by shelf and subject. Thread-safe; no method takes longer than the store's deadline.

    A `subject` is what the entry is about: bytes that may be personal. A store keeps a digest of it only.
    """

    def look(self, shelf: Shelf, subject: bytes) -> Look:
        """Return the entry if it is there, in time and of the shelf's edition."""

    def put(self, shelf: Shelf, subject: bytes, value: bytes, ttl_s: float, edition: str) -> None:
        """Keep a value for `ttl_s`, unless the shelf has another edition by now."""

    def renew(self, shelf: Shelf) -> None:
        """Drop a shelf. One that is closed stays closed."""

    def close_shelf(self, shelf: Shelf, seconds: float) -> None:
        """Drop a shelf, and neither give nor take entries for so long at least."""

    def clear(self, kind: Kind, tenant: str | None) -> int:
        """Drop everything of a kind, of one tenant or of all; return how many entries that were."""
