from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from voicebot.journal import console
from voicebot.store.database import Store
from voicebot.store.records import AuditRecord, CallRecord, TurnRecord
from voicebot.store.upgrade import newest


@pytest.fixture
def out() -> Console:
    return Console(file=StringIO(), width=160, soft_wrap=True)


def printed(out: Console) -> str:
    assert isinstance(out.file, StringIO)
    return out.file.getvalue()


def test_the_list_is_an_array_newest_first(store: Store, call: CallRecord, out: Console) -> None:
    store.save_call(call, ())
    store.save_call(
        replace(call, id="c2", started_at="2026-11-22T11:00:00+01:00", disposition="completed", duration_ms=61_000), ()
    )
    assert console.list_calls(store, as_json=True, out=out) == 0
    listed = json.loads(printed(out))
    assert [entry["id"] for entry in listed] == ["c2", "c1"]
    for name in ("id", "started_at", "duration_ms", "disposition", "reason_code", "caller", "called", "turns"):
        assert name in listed[0]


def test_a_number_steers_neither_the_list_nor_the_terminal(store: Store, call: CallRecord, out: Console) -> None:
    assert console.list_calls(store, as_json=False, out=out) == 0
    assert "no calls yet" in printed(out)
    store.save_call(replace(call, caller="[/bold]\x1b[2J"), ())
    assert console.list_calls(store, as_json=False, out=out) == 0
    assert console.show_call(store, "c1", out=out) == 0
    assert printed(out).count("[/bold]\N{REPLACEMENT CHARACTER}[2J") == 2


def test_a_call_is_shown_with_its_dialogue(store: Store, call: CallRecord, turn: TurnRecord, out: Console) -> None:
    store.save_call(call, (turn,))
    assert console.show_call(store, "c1", out=out) == 0
    for word in ("+15550100", "wann öffnen Sie?", "um neun", "540 ms"):
        assert word in printed(out)


def test_a_call_is_shown_as_json(store: Store, call: CallRecord, turn: TurnRecord, out: Console) -> None:
    store.save_call(call, (turn,))
    assert console.show_call(store, "c1", as_json=True, out=out) == 0
    assert json.loads(printed(out))["dialogue"][0]["silence_ms"] == 540


def test_an_unknown_call_is_bad_usage(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert console.show_call(store, "nobody") == 2
    assert "voicebot calls list" in capsys.readouterr().err


def test_a_store_without_tables_names_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = Store(f"sqlite:///{tmp_path / 'empty.db'}")
    assert console.list_calls(empty, as_json=True) == 1
    assert "run `voicebot db upgrade`" in capsys.readouterr().err
    assert console.show_call(empty, "c1") == 1
    assert console.upgrade_store(empty) == 0
    assert f"at revision {newest()}" in capsys.readouterr().out
    assert console.list_calls(empty, as_json=True, out=Console(file=StringIO())) == 0
    empty.close()


def test_an_upgrade_that_cannot_be_done_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(f"sqlite:///{tmp_path / 'file' / 'x.db'}")
    assert console.upgrade_store(store) == 1
    assert "cannot be brought up to date" in capsys.readouterr().err
    store.close()


def test_a_call_is_shown_with_what_connectors_did(store: Store, call: CallRecord, out: Console) -> None:
    store.save_call(call, ())
    read = AuditRecord("c1", 0, "customer", "c1-1", 10, '{"phone": "[REDACTED]"}', "found", 80, "none")
    store.add_audit((read, replace(read, turn=2, connector="book", key="c1-2", side_effect="reversible")))
    assert console.show_call(store, "c1", out=out) == 0
    shown = printed(out)
    assert 'turn 0  connector customer {"phone": "[REDACTED]"}: found after 80 ms (key c1-1)' in shown
    assert "turn 2  connector book" in shown
    assert "found after 80 ms, reversible (key c1-2)" in shown
    whole = Console(file=StringIO(), width=160, soft_wrap=True)
    assert console.show_call(store, "c1", as_json=True, out=whole) == 0
    assert [row["connector"] for row in json.loads(printed(whole))["connectors"]] == ["customer", "book"]
