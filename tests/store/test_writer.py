from __future__ import annotations

import logging
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from voicebot.core.events import CallAnswered, CallEnded, CallStarted, EndCause, Event, Played
from voicebot.journal.file import find_journal, is_being_written, read_journal
from voicebot.journal.reconcile import reconcile
from voicebot.journal.recording import Ending
from voicebot.journal.writer import CallJournal, JournalWriter
from voicebot.media.playout import PlayoutRing
from voicebot.store.database import Store
from voicebot.store.records import AuditRecord
from voicebot.store.upgrade import prepare

PCM = bytes(640 * 4)


def started(call_id: str) -> CallStarted:
    moment = "2026-11-22T10:00:00+00:00"
    return CallStarted(
        call_id, "f00@127.0.0.1", "+15550100", "500", moment, "UTC", "sunday", open_now=True, policy_hash="ab"
    )


def play(journal: CallJournal) -> None:
    """A call in which four frames are spoken."""
    ring = PlayoutRing()
    events: list[Event] = [started(journal.call_id), CallAnswered("PCMU"), CallEnded(EndCause.CALLER_HUNG_UP, 0)]
    for seq, event in enumerate(events, start=1):
        journal.step(seq, 1000 * (seq - 1), event, ())
    ring.push(1, 0, PCM)
    journal.queued_audio(1, PCM)
    for _ in range(6):
        ring.pop()
    journal.playout(120, ring.ticks, ring.take_log())


def record(writer: JournalWriter, call_id: str) -> None:
    journal = writer.open(started(call_id), "shop", "{}")
    play(journal)
    journal.finish(Ending("caller_hung_up", "sales"))


def test_a_call_leaves_a_record_a_journal_and_its_policy(store: Store, tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, store)
    record(writer, "c1")
    assert writer.close()
    found = store.call("c1")
    assert found is not None
    call, _ = found
    assert (call.disposition, call.reason_code, call.duration_ms) == ("caller_hung_up", "sales", 2000)
    assert call.answered_at == "2026-11-22T10:00:01.000+00:00"
    assert call.ended_at == "2026-11-22T10:00:02.000+00:00"
    assert call.replayable
    journal = read_journal(tmp_path / call.journal)
    assert journal.audio() == {1: b"\xff" * 320 * 4}
    assert journal.end is not None
    assert journal.end.ticks == 4
    assert store.policy("ab") == "{}"
    assert (tmp_path / "policies" / "ab.json").read_text() == "{}"


def test_a_full_queue_drops_entries_but_never_the_end_of_a_call(store: Store, tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, store, capacity=1)
    journal = writer.open(started("c1"), "shop", "{}")
    with writer._wake:
        while journal.complete:
            journal.step(1, 0, Played(1, 1), ())
        journal.finish(Ending("caller_hung_up", ""))
    assert writer.close()
    found = store.call("c1")
    assert found is not None
    assert found[0].disposition == "caller_hung_up"
    assert not found[0].replayable


def test_a_loss_that_happened_elsewhere_is_marked(store: Store, tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, store)
    journal = writer.open(started("c1"), "shop", "{}")
    play(journal)
    journal.not_replayable()
    journal.finish(Ending("caller_hung_up", ""))
    writer.close()
    assert not read_journal(find_journal(tmp_path, "c1")).end.replayable  # type: ignore[union-attr]


def test_an_entry_that_cannot_be_encoded_costs_the_replay_and_nothing_else(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = JournalWriter(tmp_path, store)
    journal = writer.open(started("c1"), "shop", "{}")
    journal.step(1, 0, Played("one", 1), ())  # type: ignore[arg-type]
    play(journal)
    journal.finish(Ending("caller_hung_up", ""))
    writer.close()
    assert [entry.getMessage() for entry in caplog.records] == ["journal entry cannot be encoded"]
    found = store.call("c1")
    assert found is not None
    assert not found[0].replayable


def test_one_call_that_goes_wrong_harms_no_other(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = JournalWriter(tmp_path, store)
    with writer._wake:
        writer.open(started("../c1"), "shop", "{}")
        record(writer, "c2")
    writer.close()
    assert [entry.getMessage() for entry in caplog.records] == ["journal entry lost"]
    assert store.call("../c1") is None
    found = store.call("c2")
    assert found is not None
    assert found[0].replayable


@pytest.mark.parametrize("place", ["journals", "policies"])
def test_a_directory_that_cannot_be_made_costs_the_journal_and_nothing_else(
    store: Store, tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / place).write_text("in the way")
    writer = JournalWriter(tmp_path, store)
    record(writer, "c1")
    writer.close()
    (entry,) = caplog.records
    assert entry.levelno == logging.ERROR
    assert "journal cannot be written" in entry.getMessage()
    found = store.call("c1")
    assert found is not None
    assert (found[0].disposition, found[0].replayable) == ("caller_hung_up", False)


FULL_DISK = """
import resource, sys
from pathlib import Path
from voicebot.journal.writer import JournalWriter
from voicebot.journal.recording import Ending
from voicebot.core.events import CallStarted, Played
import signal, logging
logging.basicConfig(format="%(message)s")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
moment = "2026-11-22T10:00:00+00:00"
writer = JournalWriter(Path(sys.argv[1]), None)
for call_id in ("c1", "c2"):
    started = CallStarted(call_id, "s", "+1", "5", moment, "UTC", "sunday", open_now=True, policy_hash="ab")
    call = writer.open(started, "shop", "{}")
    for seq in range(1, 1000 if call_id == "c1" else 10):
        call.step(seq, seq, Played(1, seq), ())
    call.finish(Ending("caller_hung_up", ""))
print(writer.close())
"""


def test_a_full_disk_is_said_once_and_other_calls_go_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "True\n"
    assert done.stderr.count("journal cannot be written") == 1
    assert read_journal(find_journal(tmp_path, "c1")).end is None
    assert read_journal(find_journal(tmp_path, "c2")).end is not None


class _Release(logging.Handler):
    """Lets go of the database's lock when the writer has said that it gives up."""

    def __init__(self, other: sqlite3.Connection) -> None:
        super().__init__(logging.ERROR)
        self._other = other

    def emit(self, record: logging.LogRecord) -> None:
        assert "could not be stored" in record.getMessage()
        self._other.execute("ROLLBACK")


def test_a_locked_database_gets_the_record_once_it_is_free(store: Store, tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, store)
    log = logging.getLogger("voicebot.journal.writer")
    with closing(sqlite3.connect(tmp_path / "voicebot.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = _Release(other)
        log.addHandler(release)
        try:
            record(writer, "c1")
            assert writer.close(timeout_s=60)
        finally:
            log.removeHandler(release)
    found = store.call("c1")
    assert found is not None
    assert (found[0].disposition, found[0].replayable) == ("caller_hung_up", True)


def test_calls_that_a_lost_database_never_took_are_reconciled(tmp_path: Path) -> None:
    gone = Store(f"sqlite:///{tmp_path / 'nowhere' / 'voicebot.db'}")
    writer = JournalWriter(tmp_path, gone)
    record(writer, "c1")
    writer.close(timeout_s=60)
    prepare(gone)
    assert reconcile(tmp_path, gone) == ("c1",)
    found = gone.call("c1")
    assert found is not None
    assert (found[0].disposition, found[0].replayable, found[0].interrupted) == ("caller_hung_up", True, False)
    assert gone.policy("ab") == "{}"
    assert reconcile(tmp_path, gone) == ()
    gone.close()


KILLED = """
import os, sys
from pathlib import Path
from voicebot.journal.writer import JournalWriter
from voicebot.store.database import Store
from voicebot.core.events import CallStarted, Played
moment = "2026-11-22T10:00:00+00:00"
store = Store(sys.argv[2])
writer = JournalWriter(Path(sys.argv[1]), store)
started = CallStarted("c1", "s", "+15550100", "5", moment, "UTC", "sunday", open_now=True, policy_hash="ab")
call = writer.open(started, "shop", "{}")
call.step(1, 0, started, ())
call.step(2, 4321, Played(1, 1), ())
while "Played" not in next(Path(sys.argv[1]).glob("journals/*/*.jsonl"), Path(os.devnull)).read_text():
    os.sched_yield()
print("recorded", flush=True)
sys.stdin.read()
"""


def test_a_call_whose_process_is_killed_keeps_its_record(store: Store, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), str(store.url)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"recorded\n"
        assert is_being_written(find_journal(tmp_path, "c1"))
        assert reconcile(tmp_path, store) == ()
        found = store.call("c1")
        assert found is not None
        assert found[0].disposition == "active"
        worker.send_signal(signal.SIGKILL)
    assert reconcile(tmp_path, store) == ("c1",)
    found = store.call("c1")
    assert found is not None
    call, _ = found
    assert (call.disposition, call.interrupted, call.caller) == ("interrupted", True, "+15550100")
    assert (call.duration_ms, call.ended_at) == (4321, "2026-11-22T10:00:04.321+00:00")


def test_a_damaged_journal_holds_up_no_other(store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = JournalWriter(tmp_path, None)
    record(writer, "c1")
    record(writer, "c2")
    writer.close()
    find_journal(tmp_path, "c1").write_text("hello\n")
    assert reconcile(tmp_path, store) == ("c2",)
    assert "journal cannot be reconciled" in caplog.text


AUDITED = AuditRecord("c1", 2, "book", "c1-1", 4000, '{"day": "friday"}', "booked", 120, "reversible")


def test_the_audit_is_kept_also_after_the_end_of_a_call(store: Store, tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, store)
    journal = writer.open(started("c1"), "shop", "{}")
    journal.audit(AUDITED)
    journal.finish(Ending("caller_hung_up", ""))
    late = replace(AUDITED, outcome="timeout")
    journal.audit(late)
    assert writer.close()
    assert store.audit("c1") == (AUDITED, late)
    assert store.audit("c2") == ()


def test_the_audit_waits_for_a_database_that_is_gone(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = Store(f"sqlite:///{tmp_path / 'no_such_folder' / 'x.db'}")
    writer = JournalWriter(tmp_path, gone, audits=2)
    journal = writer.open(started("c1"), "shop", "{}")
    for outcome in ("first", "second", "third"):
        journal.audit(replace(AUDITED, outcome=outcome))
    while "store unavailable, the audit waits" not in caplog.messages:
        threading.Event().wait(0.01)
    writer._store = store
    writer.close()
    assert [row.outcome for row in store.audit("c1")] == ["second", "third"]


def test_without_a_store_there_is_no_audit(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, None)
    writer.open(started("c1"), "shop", "{}").audit(AUDITED)
    assert writer.close()
