"""What the store keeps of a call, as a function of its journal, and of whether a recording lies beside it.

The writer uses it when a call ends, `reconcile` when a call was killed: so both come to the same record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from voicebot.core.events import CallAnswered
from voicebot.journal.file import Journal, recording_path
from voicebot.journal.lines import End, Step
from voicebot.journal.waterfall import turns_of
from voicebot.store.records import ACTIVE, INTERRUPTED, CallRecord, TurnRecord

Summary = tuple[CallRecord, tuple[TurnRecord, ...]]


def summarise(data_dir: Path, journal: Journal, audio: Mapping[int, bytes]) -> Summary:
    """Return the record of a call and of its turns. Without an end the call counts as still active.

    `audio` maps a speech to its mu-law.
    """
    header, end = journal.header, journal.end
    started = datetime.fromisoformat(header.started_at)

    def wall(ms: int) -> str:
        return (started + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")

    steps = [line for line in journal.lines if isinstance(line, Step)]
    duration_ms = steps[-1].now_ms if steps else 0
    answered = next((step.now_ms for step in steps if isinstance(step.event, CallAnswered)), None)
    turns = turns_of(journal.lines, audio, header.call_id)
    recording = recording_path(data_dir, header.call_id, header.started_at)
    record = CallRecord(
        id=header.call_id,
        sip_call_id=header.sip_call_id,
        tenant=header.tenant,
        caller=header.caller,
        called=header.called,
        started_at=header.started_at,
        policy_hash=header.policy_hash,
        journal=journal.path.relative_to(data_dir).as_posix(),
        recording=recording.relative_to(data_dir).as_posix() if recording.exists() else "",
        disposition=end.disposition if end else ACTIVE,
        reason_code=end.reason_code if end else "",
        answered_at=None if answered is None else wall(answered),
        ended_at=wall(duration_ms) if end else None,
        duration_ms=duration_ms,
        turns=len(turns),
        replayable=end is not None and end.replayable,
        interrupted=end is not None and end.disposition == INTERRUPTED,
    )
    return record, turns


def interrupted(data_dir: Path, journal: Journal) -> Summary:
    """Return the record of a call whose journal breaks off, because its process died."""
    end = journal.end or End(INTERRUPTED, "", 0, "", replayable=False)
    return summarise(data_dir, replace(journal, end=end), journal.audio())
