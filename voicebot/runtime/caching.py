"""The caches of a process: as configured, in figures, and cleared on order.

Orders to clear are files in the run directory, like the workers' status: whoever orders writes one and waits until
every worker's status says that it is done.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from voicebot.brain.kept_answers import KeptAnswers
from voicebot.brain.prompts import PROMPTS
from voicebot.brain.protocol import Brain
from voicebot.cache.caches import CachePlace, CacheRow, Caches
from voicebot.cache.memory import Bounds
from voicebot.cache.shelf import Kind, Outcome
from voicebot.cache.tally import Tally
from voicebot.config import Settings
from voicebot.dialplan.policy import Policy
from voicebot.runtime.chains import Chosen
from voicebot.telemetry import metrics
from voicebot.tts.cache import SpeechCache

PAYS_FOR_ITSELF: Final = "openai"
"""The brain whose answers are worth keeping. The playbook makes its own faster than they could be found."""

ORDER: Final = "clear-caches"
ORDERS_KEPT: Final = 64

Figures = Mapping[str, str | int]
"""Of one kind and tenant: how often each outcome was counted, and the entries and bytes in memory."""


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


def speech_folder(settings: Settings) -> Path:
    """Return where rendered speech is kept, for all workers."""
    return settings.data.dir / "cache" / "speech"


def figures(caches: Caches, speech: SpeechCache) -> tuple[Figures, ...]:
    """Return a row for each kind and tenant that has any figures, and let the metrics know what is held."""
    rows = [row for row in caches.rows() if row.kind is not Kind.TTS]
    counts = caches.tally.counts().get((Kind.TTS, ""), {})
    rows.append(CacheRow(Kind.TTS, "", counts, *speech.held()))
    held, told = PROMPTS.held(), PROMPTS.tally.counts()
    tenants = sorted({*held, *(tenant for kind, tenant in told if kind is Kind.PROMPT)})
    rows += [
        CacheRow(Kind.PROMPT, name, told.get((Kind.PROMPT, name), {}), *held.get(name, (0, 0))) for name in tenants
    ]
    for kind in Kind:
        own = [row for row in rows if row.kind is kind]
        metrics.cache_holds(kind, sum(row.entries for row in own), sum(row.bytes for row in own))
    return tuple(
        {
            "kind": str(row.kind),
            "tenant": row.tenant,
            **{str(outcome): row.counts.get(outcome, 0) for outcome in Outcome},
            "entries": row.entries,
            "bytes": row.bytes,
        }
        for row in rows
    )


class Orders:
    """Carries out the orders to clear that stand in a run directory, each once."""

    def __init__(self, run_dir: Path, clear: Callable[[Kind, str | None], int]) -> None:
        self._run_dir = run_dir
        self._clear = clear
        self._done: OrderedDict[str, int] = OrderedDict()

    def carry_out(self) -> dict[str, int]:
        """Do what has not been done yet; return what has been done lately, by id, and how many entries it dropped."""
        for path in self._run_dir.glob(f"{ORDER}-*.json"):
            order = path.stem.removeprefix(f"{ORDER}-")
            if order in self._done:
                continue
            try:
                wanted = json.loads(path.read_text(encoding="utf-8"))
                kinds, tenant = [Kind(kind) for kind in wanted["kinds"]], wanted["tenant"]
            except (OSError, ValueError, KeyError, TypeError):
                continue  # withdrawn, or nothing that an order is
            self._done[order] = sum(self._clear(kind, tenant) for kind in kinds)
            while len(self._done) > ORDERS_KEPT:
                self._done.popitem(last=False)
        return dict(self._done)


def order(run_dir: Path, kinds: Iterable[Kind], tenant: str | None) -> tuple[str, Path]:
    """Order every worker to clear; return the order's id, and its file, which has to be removed in the end."""
    run_dir.mkdir(parents=True, exist_ok=True)
    name = secrets.token_hex(4)
    path = run_dir / f"{ORDER}-{name}.json"
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"kinds": list(kinds), "tenant": tenant}), encoding="utf-8")
    draft.replace(path)
    return name, path
