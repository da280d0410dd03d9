"""The safety machine: it may veto any command.

A flagged turn loses its side effects (Gated), also when it is interrupted and goes on; a veto is answered with a safe
response; turns flagged again and again go to a human (Escalated). Whatever the state, nothing is started for a call
that has ended or is being handed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from voicebot.core.commands import CallTool, Command, OpenUtterance, Refer, Speak, StartBrain
from voicebot.core.policy import CallPolicy
from voicebot.core.tooling import connector


class State(StrEnum):
    """How much the call is trusted."""

    CLEAR = "clear"
    GATED = "gated"
    SAFE_RESPONSE = "safe_response"
    ESCALATED = "escalated"


class Trigger(StrEnum):
    """What moves the safety machine."""

    FLAG = "flag"
    BLOCK = "block"
    TURN_OVER = "turn_over"
    ESCALATE = "escalate"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (State.CLEAR, Trigger.FLAG): State.GATED,
        (State.GATED, Trigger.FLAG): State.GATED,
        (State.SAFE_RESPONSE, Trigger.FLAG): State.SAFE_RESPONSE,
        (State.GATED, Trigger.BLOCK): State.SAFE_RESPONSE,
        (State.GATED, Trigger.TURN_OVER): State.CLEAR,
        (State.SAFE_RESPONSE, Trigger.TURN_OVER): State.CLEAR,
        (State.GATED, Trigger.ESCALATE): State.ESCALATED,
        (State.SAFE_RESPONSE, Trigger.ESCALATE): State.ESCALATED,
    }
)

FLAG_LIMIT = 3
"""Flagged turns of one call after which a human takes over."""


@dataclass(frozen=True, slots=True)
class Safety:
    """`flags` counts the flagged turns of the whole call."""

    state: State = State.CLEAR
    flags: int = 0
    flagged_turn: int = -1
    """The last one, counted like the conversation's turns."""

    def moved(self, trigger: Trigger) -> Safety | None:
        """Return the machine after `trigger`, or None when the trigger is illegal in this state."""
        state = TRANSITIONS.get((self.state, trigger))
        if state is None:
            return None
        return replace(self, state=state)

    def flagged(self, turn: int) -> Safety | None:
        """Return the machine after a rule found something in `turn`; all that is found in one turn counts once."""
        after = self.moved(Trigger.FLAG)
        if after is None:
            return None
        return replace(after, flags=self.flags + (turn != self.flagged_turn), flagged_turn=turn)


def veto(safety: Safety, command: Command, policy: CallPolicy, *, ended: bool, handing_off: bool) -> str:
    """Return why `command` must not be issued; empty when it may."""
    if ended and isinstance(command, Speak | StartBrain | CallTool | Refer | OpenUtterance):
        return "call_ended"
    if handing_off and isinstance(command, StartBrain | CallTool):
        return "handing_off"
    if isinstance(command, CallTool) and safety.state is not State.CLEAR:
        known = connector(policy, command.name)
        if known is None or not known.reads_only:
            return "gated"
    return ""
