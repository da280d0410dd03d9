"""Why a caller is handed to a human, and what is done about it.

`decide` is a table look-up with a fallback, so that an admin can foretell it: the reason's own rule, or the rule for
all others. `voicebot.dialplan` builds the policy from YAML; a call pins one from start to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReasonCode(StrEnum):
    """The reasons that the bot itself raises. A dialplan's brain may name others; they are carried as they are."""

    CALLER_ASKED = "CALLER_ASKED"
    NO_MATCH_LIMIT = "NO_MATCH_LIMIT"
    NO_INPUT_LIMIT = "NO_INPUT_LIMIT"
    BUDGET_VIOLATIONS = "BUDGET_VIOLATIONS"
    SAFETY_ESCALATION = "SAFETY_ESCALATION"
    CONNECTOR_DOWN = "CONNECTOR_DOWN"
    ENGINE_DOWN = "ENGINE_DOWN"


class Mode(StrEnum):
    """How a caller gets to a human."""

    BLIND = "blind"
    """REFER to the queue (RFC 5589 section 6): the bot is out as soon as the queue has answered."""
    ATTENDED = "attended"
    """The bot calls the queue, tells the human what it is about, and joins the two legs (REFER with Replaces)."""
    CALLBACK = "callback"
    """A ticket: a human calls back at a number that the caller confirmed."""
    VOICEMAIL = "voicemail"
    """A ticket with a message that the caller spoke."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Where humans wait for calls."""

    name: str
    target: str
    """SIP URI."""
    profile: str = "generic"
    """Which way the handoff's id travels; see `handoff.refer_to`."""
    headers: tuple[tuple[str, str], ...] = ()
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One way to a human. `queue` is empty for a callback or voicemail."""

    mode: Mode
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done about a reason. `steps` are tried in order; after the last one the bot goes on with the call."""

    reason: str
    text: str
    """The reason as a plain sentence, for the human."""
    steps: tuple[Step, ...] = (Step(Mode.BLIND),)
    closed_steps: tuple[Step, ...] = ()
    """Instead, while the queue of the first step is closed; empty: the steps that need no queue."""
    phrase: str = ""
    """Announces the transfer; empty: the dialplan's own `phrases.handoff`."""
    interruptible: bool = False
    skills: tuple[str, ...] = ()
    priority: int = 5
    """1 is the most urgent, 9 the least."""


@dataclass(frozen=True, slots=True)
class HandoffPolicy:
    """The rules of a dialplan. `otherwise` holds for every reason that has none of its own."""

    queues: tuple[Queue, ...] = ()
    rules: tuple[Rule, ...] = ()
    otherwise: Rule = Rule("", "The bot could not go on.")

    def queue(self, name: str) -> Queue | None:
        """Return the queue called so."""
        return next((queue for queue in self.queues if queue.name == name), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done about one handoff: the rule, with the steps that are open to it now."""

    reason: str
    rule: Rule
    steps: tuple[Step, ...]


def decide(policy: HandoffPolicy, reason: str, closed: frozenset[str]) -> Decision:
    """Return what is done about `reason` while the queues named in `closed` are closed."""
    rule = next((rule for rule in policy.rules if rule.reason == reason), policy.otherwise)
    first = rule.steps[0].queue if rule.steps else ""
    steps = rule.closed_steps if first in closed and rule.closed_steps else rule.steps
    return Decision(reason, rule, tuple(step for step in steps if step.queue not in closed))
