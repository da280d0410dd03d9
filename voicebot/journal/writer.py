"""Recording calls off their driver threads: one thread a process behind one bounded queue.

Drivers append and go on; they never wait for a disk or a database. The thread wakes every 100 ms (at once when a call
begins or ends, or the queue is half full), writes what came, and hands it to the kernel, so that a killed process loses
at most that much of a call.

Overflow policy of the queue: `drop_newest`, counted; a call that lost an entry is marked as not replayable. The
beginning and the end of a call are always taken, two entries a call at most, and so is the audit of its connectors.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from voicebot.core.commands import Command
from voicebot.core.events import CallStarted, Event
from voicebot.journal.file import core_version
from voicebot.journal.lines import FORMAT, Header, Playout, Step
from voicebot.journal.recording import Ending, Item, Recording, Sound
from voicebot.media.playout import PlayoutEntry
from voicebot.store.database import Store, StoreUnavailable
from voicebot.store.records import AuditRecord, CallRecord, TurnRecord
from voicebot.telemetry import metrics

logger = logging.getLogger(__name__)

WAKE_S = 0.1
"""Longest time that an entry waits in the queue of an idle writer."""

OWED_CAPACITY = 256
"""Finished calls that wait for a database that is gone. Overflow policy: `leave_to_reconcile`, counted: the journal
holds the call, and `reconcile` carries it into the store at the next start."""

OWED_RETRY_S = 15.0

AUDIT_CAPACITY = 4096
"""Rows of the audit that wait for a database that is gone. Overflow policy: `drop_oldest`, counted."""


@dataclass(frozen=True, slots=True)
class _Begin:
    header: Header
    policy_json: str


class CallJournal:
    """The recording of one call, as its driver sees it. No method blocks or raises."""

    def __init__(self, writer: JournalWriter, call_id: str) -> None:
        self.call_id = call_id
        self.complete = True
        """False once an entry was lost: the call will not be replayable."""
        self._writer = writer

    def step(self, seq: int, now_ms: int, event: Event, commands: tuple[Command, ...]) -> None:
        """Record one step of the core. `seq` counts from 1; `now_ms` is on the call's clock."""
        self._writer.append(self, Step(seq, now_ms, event, commands))

    def queued_audio(self, speech: int, pcm16k: bytes) -> None:
        """Record audio (16 kHz, int16, mono) that the playout ring accepted; only what it accepted, in its order."""
        self._writer.append(self, Sound(speech, pcm16k))

    def playout(self, now_ms: int, ticks: int, entries: list[PlayoutEntry]) -> None:
        """Record the ring's log (`take_log`), its `ticks` read right after it, and the time at which that was."""
        self._writer.append(self, Playout(now_ms, ticks, tuple(entries)))

    def audit(self, record: AuditRecord) -> None:
        """Record what a connector did; also after the end of the call. It goes to the store alone."""
        self._writer.append(self, record)

    def not_replayable(self) -> None:
        """Say that something was lost before it came here, as when the ring's own log overflowed."""
        self.complete = False

    def finish(self, ending: Ending) -> None:
        """Record the end of the call; nothing may follow."""
        self._writer.append(self, ending)


class JournalWriter:
    """The writer of all calls of this process. `store` is None where only journals are wanted."""

    def __init__(self, data_dir: Path, store: Store | None, capacity: int = 8192, audits: int = AUDIT_CAPACITY) -> None:
        self._data_dir = data_dir
        self._store = store
        self._capacity = capacity
        self._queue: deque[tuple[CallJournal, Item | _Begin | Ending | AuditRecord]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._recordings: dict[CallJournal, Recording] = {}
        self._owed: deque[tuple[CallRecord, tuple[TurnRecord, ...]]] = deque()
        self._owed_at = 0.0
        self._audits: deque[AuditRecord] = deque(maxlen=audits)
        self._audits_at = 0.0
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def open(self, started: CallStarted, tenant: str, policy_json: str) -> CallJournal:
        """Begin to record a call. `policy_json` is the resolved policy whose hash `started` names."""
        call = CallJournal(self, started.call_id)
        header = Header(
            format=FORMAT,
            core=core_version(),
            call_id=started.call_id,
            sip_call_id=started.sip_call_id,
            tenant=tenant,
            caller=started.caller,
            called=started.called,
            started_at=started.started_at,
            policy_hash=started.policy_hash,
        )
        self.append(call, _Begin(header, policy_json))
        return call

    def append(self, call: CallJournal, item: Item | _Begin | Ending | AuditRecord) -> None:
        """Queue an entry, or drop it when the queue is full."""
        urgent = isinstance(item, _Begin | Ending | AuditRecord)
        with self._wake:
            if len(self._queue) >= self._capacity and not urgent:
                call.complete = False
                dropped = True
            else:
                self._queue.append((call, item))
                dropped = False
                if urgent or len(self._queue) * 2 == self._capacity:
                    self._wake.notify()
        if dropped:
            metrics.queue_overflowed("journal", "drop_newest")

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what is queued and stop; tell whether that was done in time. Unfinished calls count as interrupted."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        closing = False
        while not closing:
            with self._wake:
                if not self._queue and not self._closing:
                    self._wake.wait(WAKE_S)
                batch, self._queue = self._queue, deque()
                closing = self._closing
            for call, item in batch:
                try:
                    self._write(call, item)
                except Exception:
                    # Whatever went wrong with one entry of one call is no reason to lose those of the others.
                    logger.exception("journal entry lost", extra={"call_id": call.call_id})
                    metrics.queue_overflowed("journal", "writer_failed")
                    call.complete = False
            for recording in self._recordings.values():
                recording.flush()
            self._pay_owed(at_once=closing)
            self._keep_audits(at_once=closing)
        for recording in self._recordings.values():
            recording.abandon()

    def _write(self, call: CallJournal, item: Item | _Begin | Ending | AuditRecord) -> None:
        if isinstance(item, _Begin):
            self._begin(call, item)
        elif isinstance(item, AuditRecord):
            if len(self._audits) == self._audits.maxlen:
                metrics.queue_overflowed("audit", "drop_oldest")
            self._audits.append(item)
        elif (recording := self._recordings.get(call)) is None:
            return  # a renderer that was late, after the end of its call
        elif isinstance(item, Ending):
            del self._recordings[call]
            self._keep(*recording.finish(item, complete=call.complete))
        else:
            recording.take(item)

    def _keep_audits(self, *, at_once: bool) -> None:
        """Carry to the store what connectors did, soon again when it is gone."""
        if not self._audits or (not at_once and time.monotonic() < self._audits_at):
            return
        if self._store is not None:
            try:
                self._store.add_audit(tuple(self._audits), attempts=1)
            except StoreUnavailable as error:
                logger.warning("store unavailable, the audit waits", extra={"reason": str(error)})
                self._audits_at = time.monotonic() + OWED_RETRY_S
                return
        self._audits.clear()

    def _begin(self, call: CallJournal, begin: _Begin) -> None:
        recording = self._recordings[call] = Recording(self._data_dir, begin.header, begin.policy_json)
        if self._store is None:
            return
        try:
            self._store.save_policy(begin.header.policy_hash, begin.policy_json)
            self._store.save_call(recording.started, (), attempts=1)
        except StoreUnavailable as error:
            # Nothing is owed: the record that is written when the call ends holds all of it.
            logger.warning("store unavailable at the start of a call", extra={"reason": str(error)})

    def _keep(self, record: CallRecord, turns: tuple[TurnRecord, ...]) -> None:
        metrics.call_ended(record, turns)
        if self._store is None:
            return
        try:
            self._store.save_call(record, turns)
        except StoreUnavailable as error:
            logger.error(  # noqa: TRY400  # the cause is in the fields; a trace adds nothing
                "call record could not be stored; its journal holds it: check store.url and the database",
                extra={"call_id": record.id, "reason": str(error)},
            )
            if len(self._owed) < OWED_CAPACITY:
                self._owed.append((record, turns))
            else:
                metrics.queue_overflowed("store_owed", "leave_to_reconcile")

    def _pay_owed(self, *, at_once: bool) -> None:
        if self._store is None or not self._owed:
            return
        now = time.monotonic()
        if now < self._owed_at and not at_once:
            return
        self._owed_at = now + OWED_RETRY_S
        try:
            while self._owed:
                self._store.save_call(*self._owed[0], attempts=1)
                self._owed.popleft()
        except StoreUnavailable:
            return
