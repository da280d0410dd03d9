"""How workers tell the web process how they are: one small file each, written whole every second.

A file older than 5 s, or of a process that is gone, counts as `gone`: nobody waits for a worker that hangs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

STALE_S = 5.0
"""Age after which a status no longer counts."""


class WorkerState(StrEnum):
    """What a worker is up to."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    GONE = "gone"
    """Never written: what a reader makes of a stale file."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker.

    `updated_s` is on the machine's monotonic clock, which all its processes share; `updated_at` is wall time for people
    to read, ISO 8601.
    """

    number: int
    pid: int
    sip_port: int
    state: WorkerState
    active_calls: int
    capacity: int
    drain_limit_s: float
    updated_s: float
    updated_at: str
    sick_engines: tuple[str, ...] = ()
    """Engines that calls pass over at the moment, as `role:name`."""
    caches: tuple[Mapping[str, str | int], ...] = ()
    """The figures of each kind of cache and tenant, since the worker started."""
    cleared: Mapping[str, int] = field(default_factory=dict)
    """The orders to clear caches that were carried out lately, by id, and how many entries each dropped."""


def write(run_dir: Path, status: WorkerStatus) -> None:
    """Replace the worker's file in one step. Raises OSError."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = _path(run_dir, status.number)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(status)), encoding="utf-8")
    draft.replace(path)


def remove(run_dir: Path, number: int) -> None:
    """Forget a worker that ended in order. Raises OSError."""
    _path(run_dir, number).unlink(missing_ok=True)


def read_all(run_dir: Path, now_s: float) -> tuple[WorkerStatus, ...]:
    """Return every worker's status by number; `now_s` is on the monotonic clock. Half-made files are passed over."""
    found = []
    for path in run_dir.glob("worker-*.json"):
        with suppress(OSError, ValueError, TypeError):
            values = json.loads(path.read_text(encoding="utf-8"))
            status = WorkerStatus(**{**values, "state": WorkerState(values["state"])})
            # A monotonic time in the future is from before a reboot.
            fresh = 0 <= now_s - status.updated_s <= STALE_S and _alive(status.pid)
            found.append(status if fresh else _gone(status))
    return tuple(sorted(found, key=lambda status: status.number))


def ready(workers: Iterable[WorkerStatus]) -> bool:
    """Tell whether any worker takes calls."""
    return any(worker.state is WorkerState.READY for worker in workers)


def _gone(status: WorkerStatus) -> WorkerStatus:
    return WorkerStatus(**{**asdict(status), "state": WorkerState.GONE, "active_calls": 0})


def _path(run_dir: Path, number: int) -> Path:
    return run_dir / f"worker-{number}.json"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
