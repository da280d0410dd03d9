"""The handoff workflow: announce, REFER, and believe nothing but a NOTIFY.

A 202 to the REFER is an acceptance, not a success (RFC 3515 section 2.4.2): only a NOTIFY with a 2xx sipfrag says that
the human answered. A peer that hangs up after its 202 without one has probably done it, which is an outcome of its own,
as is a transfer of which nothing more is heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a handoff stands."""

    IDLE = "idle"
    ANNOUNCING = "announcing"
    REFERRING = "referring"
    ACCEPTED = "accepted"
    TRANSFERRED = "transferred"
    PRESUMED_TRANSFERRED = "presumed_transferred"
    FAILED = "failed"


class Trigger(StrEnum):
    """What moves a handoff."""

    START = "start"
    ANNOUNCED = "announced"
    ACCEPT = "accept"
    SUCCEED = "succeed"
    FAIL = "fail"
    PEER_BYE = "peer_bye"
    RESUME = "resume"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (State.IDLE, Trigger.START): State.ANNOUNCING,
        (State.ANNOUNCING, Trigger.ANNOUNCED): State.REFERRING,
        (State.ANNOUNCING, Trigger.FAIL): State.FAILED,
        (State.ANNOUNCING, Trigger.PEER_BYE): State.FAILED,
        (State.REFERRING, Trigger.ACCEPT): State.ACCEPTED,
        (State.REFERRING, Trigger.SUCCEED): State.TRANSFERRED,
        (State.REFERRING, Trigger.FAIL): State.FAILED,
        (State.REFERRING, Trigger.PEER_BYE): State.FAILED,
        (State.ACCEPTED, Trigger.SUCCEED): State.TRANSFERRED,
        (State.ACCEPTED, Trigger.FAIL): State.FAILED,
        (State.ACCEPTED, Trigger.PEER_BYE): State.PRESUMED_TRANSFERRED,
        (State.FAILED, Trigger.RESUME): State.IDLE,
    }
)


class Outcome(StrEnum):
    """How a handoff ended. Every one is counted by itself."""

    TRANSFERRED = "transferred"
    PRESUMED_TRANSFERRED = "presumed_transferred"
    DECLINED = "declined"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    """The peer does not do REFER at all."""
    FAILED = "failed"
    CALLER_GONE = "caller_gone"
    UNKNOWN = "unknown"
    """Accepted, and then nothing more was heard in time."""


SUCCESS = range(200, 300)
BUSY = frozenset({486, 600})
NO_ANSWER = frozenset({408, 480, 487})
DECLINED = frozenset({403, 603})


def outcome_of_notify(code: int) -> Outcome:
    """Outcome that a final sipfrag status stands for."""
    if code in SUCCESS:
        return Outcome.TRANSFERRED
    if code in BUSY:
        return Outcome.BUSY
    if code in NO_ANSWER:
        return Outcome.NO_ANSWER
    if code in DECLINED:
        return Outcome.DECLINED
    return Outcome.FAILED


def outcome_of_refusal(code: int) -> Outcome:
    """Outcome that a non-2xx response to the REFER itself stands for."""
    if code in DECLINED:
        return Outcome.DECLINED
    return Outcome.REJECTED if code < 500 else Outcome.FAILED  # noqa: PLR2004 - the SIP status classes


@dataclass(frozen=True, slots=True)
class Handoff:
    """One call's handoff. `transfer` counts the REFERs of the call."""

    state: State = State.IDLE
    transfer: int = 0
    reason: str = ""
    outcome: Outcome | None = None
    due_ms: int | None = None

    @property
    def under_way(self) -> bool:
        """Whether the caller is being handed over right now."""
        return self.state in {State.ANNOUNCING, State.REFERRING, State.ACCEPTED}

    def moved(self, trigger: Trigger) -> Handoff | None:
        """Return the handoff after `trigger`, or None when the trigger is illegal in this state."""
        state = TRANSITIONS.get((self.state, trigger))
        return None if state is None else replace(self, state=state)
