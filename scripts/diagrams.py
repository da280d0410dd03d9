"""Draw the state machines in Mermaid, from the same tables that run the calls.

Each machine's module exposes `State`, an Enum whose first member is where the machine starts, and `TRANSITIONS`, a
mapping from (state, trigger) to the next state, with triggers of a StrEnum.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from enum import Enum, StrEnum
from inspect import getdoc
from types import ModuleType

MACHINES = (
    "voicebot.core.conversation",
    "voicebot.core.ear",
    "voicebot.core.mouth",
    "voicebot.core.tooling",
    "voicebot.core.safety",
    "handoff.machine",
)

INTRODUCTION = """\
# The state machines

Written by `python -m scripts.generate` from the transition tables of the code; edit those, not this file. A trigger
that a table does not hold in some state is rejected and journalled, and changes nothing.
"""


def _name(state: Enum) -> str:
    return "".join(word.capitalize() for word in state.name.split("_"))


def _arrows(transitions: Mapping[tuple[Enum, StrEnum], Enum]) -> Iterator[str]:
    """One arrow for each pair of states, with all its triggers, in the order of the table."""
    triggers: dict[tuple[str, str], list[str]] = {}
    for (state, trigger), following in transitions.items():
        triggers.setdefault((_name(state), _name(following)), []).append(trigger.value)
    for (start, end), names in triggers.items():
        yield f"    {start} --> {end}: {', '.join(names)}"


def _ends(states: type[Enum], transitions: Mapping[tuple[Enum, StrEnum], Enum]) -> Iterator[str]:
    leaving = {state for (state, _), following in transitions.items() if following is not state}
    for state in states:
        if state not in leaving:
            yield f"    {_name(state)} --> [*]"


def diagram(machine: ModuleType) -> str:
    """Give one machine's section: its purpose and its Mermaid diagram. Raises AttributeError without a table."""
    states: type[Enum] = machine.State
    transitions: Mapping[tuple[Enum, StrEnum], Enum] = machine.TRANSITIONS
    title = machine.__name__.removeprefix("voicebot.core.").replace("handoff.machine", "handoff").capitalize()
    purpose = (getdoc(machine) or "").split("\n\n")[0].strip()
    lines = [
        f"## {title}",
        "",
        purpose,
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {_name(next(iter(states)))}",
        *_arrows(transitions),
        *_ends(states, transitions),
        "```",
    ]
    return "\n".join(lines) + "\n"


def document() -> str:
    """Compose the whole of docs/machines.md."""
    return "\n".join([INTRODUCTION, *(diagram(importlib.import_module(name)) for name in MACHINES)])
