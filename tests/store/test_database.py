from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from voicebot.store import upgrade as migrations
from voicebot.store.database import BUSY_TIMEOUT_MS, Store, StoreMisconfigured, StoreUnavailable
from voicebot.store.models import Base
from voicebot.store.records import CallRecord, TurnRecord


def test_a_call_and_its_turns_come_back(store: Store, call: CallRecord, turn: TurnRecord) -> None:
    second = replace(turn, number=2, silence_ms=None, barge_in_stop_ms=None, gaps_ms=())
    store.save_call(call, (turn, second))
    assert store.call("c1") == (call, (turn, second))
    assert store.call("c2") is None


def test_writing_a_call_again_replaces_it(store: Store, call: CallRecord, turn: TurnRecord) -> None:
    store.save_call(call, (turn, replace(turn, number=2)))
    ended = replace(call, disposition="completed", ended_at="2026-11-22T10:01:00+01:00", turns=1)
    store.save_call(ended, (turn,))
    assert store.call("c1") == (ended, (turn,))


def test_the_newest_call_comes_first_whatever_its_zone(store: Store, call: CallRecord) -> None:
    for call_id, started_at in (
        ("b", "2026-11-22T10:00:00+01:00"),
        ("c", "2026-11-22T09:30:00+00:00"),
        ("a", "2026-11-22T08:59:00+00:00"),
    ):
        store.save_call(replace(call, id=call_id, started_at=started_at), ())
    assert [record.id for record in store.calls()] == ["c", "b", "a"]
    assert [record.id for record in store.calls(limit=1)] == ["c"]


def test_only_ended_calls_count_as_finished(store: Store, call: CallRecord) -> None:
    store.save_call(call, ())
    store.save_call(replace(call, id="c2", disposition="completed"), ())
    many = [f"x{number}" for number in range(2500)]
    assert store.finished(["c1", "c2", *many]) == {"c2"}


def test_policies_are_kept_byte_for_byte(store: Store) -> None:
    text = '{"greeting": "Grüß Gott",  "key": "${SECRET}"}'
    store.save_policy("ab", text)
    store.save_policy("ab", text)
    assert store.policy("ab") == text
    assert store.policy("cd") is None


def test_sqlite_runs_in_wal_mode_with_foreign_keys(store: Store) -> None:
    with store.engine.connect() as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        ]
    assert values == ["wal", 1, BUSY_TIMEOUT_MS]


def test_the_migrations_make_the_tables_of_the_models(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_upgrading_twice_changes_nothing(store: Store, call: CallRecord) -> None:
    store.save_call(call, ())
    assert migrations.upgrade(store) == migrations.current(store) == migrations.newest()
    assert store.call("c1") is not None


@pytest.fixture
def locked(store: Store) -> Iterator[sqlite3.Connection]:
    """Another connection that holds the write lock of the store."""
    with closing(sqlite3.connect(str(store.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_locked_database_is_named_and_readers_go_on(
    store: Store, locked: sqlite3.Connection, call: CallRecord
) -> None:
    with pytest.raises(StoreUnavailable, match=r"voicebot\.db: database is locked"):
        store.save_call(call, (), attempts=1)
    assert store.calls() == []
    locked.execute("ROLLBACK")
    store.save_call(call, (), attempts=1)
    assert store.calls() == [call]


def test_an_error_tells_neither_numbers_nor_words(store: Store, call: CallRecord, turn: TurnRecord) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE turns")
    with pytest.raises(StoreUnavailable) as caught:
        store.save_call(call, (turn,), attempts=1)
    for secret in (turn.caller_text, turn.bot_text, call.caller):
        assert secret not in str(caught.value)
        assert secret not in str(caught.value.__cause__)


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a directory")
    store = Store(f"sqlite:///{blocker}/voicebot.db")
    for use in (store.ping, lambda: migrations.prepare(store)):
        with pytest.raises(StoreUnavailable, match=r"file/voicebot\.db"):
            use()
    store.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "voicebot.db"
    path.write_text("hello, I am a text file and no database at all")
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable, match="not a database"):
        migrations.prepare(store)
    store.close()


@pytest.mark.parametrize("url", ["", "nonsense", "oracle+nothing://x", "mysql+pymysql://bot:secret@127.0.0.1/bot"])
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreMisconfigured, match=r"store\.url") as caught:
        Store(url)
    assert "secret" not in str(caught.value)


def test_the_name_of_a_store_hides_its_password() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[postgres]'")
    store = Store("postgresql+psycopg://bot:secret@127.0.0.1:1/bot")
    assert store.name == "postgresql+psycopg://bot:***@127.0.0.1:1/bot"
    with pytest.raises(StoreUnavailable) as caught:
        store.ping()
    assert "secret" not in str(caught.value)
    store.close()
