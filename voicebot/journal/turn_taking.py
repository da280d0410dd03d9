"""How each turn's end was judged, what asking ahead was good for, which engines failed: from a journal's steps alone.

The core notes all of it as it happens. What was wasted belongs to the turn that the caller was still making; a
recogniser fails the turn that is coming, a brain the one it was asked about, a voice the one that is being answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from voicebot.core.commands import Note, StartBrain
from voicebot.core.events import BrainFinished, Role
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
    engines: tuple[str, ...] = ()
    """Which engines failed and which took over, in order."""
    withheld: tuple[str, ...] = ()
    """What a language model said without evidence, each with what it lacked."""
    tokens: tuple[int, ...] = ()
    """What its language model read, read from a cache and wrote, over all runs, those for nothing too."""
    cost_micro: int = 0
    """What that cost, in millionths of a currency."""


def turn_taking_of(lines: Iterable[object]) -> dict[int, TurnTaking]:
    """Return what is known of each turn, by number. What was wasted after the last turn counts for the next number."""
    turns: dict[int, TurnTaking] = {}
    coming = TurnTaking()
    asked = 0
    for step in lines:
        if not isinstance(step, Step):
            continue
        current = coming
        if isinstance(step.event, BrainFinished):
            _hear_of_run(turns.get(asked, coming), step.event)
        for note in step.commands:
            if isinstance(note, StartBrain):
                asked = note.turn
            if not isinstance(note, Note):
                continue
            _take(current, note)
            about = {Role.ASR: 0, Role.BRAIN: asked}.get(Role(str(dict(note.fields).get("role", Role.TTS))), len(turns))
            _hear_of_engine(turns.get(about, current), note)
            if note.mark == "turn":
                turns[int(dict(note.fields).get("number", len(turns) + 1))] = coming
                coming = TurnTaking()
            elif note.mark == "backchannel":  # it ended a pause, but no turn
                current.judged, current.waited_ms = "", None
    if coming.wasted_ms or coming.engines or coming.withheld or coming.tokens:
        turns[max(turns, default=0) + 1] = coming
    return turns


def _hear_of_run(turn: TurnTaking, event: BrainFinished) -> None:
    turn.withheld += tuple(each for each in event.withheld if each not in turn.withheld)
    turn.cost_micro += event.cost_micro
    if event.tokens:
        turn.tokens = tuple(map(sum, zip_longest(turn.tokens, event.tokens, fillvalue=0)))


def _hear_of_engine(turn: TurnTaking, note: Note) -> None:
    fields = dict(note.fields)
    if note.mark == "engine_failed" and fields.get("engine"):
        turn.engines += (f"{fields['role']} {fields['engine']} failed ({fields['category']})",)
    elif note.mark == "switched":
        turn.engines += (f"{fields['role']} {fields['engine']} took over",)


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
