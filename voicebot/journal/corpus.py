"""The replay corpus: one folder a call that must come out the same for ever, or until somebody accepts a change.

call.jsonl    the journal          policy.json   the part of the policy that the core decides by
call.ulaw     its audio            golden.jsonl  the accepted commands, one line a step
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from voicebot.core.commands import Command
from voicebot.core.policy import CallPolicy
from voicebot.journal.codec import Codec, CodecError
from voicebot.journal.file import Journal, JournalError, read_journal
from voicebot.journal.lines import POLICIES
from voicebot.journal.replay import Expected, ReplayReport, commands_of, replay


@dataclass(frozen=True, slots=True)
class Golden:
    """The accepted commands of one step."""

    seq: int
    commands: tuple[Command, ...]


GOLDENS = Codec([Golden])


def add_entry(folder: Path, journal: Journal, policy: CallPolicy) -> ReplayReport:
    """Copy a call into the corpus and accept what the core makes of it now. Raises OSError, JournalError."""
    folder.mkdir()
    shutil.copyfile(journal.path, folder / "call.jsonl")
    shutil.copyfile(journal.path.with_suffix(".ulaw"), folder / "call.ulaw")
    (folder / "policy.json").write_text(POLICIES.encode(policy) + "\n", encoding="ascii")
    return accept(folder)


def replay_under(path: Path, policy: str) -> ReplayReport:
    """Replay a journal under a policy as `POLICIES` encodes it. Raises JournalError and CodecError."""
    decoded = POLICIES.decode(policy)
    if not isinstance(decoded, CallPolicy):
        raise JournalError(f"{path}: what was given to replay it under is not a policy")
    return replay(read_journal(path), decoded)


def check(folder: Path) -> ReplayReport:
    """Replay an entry against its golden commands. Raises JournalError."""
    journal, policy = _read(folder)
    return replay(journal, policy, _goldens(folder / "golden.jsonl"))


def accept(folder: Path) -> ReplayReport:
    """Make what the core does now the golden commands of an entry, unless the audio no longer fits.

    Raises JournalError.
    """
    journal, policy = _read(folder)
    golden = commands_of(journal, policy)
    report = replay(journal, policy, golden)
    if report.identical:
        lines = (GOLDENS.encode(Golden(seq, commands)) + "\n" for seq, commands in golden.items())
        (folder / "golden.jsonl").write_text("".join(lines), encoding="ascii")
    return report


def _read(folder: Path) -> tuple[Journal, CallPolicy]:
    path = folder / "policy.json"
    try:
        policy = POLICIES.decode(path.read_bytes())
    except (OSError, CodecError) as error:
        raise JournalError(f"{path}: {error}") from error
    if not isinstance(policy, CallPolicy):
        raise JournalError(f"{path}: not a policy")
    return read_journal(folder / "call.jsonl"), policy


def _goldens(path: Path) -> Expected:
    try:
        lines = [GOLDENS.decode(line) for line in path.read_bytes().splitlines()]
    except (OSError, CodecError) as error:
        raise JournalError(f"{path}: {error}; accept it with `voicebot replay {path.parent} --accept`") from error
    return {line.seq: line.commands for line in lines if isinstance(line, Golden)}
