"""The caches of a process, as configured."""

from __future__ import annotations

from voicebot.cache.caches import CachePlace, Caches
from voicebot.cache.memory import Bounds
from voicebot.cache.tally import Tally
from voicebot.config import Settings
from voicebot.telemetry import metrics


def caches_of(settings: Settings) -> Caches:
    """Return what the configuration asks for; the metrics hear of every count."""
    cache = settings.cache
    bounds = Bounds(cache.entries, cache.megabytes * 2**20)
    place = CachePlace(cache.url, cache.key.get_secret_value(), cache.timeout_ms / 1000, bounds)
    return Caches(place, Tally(metrics.cache_counted))
