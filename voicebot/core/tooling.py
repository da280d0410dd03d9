"""The tooling machine: one connector call, from wish to result.

The core issues every attempt. A call is repeated at most as often as its connector allows, only when that is idempotent
and only while its hard deadline leaves room; what cannot be had falls back, so that the brain always gets an answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from voicebot.core.commands import CallTool, CancelTool, Command
from voicebot.core.events import Attempt, BrainToolWanted, Category, ToolFailed
from voicebot.core.policy import CallPolicy, Connector


class State(StrEnum):
    """Where one call of a connector stands."""

    PLANNED = "planned"
    RUNNING = "running"
    RETRYING = "retrying"
    FELL_BACK = "fell_back"
    DONE = "done"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """What moves a connector call."""

    START = "start"
    RETURN = "return"
    RETRY = "retry"
    GIVE_UP = "give_up"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (State.PLANNED, Trigger.START): State.RUNNING,
        (State.PLANNED, Trigger.GIVE_UP): State.FELL_BACK,
        (State.RUNNING, Trigger.RETURN): State.DONE,
        (State.RUNNING, Trigger.RETRY): State.RETRYING,
        (State.RUNNING, Trigger.GIVE_UP): State.FELL_BACK,
        (State.RUNNING, Trigger.CANCEL): State.CANCELLED,
        (State.RETRYING, Trigger.START): State.RUNNING,
    }
)

ENDED = frozenset({State.FELL_BACK, State.DONE, State.CANCELLED})
LEAST_RETRY_MS = 200
"""A retry with less time than this left would only make the caller wait for the fallback."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a connector, over all its attempts."""

    number: int
    attempt: Attempt
    name: str
    arguments: str
    due_ms: int
    state: State = State.PLANNED
    tries: int = 0
    result: str = ""
    turn: int = 0
    """The caller's turn that it serves."""

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Tooling:
    """All connector calls of a phone call, in order."""

    calls: tuple[Call, ...] = ()

    def of(self, attempt: Attempt) -> tuple[Call, ...]:
        """Return the calls that one run of the brain asked for."""
        return tuple(call for call in self.calls if call.attempt == attempt)

    def find(self, number: int) -> Call | None:
        """Return the call with this number."""
        return next((call for call in self.calls if call.number == number), None)

    def with_call(self, changed: Call) -> Tooling:
        """Return the tooling with one call replaced."""
        return Tooling(tuple(changed if call.number == changed.number else call for call in self.calls))

    @property
    def running(self) -> tuple[Call, ...]:
        """Return the calls that a connector is at work on."""
        return tuple(call for call in self.calls if call.state is State.RUNNING)


def connector(policy: CallPolicy, name: str) -> Connector | None:
    """Return what the dialplan says of a connector."""
    return next((known for known in policy.connectors if known.name == name), None)


def planned(
    tooling: Tooling, wish: BrainToolWanted, policy: CallPolicy, now_ms: int, turn: int = 0
) -> tuple[Tooling, Call]:
    """Enter a wish of the brain for the caller's `turn`."""
    known = connector(policy, wish.name)
    hard_ms = known.hard_ms if known else policy.budgets.tool_hard_ms
    call = Call(len(tooling.calls) + 1, wish.attempt, wish.name, wish.arguments, now_ms + hard_ms, turn=turn)
    return Tooling((*tooling.calls, call)), call


def side_effects(tooling: Tooling, policy: CallPolicy, turn: int) -> bool:
    """Whether a connector with side effects was called in this turn, whatever came of it."""
    known = (connector(policy, call.name) for call in tooling.calls if call.turn == turn)
    return any(part is None or not part.idempotent for part in known)


def scaffolding(tooling: Tooling, policy: CallPolicy, turn: int) -> tuple[tuple[str, ...], ...]:
    """Return the phrases that fit a wait in this turn: those of connectors at work first, then the newest."""
    calls = [call for call in reversed(tooling.calls) if call.turn == turn]
    known = (connector(policy, call.name) for call in sorted(calls, key=lambda call: call.ended))
    return tuple(part.scaffolding for part in known if part is not None and part.scaffolding)


def started(call: Call, call_id: str) -> tuple[Call, Command]:
    """Issue an attempt. All attempts of one call carry the same idempotency key."""
    after = replace(call, state=TRANSITIONS[call.state, Trigger.START], tries=call.tries + 1)
    return after, CallTool(call.number, call.name, call.arguments, f"{call_id}-{call.number}", call.due_ms)


def gave_up(call: Call, category: Category, fallback: str) -> Call:
    """End a call without its connector's answer."""
    result = fallback or json.dumps({"error": category.value})
    return replace(call, state=TRANSITIONS[call.state, Trigger.GIVE_UP], result=result)


def failed(call: Call, event: ToolFailed, policy: CallPolicy, now_ms: int) -> Call:
    """Decide between another attempt (RETRYING) and the fallback (FELL_BACK)."""
    known = connector(policy, call.name) or Connector(call.name, idempotent=False)
    again = known.idempotent and not event.permanent and call.tries <= known.retries
    if again and now_ms + LEAST_RETRY_MS <= call.due_ms:
        return replace(call, state=TRANSITIONS[call.state, Trigger.RETRY])
    return gave_up(call, event.category, known.fallback)


def cancelled(
    tooling: Tooling, policy: CallPolicy, attempt: Attempt | None = None
) -> tuple[Tooling, tuple[Command, ...]]:
    """Cancel what may be cancelled: a call without side effects. The others run on and are remembered.

    With `attempt`, only the calls that this run of the brain asked for.
    """
    commands: list[Command] = []
    for call in tooling.running if attempt is None else tooling.of(attempt):
        if call.state is not State.RUNNING:
            continue
        known = connector(policy, call.name)
        if known is not None and known.idempotent:
            tooling = tooling.with_call(replace(call, state=TRANSITIONS[call.state, Trigger.CANCEL]))
            commands.append(CancelTool(call.number))
    return tooling, tuple(commands)
