"""A link that loses, delays, doubles and reorders packets, the same way every time for one seed.

It has no clock and no socket: the time is a parameter, so a test may step it, and a telephone may run it in real time
(`Phone.impair`). Times are ms on whichever clock the caller counts by.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """What the link does to packets; probabilities are per packet. Without anything said it is perfect."""

    loss: float = 0.0
    """Probability that a packet is lost, whatever happened to others."""
    outage_every_ms: float = 0.0
    """Length of a period, counted from the first packet, at whose end nothing passes for `outage_ms`; 0: never."""
    outage_ms: float = 0.0
    delay_ms: float = 0.0
    """Time that every packet takes."""
    jitter_ms: float = 0.0
    """Most that is added to it, evenly distributed; packets stay in order."""
    reorder: float = 0.0
    """Probability that a packet is held back for `reorder_ms`, and may be overtaken."""
    reorder_ms: float = 25.0
    duplicate: float = 0.0
    """Probability that a packet comes twice."""


class Link:
    """One direction of a link."""

    def __init__(self, quality: Quality, seed: int = 1) -> None:
        self.sent = 0
        self.lost = 0
        self.duplicated = 0
        self.held_back = 0
        self._quality = quality
        self._random = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
        self._under_way: list[tuple[float, int, bytes]] = []
        self._began_ms: float | None = None
        self._last_ms = 0.0
        self._number = 0

    @property
    def next_ms(self) -> float | None:
        """When the next packet arrives, None when none is under way."""
        return self._under_way[0][0] if self._under_way else None

    def send(self, packet: bytes, now_ms: float) -> None:
        """Put a packet on the link. The same dice are thrown for every packet, whatever became of those before."""
        quality = self._quality
        lost, doubled, overtaken, late = (self._random.random() for _ in range(4))
        self.sent += 1
        if lost < quality.loss or self._is_out(now_ms):
            self.lost += 1
            return
        due_ms = max(now_ms + quality.delay_ms + late * quality.jitter_ms, self._last_ms)
        if overtaken < quality.reorder:
            self.held_back += 1
            due_ms += quality.reorder_ms
        else:
            self._last_ms = due_ms
        self._post(packet, due_ms)
        if doubled < quality.duplicate:
            self.duplicated += 1
            self._post(packet, due_ms)

    def take(self, now_ms: float) -> list[bytes]:
        """Return what has arrived by now, in the order of arrival."""
        arrived = []
        while self._under_way and self._under_way[0][0] <= now_ms:
            arrived.append(heapq.heappop(self._under_way)[2])
        return arrived

    def _is_out(self, now_ms: float) -> bool:
        if self._began_ms is None:
            self._began_ms = now_ms
        every_ms = self._quality.outage_every_ms
        return bool(every_ms) and (now_ms - self._began_ms) % every_ms >= every_ms - self._quality.outage_ms

    def _post(self, packet: bytes, due_ms: float) -> None:
        heapq.heappush(self._under_way, (due_ms, self._number, packet))
        self._number += 1
