"""The commands that look at calls: `calls list`, `calls show`, `trace`, `replay`, and `db upgrade`.

Each returns its exit code: 0 done, 1 the checked thing is bad, 2 bad usage (an unknown call is that). Errors go to
stderr and name the remedy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from voicebot.core.policy import CallPolicy
from voicebot.journal import corpus
from voicebot.journal.codec import CodecError
from voicebot.journal.connectors import connector_moves
from voicebot.journal.file import Journal, JournalError, find_journal, read_journal
from voicebot.journal.lines import POLICIES
from voicebot.journal.picture import draw_call, draw_connectors, printable
from voicebot.journal.recording import policy_path
from voicebot.journal.summary import summarise
from voicebot.journal.turn_taking import turn_taking_of
from voicebot.store.database import Store, StoreUnavailable
from voicebot.store.upgrade import upgrade

DONE, BAD, USAGE = 0, 1, 2

HASH_SEEDS = ("1", "2")
"""A replay runs once under each: iteration over a set or over hashes would show."""

REPLAY_TIMEOUT_S = 120

PIPE_WIDTH = 200
"""Characters of a line of `calls list` that goes to a file or another program."""

CORPUS = Path("tests/replay")
"""Where `replay ID --accept` puts a call, relative to the working directory."""

PolicyReader = Callable[[str], CallPolicy]
"""Makes the core's part of a policy from the resolved policy as it is kept. Raises ValueError."""


def list_calls(store: Store, *, as_json: bool, limit: int = 100, out: Console | None = None) -> int:
    """Print the newest calls, newest first, as a table or as a JSON array."""
    try:
        records = store.calls(limit)
    except StoreUnavailable as error:
        return _fail(str(error), BAD)
    out = out or Console(soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    if as_json:
        out.out(json.dumps([asdict(record) for record in records], indent=2), highlight=False)
        return DONE
    names = ("id", "started", "caller", "called", "seconds", "turns", "disposition", "reason")
    # Folded, not cut short: an id is there to be copied.
    table = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for r in records:
        seconds = f"{r.duration_ms / 1000:.1f}"
        row = (r.id, r.started_at, r.caller, r.called, seconds, r.turns, r.disposition, r.reason_code)
        table.add_row(*(Text(printable(value)) for value in row))
    out.print(table if records else "no calls yet")
    return DONE


def show_call(store: Store, call_id: str, *, as_json: bool = False, out: Console | None = None) -> int:
    """Print all that the store keeps of a call."""
    try:
        found = store.call(call_id)
        audit = store.audit(call_id)
    except StoreUnavailable as error:
        return _fail(str(error), BAD)
    if found is None:
        return _fail(f"no call {call_id!r} in {store.name}; see `voicebot calls list`", USAGE)
    record, turns = found
    out = out or Console(soft_wrap=True)
    if as_json:
        connectors = [asdict(row) for row in audit]
        whole = {**asdict(record), "dialogue": [asdict(turn) for turn in turns], "connectors": connectors}
        out.out(json.dumps(whole, indent=2), highlight=False)
        return DONE
    for name, value in asdict(record).items():
        out.print(Text(f"{name:14} {'' if value is None else printable(value)}"))
    for turn in turns:
        silence = "not heard" if turn.silence_ms is None else f"after {turn.silence_ms} ms"
        out.print(Text(f"\n{turn.number:2} caller  {printable(turn.caller_text)}"))
        out.print(Text(f"   bot     {printable(turn.bot_text)} ({silence})"))
    for row in audit:
        effect = "" if row.side_effect == "none" else f", {row.side_effect}"
        what = f"{row.connector} {printable(row.arguments)}: {printable(row.outcome)} after {row.took_ms} ms"
        out.print(Text(f"\nturn {row.turn}  connector {what}{effect} (key {row.key})"))
    return DONE


def trace(data_dir: Path, call_id: str, out: Console | None = None) -> int:
    """Draw the waterfall of a call, of one still running or killed too: it reads the journal alone."""
    try:
        journal = read_journal(find_journal(data_dir, call_id))
    except JournalError as error:
        return _fail(str(error), USAGE)
    taking = turn_taking_of(journal.lines)
    out = out or Console()
    draw_call(out, *summarise(data_dir, journal, journal.audio()), taking)
    draw_connectors(out, connector_moves(journal.lines))
    return DONE


def replay_call(data_dir: Path, call_id: str, read_policy: PolicyReader, *, accept: bool = False) -> int:
    """Replay a call, or an entry of the corpus when `call_id` is its folder, under two hash seeds.

    With `accept`, a call becomes an entry of the corpus, and what the core does now becomes an entry's golden commands.
    """
    folder = Path(call_id)
    try:
        if (folder / "call.jsonl").is_file():
            return _accepted(folder) if accept else _replay_twice(["--corpus", str(folder)], "")
        journal = read_journal(find_journal(data_dir, call_id))
        policy = _policy(data_dir, journal, read_policy)
        if accept:
            return _added(journal, policy)
        return _replay_twice([str(journal.path)], POLICIES.encode(policy))
    except JournalError as error:
        return _fail(str(error), USAGE)


def upgrade_store(store: Store) -> int:
    """Bring the store's tables up to date and say at which revision they are."""
    try:
        revision = upgrade(store)
    except StoreUnavailable as error:
        return _fail(str(error), BAD)
    sys.stdout.write(f"{store.name} is at revision {revision}\n")
    return DONE


def _policy(data_dir: Path, journal: Journal, read_policy: PolicyReader) -> CallPolicy:
    path = policy_path(data_dir, journal.header.policy_hash)
    try:
        return read_policy(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}; the call cannot be replayed without its policy") from error
    except ValueError as error:
        raise JournalError(f"{path}: not a policy of this version: {error}") from error


def _replay_twice(arguments: Sequence[str], policy: str) -> int:
    """Replay in two interpreters of their own, since the hash seed is fixed when an interpreter starts."""
    worst, report = DONE, ""
    for seed in HASH_SEEDS:
        done = subprocess.run(  # noqa: S603  # this interpreter, on a path that was found above
            [sys.executable, "-m", "voicebot.journal", *arguments],
            input=policy,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            timeout=REPLAY_TIMEOUT_S,
            check=False,
        )
        if done.returncode != DONE and worst == DONE:
            worst, report = BAD, f"under PYTHONHASHSEED={seed}: {done.stdout}{done.stderr}"
        report = report or done.stdout
    (sys.stdout if worst == DONE else sys.stderr).write(report)
    return worst


def _added(journal: Journal, policy: CallPolicy) -> int:
    folder = CORPUS / journal.header.call_id
    if not CORPUS.is_dir():
        return _fail(f"{CORPUS} is not here; run --accept at the root of a checkout", USAGE)
    try:
        report = corpus.add_entry(folder, journal, policy)
    except FileExistsError:
        return _fail(f"{folder} is there already; accept it with `voicebot replay {folder} --accept`", USAGE)
    sys.stdout.write(f"{report}\n")
    return DONE if report.identical else BAD


def _accepted(folder: Path) -> int:
    report = corpus.accept(folder)
    sys.stdout.write(f"{report}\n")
    return DONE if report.identical else BAD


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"voicebot: {message}\n")
    return code


def replay_here(arguments: Sequence[str], policy: str) -> int:
    """Replay in this process: what `python -m voicebot.journal` does, for one hash seed."""
    try:
        match arguments:
            case ["--corpus", folder]:
                report = corpus.check(Path(folder))
            case [path]:
                report = corpus.replay_under(Path(path), policy)
            case _:
                return _fail("usage: python -m voicebot.journal [--corpus FOLDER | JOURNAL < POLICY]", USAGE)
    except (JournalError, CodecError) as error:
        return _fail(str(error), USAGE)
    sys.stdout.write(f"{report}\n")
    return DONE if report.identical else BAD
