"""Bringing the store's tables to the version that this code expects."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from voicebot.store.database import Store, StoreUnavailable, sqlite_path


def upgrade(store: Store, revision: str = "head") -> str:
    """Run the migrations up to `revision` and return the one reached. Raises StoreUnavailable.

    The directory of a SQLite file is made when it is missing.
    """
    config = _config()
    path = sqlite_path(store.url)
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        with store.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.commit()
    except (SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(f"{store.name}: cannot be brought up to date: {_cause(error)}") from error
    return current(store)


def current(store: Store) -> str:
    """Return the revision of the store's tables, empty when there are none yet. Raises StoreUnavailable."""
    try:
        with store.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() or ""
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"{store.name}: {_cause(error)}") from error


def newest() -> str:
    """Return the revision that this code expects."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def prepare(store: Store) -> None:
    """Make the store ready at start: SQLite is brought up to date, any other database must be so already.

    A shared database is upgraded once, by `voicebot db upgrade`, not by every process that starts. Raises
    StoreUnavailable.
    """
    if store.url.get_backend_name() == "sqlite":
        upgrade(store)
    elif (found := current(store)) != newest():
        raise StoreUnavailable(
            f"{store.name}: tables are at revision {found or 'none'}, not {newest()}; run `voicebot db upgrade`"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("voicebot.store") / "migrations").replace("%", "%%"))
    return config


def _cause(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
