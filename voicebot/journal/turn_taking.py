"""How each turn's end was judged and what asking ahead was good for, computed from a journal's steps alone.

The core notes both as they happen (`endpoint`, `early_used`, `early_wasted`). What was wasted belongs to the turn that
the caller was still making.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from voicebot.core.commands import Note
from voicebot.journal.lines import Step


@dataclass(slots=True)
class TurnTaking:
    """One turn. `judged` is empty for keys, and for a pause that was over before its text came."""

    judged: str = ""
    waited_ms: int | None = None
    """From the last voiced sample until the turn was over; None for keys."""
    saved_ms: int | None = None
    """How far ahead of the end of the turn its run of the brain was started; None when it was started then."""
    wasted_ms: tuple[int, ...] = ()
    """How long runs that were asked ahead for nothing went on, or were held back."""


def turn_taking_of(lines: Iterable[object]) -> dict[int, TurnTaking]:
    """Return what is known of each turn, by number. What was wasted after the last turn counts for the next number."""
    turns: dict[int, TurnTaking] = {}
    coming = TurnTaking()
    for step in lines:
        if not isinstance(step, Step):
            continue
        current = coming
        for note in step.commands:
            if not isinstance(note, Note):
                continue
            _take(current, note)
            if note.mark == "turn":
                turns[int(dict(note.fields).get("number", len(turns) + 1))] = coming
                coming = TurnTaking()
            elif note.mark == "backchannel":  # it ended a pause, but no turn
                current.judged, current.waited_ms = "", None
    if coming.wasted_ms:
        turns[max(turns, default=0) + 1] = coming
    return turns


def _take(turn: TurnTaking, note: Note) -> None:
    fields = dict(note.fields)
    match note.mark:
        case "endpoint":
            turn.judged, turn.waited_ms = str(fields.get("judged", "")), int(fields.get("waited_ms", 0))
        case "early_used":
            turn.saved_ms = int(fields.get("saved_ms", 0))
        case "early_wasted":
            turn.wasted_ms += (int(fields.get("spent_ms", 0)),)
        case _:
            pass
