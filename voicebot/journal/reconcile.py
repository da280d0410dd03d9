"""Carrying into the store what only journals know: calls whose process died, and calls that no database took."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from voicebot.journal.file import JournalError, is_being_written, journal_paths, read_journal
from voicebot.journal.recording import policy_path
from voicebot.journal.summary import interrupted
from voicebot.store.database import Store

logger = logging.getLogger(__name__)


def reconcile(data_dir: Path, store: Store) -> tuple[str, ...]:
    """Write a record for every journal without a finished one, and return the ids of those calls.

    Calls that another process is recording right now are left alone. A journal that cannot be read is reported and
    passed over. Raises StoreUnavailable.
    """
    carried = []
    for path in _unfinished(data_dir, store):
        try:
            if is_being_written(path):
                continue
            journal = read_journal(path)
            record, turns = interrupted(data_dir, journal)
            policy = policy_path(data_dir, record.policy_hash)
        except (JournalError, OSError, ValueError) as error:
            logger.warning("journal cannot be reconciled", extra={"path": str(path), "reason": str(error)})
            continue
        with suppress(OSError):
            store.save_policy(record.policy_hash, policy.read_text(encoding="utf-8"))
        store.save_call(record, turns)
        logger.info("call reconciled", extra={"call_id": record.id, "disposition": record.disposition})
        carried.append(record.id)
    return tuple(carried)


def _unfinished(data_dir: Path, store: Store) -> Iterator[Path]:
    paths = {path.stem: path for path in journal_paths(data_dir)}
    finished = store.finished(paths.keys())
    return (path for call_id, path in paths.items() if call_id not in finished)
