from __future__ import annotations

from enum import StrEnum
from types import ModuleType

from scripts import diagrams


class State(StrEnum):
    IDLE = "idle"
    ON_HOLD = "on_hold"
    ENDED = "ended"


class Trigger(StrEnum):
    HOLD = "hold"
    LOSS = "loss"
    END = "end"


def machine() -> ModuleType:
    module = ModuleType("voicebot.core.line", "One line.\n\nMore about it.")
    module.State = State  # type: ignore[attr-defined]
    module.TRANSITIONS = {  # type: ignore[attr-defined]
        (State.IDLE, Trigger.HOLD): State.ON_HOLD,
        (State.IDLE, Trigger.LOSS): State.ON_HOLD,
        (State.ON_HOLD, Trigger.END): State.ENDED,
    }
    return module


def test_a_table_becomes_a_diagram() -> None:
    assert diagrams.diagram(machine()).splitlines() == [
        "## Line",
        "",
        "One line.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> Idle",
        "    Idle --> OnHold: hold, loss",
        "    OnHold --> Ended: end",
        "    Ended --> [*]",
        "```",
    ]


def test_every_machine_is_drawn() -> None:
    text = diagrams.document()
    assert text.count("```mermaid") == len(diagrams.MACHINES)
