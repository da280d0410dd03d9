"""The caches of a process, as configured."""

from __future__ import annotations

import os
from typing import Final

from voicebot.brain.kept_answers import KeptAnswers
from voicebot.brain.protocol import Brain
from voicebot.cache.caches import CachePlace, Caches
from voicebot.cache.memory import Bounds
from voicebot.cache.tally import Tally
from voicebot.config import Settings
from voicebot.dialplan.policy import Policy
from voicebot.runtime.chains import Chosen
from voicebot.telemetry import metrics

PAYS_FOR_ITSELF: Final = "openai"
"""The brain whose answers are worth keeping. The playbook makes its own faster than they could be found."""


def caches_of(settings: Settings) -> Caches:
    """Return what the configuration asks for; the metrics hear of every count."""
    cache = settings.cache
    bounds = Bounds(cache.entries, cache.megabytes * 2**20)
    place = CachePlace(cache.url, cache.key.get_secret_value(), cache.timeout_ms / 1000, bounds)
    return Caches(place, Tally(metrics.cache_counted))


def kept_answers(brain: Brain, policy: Policy, caches: Caches, chosen: Chosen) -> Brain:
    """Return a brain that answers again what may be answered again; the same one where nothing may."""
    repeatable = any(intent.repeatable for intent in policy.dialplan.intents.values())
    if chosen.engine != PAYS_FOR_ITSELF or not repeatable:
        return brain
    place = chosen.url or os.environ.get("OPENAI_BASE_URL", "")
    return KeptAnswers(brain, policy, caches, f"{chosen.engine} {chosen.model} {place}")
