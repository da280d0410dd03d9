from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from voicebot.store import upgrade as migrations
from voicebot.store.database import Store, StoreUnavailable
from voicebot.store.records import CallRecord, TurnRecord

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("initdb") is None, reason="PostgreSQL is not installed"),
]


@pytest.fixture
def url() -> Iterator[str]:
    """A PostgreSQL server of its own behind a Unix socket, so that it takes no port."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[postgres]'")
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    with TemporaryDirectory(prefix="pg") as folder:
        data = Path(folder) / "data"
        if user is not None:
            shutil.chown(folder, user)

        def run(tool: str, *arguments: str) -> None:
            # pg_ctl lies beside initdb, but on Debian not on the path.
            beside = Path(os.path.realpath(shutil.which("initdb") or "")).parent / tool
            environment = {**os.environ, "HOME": folder}
            command = [str(beside), "-D", str(data), *arguments]
            subprocess.run(command, user=user, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)

        run("initdb", "-U", "bot", "-A", "trust", "-N")
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "start")
        try:
            yield f"postgresql+psycopg://bot@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")


def test_the_store_works_on_postgresql(url: str, call: CallRecord, turn: TurnRecord) -> None:
    store = Store(url)
    with pytest.raises(StoreUnavailable, match="voicebot db upgrade"):
        migrations.prepare(store)
    assert migrations.upgrade(store) == migrations.newest()
    migrations.prepare(store)
    store.save_policy("ab", "{}")
    store.save_call(call, (turn,))
    ended = replace(call, disposition="completed")
    store.save_call(ended, (turn, replace(turn, number=2)))
    assert store.call("c1") == (ended, (turn, replace(turn, number=2)))
    assert store.calls() == [ended]
    assert store.finished(["c1"]) == {"c1"}
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'bot'"
        )
    assert store.policy("ab") == "{}"
    store.close()
