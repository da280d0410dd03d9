"""What became of each connector call of a phone call, step by step, read off its journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from voicebot.core.commands import Note
from voicebot.journal.lines import Step

MARKS = {
    "slow_connector": "over its soft limit",
    "tool_failed": "failed",
    "not_stopped": "could not be stopped",
    "late_result": "result came too late",
    "late_failure": "failed too late to matter",
    "consent": "consent",
    "asked_again": "asked again",
}
"""Notes of the core about a connector call, in words."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One step of a connector call: a state of the tooling machine, or something noted of it."""

    now_ms: int
    call: int
    name: str
    """Empty where the note does not say it."""
    what: str


def connector_moves(lines: Iterable[object]) -> tuple[Moved, ...]:
    """Return the steps of all connector calls, in order."""
    steps = (line for line in lines if isinstance(line, Step))
    notes = ((step.now_ms, note) for step in steps for note in step.commands if isinstance(note, Note))
    return tuple(_moved(now_ms, note) for now_ms, note in notes if note.mark == "tool" or note.mark in MARKS)


def _moved(now_ms: int, note: Note) -> Moved:
    fields = dict(note.fields)
    match note.mark:
        case "tool":
            what = f"{fields['state']} with {fields['joined']}" if "joined" in fields else str(fields["state"])
        case "tool_failed":
            what = f"failed: {fields['category']}"
        case "consent":
            what = "consent given" if fields["given"] else "no consent"
        case _:
            what = MARKS[note.mark]
    return Moved(now_ms, int(fields.get("call", 0)), str(fields.get("name", "")), what)
