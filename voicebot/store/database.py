"""The store: calls, turns and policies in any database that SQLAlchemy knows.

SQLite, the default, runs in WAL mode, so that readers never wait for the writer of a call. Writes are retried for a
bounded time by tenacity; nobody on a call waits for them (they happen on the journal writer's thread).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, delete, event, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from voicebot.store.models import Call, ConnectorCall, Policy, Turn
from voicebot.store.records import ACTIVE, AuditRecord, CallRecord, TurnRecord

Result = TypeVar("Result")

BUSY_TIMEOUT_MS = 1000
"""How long one attempt waits for another writer of a SQLite database."""

WRITE_ATTEMPTS = 3
"""With the busy timeout and the waits between, a write is given up after about four seconds."""


class StoreUnavailable(Exception):
    """The database did not do what was asked; the message names it and the reason."""


class StoreMisconfigured(Exception):
    """`store.url` cannot be used at all."""


class Store:
    """Reads and writes records. Thread-safe; every method raises StoreUnavailable."""

    def __init__(self, url: str) -> None:
        """Prepare to use `url`; nothing is connected yet. Raises StoreMisconfigured."""
        self.url = _parsed(url)
        self._engine = _engine(self.url)

    @property
    def name(self) -> str:
        """The database's URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations."""
        return self._engine

    def save_policy(self, sha256: str, resolved: str) -> None:
        """Keep a resolved policy under its hash. Tried once: the policy lies beside the journals too."""

        def write(session: Session) -> None:
            if session.get(Policy, sha256) is None:
                session.add(Policy(sha256=sha256, resolved=resolved))

        self._write(write, 1)

    def policy(self, sha256: str) -> str | None:
        """Return the resolved policy of that hash."""

        def read(session: Session) -> str | None:
            found = session.get(Policy, sha256)
            return None if found is None else found.resolved

        return self._read(read)

    def save_call(self, record: CallRecord, turns: Sequence[TurnRecord], attempts: int = WRITE_ATTEMPTS) -> None:
        """Write a call and its turns in one transaction, over whatever was known of it."""

        def write(session: Session) -> None:
            session.merge(_call_row(record))
            session.flush()
            session.execute(delete(Turn).where(Turn.call_id == record.id))
            session.add_all(Turn(**{**dataclasses.asdict(turn), "gaps_ms": list(turn.gaps_ms)}) for turn in turns)

        self._write(write, attempts)

    def call(self, call_id: str) -> tuple[CallRecord, tuple[TurnRecord, ...]] | None:
        """Return a call and its turns in order, None when it is unknown."""

        def read(session: Session) -> tuple[CallRecord, tuple[TurnRecord, ...]] | None:
            row = session.get(Call, call_id)
            if row is None:
                return None
            turns = session.scalars(select(Turn).where(Turn.call_id == call_id).order_by(Turn.number))
            return _call_record(row), tuple(_turn_record(turn) for turn in turns)

        return self._read(read)

    def add_audit(self, records: Sequence[AuditRecord], attempts: int = WRITE_ATTEMPTS) -> None:
        """Add what connectors were asked to do, in one transaction."""
        self._write(
            lambda session: session.add_all(ConnectorCall(**dataclasses.asdict(record)) for record in records), attempts
        )

    def audit(self, call_id: str) -> tuple[AuditRecord, ...]:
        """Return what connectors were asked to do in a call, in order."""
        rows = select(ConnectorCall).where(ConnectorCall.call_id == call_id).order_by(ConnectorCall.id)
        return self._read(lambda session: tuple(_audit_record(row) for row in session.scalars(rows)))

    def calls(self, limit: int = 100) -> list[CallRecord]:
        """Return the newest calls, newest first."""
        newest = select(Call).order_by(Call.started_ms.desc(), Call.id.desc()).limit(limit)
        return self._read(lambda session: [_call_record(row) for row in session.scalars(newest)])

    def finished(self, call_ids: Collection[str]) -> set[str]:
        """Return which of these calls have a finished record."""
        ids = sorted(call_ids)
        # SQLite takes 32,766 parameters a statement; a thousand suits every database.
        chunks = [ids[at : at + 1000] for at in range(0, len(ids), 1000)]

        def read(session: Session) -> set[str]:
            found: set[str] = set()
            for chunk in chunks:
                found.update(session.scalars(select(Call.id).where(Call.id.in_(chunk), Call.disposition != ACTIVE)))
            return found

        return self._read(read)

    def ping(self) -> None:
        """Ask the database for anything at all."""
        self._read(lambda session: session.execute(select(1)).one())

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def _write(self, write: Callable[[Session], None], attempts: int) -> None:
        retrying = Retrying(
            retry=retry_if_exception_type(DBAPIError),
            stop=stop_after_attempt(attempts),
            wait=wait_random_exponential(multiplier=0.1, max=0.5),
            reraise=True,
        )
        try:
            retrying(self._transaction, write)
        except SQLAlchemyError as error:
            raise StoreUnavailable(self._reason(error)) from error

    def _transaction(self, write: Callable[[Session], None]) -> None:
        with Session(self._engine) as session, session.begin():
            write(session)

    def _read(self, read: Callable[[Session], Result]) -> Result:
        try:
            with Session(self._engine) as session:
                return read(session)
        except SQLAlchemyError as error:
            raise StoreUnavailable(self._reason(error)) from error

    def _reason(self, error: SQLAlchemyError) -> str:
        # The driver's own words, without the statement and its parameters: those hold numbers and transcripts.
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        reason = f"{self.name}: {str(cause).strip() or type(cause).__name__}"
        missing = "no such table" in reason or type(cause).__name__ == "UndefinedTable"
        return f"{reason}; run `voicebot db upgrade`" if missing else reason


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StoreMisconfigured(
            "store.url is not a database URL; an example: sqlite:////var/lib/bot/calls.db"
        ) from error


def _engine(url: URL) -> Engine:
    sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = (
        {"connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000}} if sqlite else {"pool_pre_ping": True}
    )
    try:
        engine = create_engine(url, hide_parameters=True, **options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreMisconfigured(f"store.url names a database whose driver is not installed: {error}") from error
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite database, None for one in memory or of another kind."""
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    return Path(str(url.database))


def _call_row(record: CallRecord) -> Call:
    started_ms = round(datetime.fromisoformat(record.started_at).timestamp() * 1000)
    return Call(**dataclasses.asdict(record), started_ms=started_ms)


def _call_record(row: Call) -> CallRecord:
    return CallRecord(**{field.name: getattr(row, field.name) for field in dataclasses.fields(CallRecord)})


def _turn_record(row: Turn) -> TurnRecord:
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(TurnRecord)}
    return TurnRecord(**{**values, "gaps_ms": tuple(values["gaps_ms"])})


def _audit_record(row: ConnectorCall) -> AuditRecord:
    return AuditRecord(**{field.name: getattr(row, field.name) for field in dataclasses.fields(AuditRecord)})
