"""`voicebot cache stats` and `voicebot cache clear`: what the running workers keep, and what they share."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from voicebot.cache.shared import SharedStore, Unreachable
from voicebot.cache.shelf import Kind, Outcome
from voicebot.cache.tally import Tally
from voicebot.config import Settings
from voicebot.runtime.caching import Figures, order, speech_folder
from voicebot.telemetry.status import WorkerState, WorkerStatus, read_all
from voicebot.tts.cache import SpeechCache

PATIENCE_S: Final = 10.0
"""Until every worker has cleared: they look for orders once a second."""
POLL_S: Final = 0.05
SHARED_S: Final = 1.0
"""For one answer of the shared store: nobody is on the line."""

DONE, BAD = 0, 1
_SHARED_KINDS: Final = (Kind.ANSWERS, Kind.CONNECTORS)
_COLUMNS: Final = ("kind", "tenant", *map(str, Outcome), "entries", "bytes", "shared")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which caches are meant: no kind is every kind, no tenant every tenant."""

    kind: Kind | None
    tenant: str | None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds."""
        return tuple(Kind) if self.kind is None else (self.kind,)

    def holds(self, row: Figures) -> bool:
        """Whether a row of figures is meant."""
        return row["kind"] in self.kinds and self.tenant in {None, row["tenant"]}


def stats(settings: Settings, chosen: Chosen, *, as_json: bool) -> int:
    """Print the figures of all workers together, and how much the shared store holds."""
    rows = summed(row for worker in _alive(settings) for row in worker.caches if chosen.holds(row))
    shared, reason = _shared_counts(settings, chosen)
    if as_json:
        sys.stdout.write(json.dumps({"caches": rows, "shared": shared, "shared_problem": reason}, indent=2) + "\n")
        return BAD if reason else DONE
    table = [_COLUMNS, *(tuple(str(row.get(name, "")) for name in _COLUMNS) for row in rows)]
    table += [(kind, chosen.tenant or "", *[""] * (len(_COLUMNS) - 3), str(count)) for kind, count in shared.items()]
    sys.stdout.write(_table(table))
    if not rows:
        sys.stdout.write(f"no worker serves from {settings.data.dir}\n")
    if reason:
        sys.stderr.write(f"voicebot: {reason}\n")
    return BAD if reason else DONE


def clear(settings: Settings, chosen: Chosen) -> int:
    """Drop what workers keep and share, and wait until it is done. 1 when something could not be cleared."""
    code = DONE
    shared = 0
    if settings.cache.url:
        store = _store(settings)
        try:
            shared = sum(store.clear(kind, chosen.tenant) for kind in chosen.kinds if kind in _SHARED_KINDS)
        except Unreachable as error:
            sys.stderr.write(f"voicebot: {_unreachable(error)}\n")
            code = BAD
        finally:
            store.close()
    workers = [worker.number for worker in _alive(settings)]
    if Kind.TTS in chosen.kinds and chosen.tenant is None and not workers and speech_folder(settings).is_dir():
        SpeechCache(speech_folder(settings)).clear()
    dropped, silent = _ordered(settings, chosen, workers)
    if silent:
        numbers = ", ".join(map(str, silent))
        sys.stderr.write(f"voicebot: worker {numbers} did not clear within {PATIENCE_S:g} s: see its log, try again\n")
        code = BAD
    what = chosen.kind or "all caches"
    whose = f" of {chosen.tenant}" if chosen.tenant else ""
    sys.stdout.write(f"cleared {what}{whose}: {dropped} entries in {len(workers)} workers, {shared} shared\n")
    if chosen.tenant and chosen.kind in {None, Kind.TTS}:
        sys.stdout.write("rendered speech is no tenant's: it stays; clear it without --tenant\n")
    return code


def summed(rows: Iterable[Figures]) -> list[Figures]:
    """Add up the rows of one kind and tenant."""
    sums: dict[tuple[str, str], dict[str, str | int]] = {}
    for row in rows:
        key = (str(row["kind"]), str(row["tenant"]))
        into = sums.setdefault(key, {"kind": key[0], "tenant": key[1]})
        for name, value in row.items():
            if isinstance(value, int):
                into[name] = int(into.get(name, 0)) + value
    return [sums[key] for key in sorted(sums)]


def _ordered(settings: Settings, chosen: Chosen, workers: Sequence[int]) -> tuple[int, list[int]]:
    """Let the workers clear; return how many entries they dropped, and the workers that did not answer."""
    if not workers:
        return 0, []
    name, path = order(settings.data.dir / "run", chosen.kinds, chosen.tenant)
    end = time.monotonic() + PATIENCE_S
    done: dict[int, int] = {}
    try:
        while len(done) < len(workers) and time.monotonic() < end:
            alive = {worker.number: worker for worker in _alive(settings)}
            for number in workers:
                worker = alive.get(number)
                if worker is None:
                    done[number] = 0  # it is gone, and what it kept with it
                elif name in worker.cleared:
                    done[number] = worker.cleared[name]
            time.sleep(POLL_S)
    finally:
        path.unlink(missing_ok=True)
    return sum(done.values()), [number for number in workers if number not in done]


def _alive(settings: Settings) -> list[WorkerStatus]:
    workers = read_all(settings.data.dir / "run", time.monotonic())
    return [worker for worker in workers if worker.state is not WorkerState.GONE]


def _store(settings: Settings) -> SharedStore:
    return SharedStore(settings.cache.url, Tally(), deadline_s=SHARED_S)


def _unreachable(error: Unreachable) -> str:
    return f"cache.url: the shared cache does not answer ({error}): start it, or correct the address, and try again"


def _shared_counts(settings: Settings, chosen: Chosen) -> tuple[dict[str, int], str]:
    """Return how many entries the shared store holds of each kind, and why that is not known."""
    if not settings.cache.url:
        return {}, ""
    store = _store(settings)
    try:
        return {str(kind): store.count(kind, chosen.tenant) for kind in chosen.kinds if kind in _SHARED_KINDS}, ""
    except Unreachable as error:
        return {}, _unreachable(error)
    finally:
        store.close()


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"
