"""Whether the bot lives, can take calls, and how it is: from the workers' status files, the store and the disk."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from voicebot.store.database import Store, StoreUnavailable
from voicebot.telemetry.status import WorkerState, WorkerStatus, read_all, ready

LOW_DISK_BYTES = 256 * 1024 * 1024
"""Below this free space `/health` calls the disk low: about four hours of journals with audio."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether new calls are welcome; if not, why, and when to ask again, in seconds."""

    ready: bool
    reason: str
    retry_after_s: int


def readiness(workers: tuple[WorkerStatus, ...]) -> Readiness:
    """Judge by the workers. A full bot is ready: it answers with 503 and Retry-After by itself."""
    if ready(workers):
        return Readiness(ready=True, reason="", retry_after_s=0)
    states = {worker.state for worker in workers}
    if WorkerState.STARTING in states:
        return Readiness(ready=False, reason="starting: no worker is ready yet", retry_after_s=5)
    if WorkerState.DRAINING in states:
        return Readiness(ready=False, reason="draining: running calls finish, no new ones are taken", retry_after_s=60)
    return Readiness(ready=False, reason="no worker is running", retry_after_s=10)


class Health:
    """Looks when asked; keeps nothing."""

    def __init__(self, data_dir: Path, store: Store | None) -> None:
        self._data_dir = data_dir
        self._store = store

    def workers(self) -> tuple[WorkerStatus, ...]:
        """Return the status of every worker."""
        return read_all(self._data_dir / "run", time.monotonic())

    def report(self) -> dict[str, object]:
        """Return all that is known, ready for JSON. Blocks on the database for about a second at worst."""
        workers = self.workers()
        alive = [worker for worker in workers if worker.state is not WorkerState.GONE]
        judged = readiness(workers)
        return {
            "ready": judged.ready,
            "reason": judged.reason,
            "active_calls": sum(worker.active_calls for worker in alive),
            "capacity": sum(worker.capacity for worker in alive),
            "workers": [asdict(worker) for worker in workers],
            "store": self._store_report(),
            "disk": self._disk_report(),
        }

    def _store_report(self) -> dict[str, object]:
        if self._store is None:
            return {"ok": True, "name": "none", "reason": ""}
        try:
            self._store.ping()
        except StoreUnavailable as error:
            return {"ok": False, "name": self._store.name, "reason": str(error)}
        return {"ok": True, "name": self._store.name, "reason": ""}

    def _disk_report(self) -> dict[str, object]:
        try:
            free = shutil.disk_usage(self._data_dir).free
        except OSError as error:
            return {"ok": False, "free_bytes": 0, "reason": f"{self._data_dir}: {error.strerror}"}
        low = free < LOW_DISK_BYTES
        return {"ok": not low, "free_bytes": free, "reason": "low: journals and records may be lost" if low else ""}
