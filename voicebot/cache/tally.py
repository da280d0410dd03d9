"""The counters of all caches, by kind and tenant."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping

from voicebot.cache.shelf import Kind, Outcome


def _nobody(_kind: Kind, _outcome: Outcome, _by: int) -> None:
    """Tell nobody."""


class Tally:
    """Counts since the process started. Thread-safe.

    `tell` hears of each count as well, for the metrics.
    """

    def __init__(self, tell: Callable[[Kind, Outcome, int], None] = _nobody) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Kind, str, Outcome]] = Counter()

    def count(self, kind: Kind, tenant: str, outcome: Outcome, by: int = 1) -> None:
        """Count something; tenants come from dialplans, so there are few."""
        with self._lock:
            self._counts[kind, tenant, outcome] += by
        self._tell(kind, outcome, by)

    def counts(self) -> Mapping[tuple[Kind, str], Mapping[Outcome, int]]:
        """Return the counts of each kind and tenant that has any."""
        with self._lock:
            counted = dict(self._counts)
        found: dict[tuple[Kind, str], dict[Outcome, int]] = {}
        for (kind, tenant, outcome), number in counted.items():
            found.setdefault((kind, tenant), {})[outcome] = number
        return found
