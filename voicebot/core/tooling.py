"""The tooling machine: one connector call, from wish to result.

The core issues every attempt. A call is repeated at most as often as its connector allows, only when that is idempotent
and only while its hard deadline leaves room; what cannot be had falls back, so that the brain always gets an answer.

Nothing is done twice. A call with a side effect starts only with the caller's consent; a wish for what is under way, or
was done in this turn, or may have been done without anybody knowing, joins the call that did it. Where such a call has
to be repeated all the same, it is idempotent, and carries the key of the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from voicebot.core.commands import CallTool, CancelTool, Command, Note
from voicebot.core.events import Attempt, BrainToolWanted, Category, ToolFailed
from voicebot.core.policy import CallPolicy, Connector, SideEffect


class State(StrEnum):
    """Where one call of a connector stands."""

    PLANNED = "planned"
    CONFIRMING = "confirming"
    """The caller is to be asked, or was asked."""
    DECLINED = "declined"
    JOINED = "joined"
    """Another call's result will be this one's."""
    RUNNING = "running"
    RETRYING = "retrying"
    FELL_BACK = "fell_back"
    DONE = "done"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """What moves a connector call."""

    ASK = "ask"
    DECLINE = "decline"
    JOIN = "join"
    START = "start"
    RETURN = "return"
    RETRY = "retry"
    GIVE_UP = "give_up"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (State.PLANNED, Trigger.ASK): State.CONFIRMING,
        (State.PLANNED, Trigger.DECLINE): State.DECLINED,
        (State.PLANNED, Trigger.JOIN): State.JOINED,
        (State.PLANNED, Trigger.START): State.RUNNING,
        (State.PLANNED, Trigger.GIVE_UP): State.FELL_BACK,
        (State.CONFIRMING, Trigger.START): State.RUNNING,
        (State.CONFIRMING, Trigger.DECLINE): State.DECLINED,
        (State.CONFIRMING, Trigger.GIVE_UP): State.FELL_BACK,
        (State.CONFIRMING, Trigger.CANCEL): State.CANCELLED,
        (State.JOINED, Trigger.RETURN): State.DONE,
        (State.JOINED, Trigger.GIVE_UP): State.FELL_BACK,
        (State.JOINED, Trigger.DECLINE): State.DECLINED,
        (State.JOINED, Trigger.CANCEL): State.CANCELLED,
        (State.RUNNING, Trigger.RETURN): State.DONE,
        (State.RUNNING, Trigger.RETRY): State.RETRYING,
        (State.RUNNING, Trigger.GIVE_UP): State.FELL_BACK,
        (State.RUNNING, Trigger.JOIN): State.JOINED,
        (State.RUNNING, Trigger.CANCEL): State.CANCELLED,
        (State.RETRYING, Trigger.START): State.RUNNING,
        (State.RETRYING, Trigger.GIVE_UP): State.FELL_BACK,
        (State.RETRYING, Trigger.CANCEL): State.CANCELLED,
    }
)

ENDED = frozenset({State.FELL_BACK, State.DONE, State.CANCELLED, State.DECLINED})
AT_WORK = frozenset({State.RUNNING, State.RETRYING})
LEAST_RETRY_MS = 200
"""A retry with less time than this left would only make the caller wait for the fallback."""

NOT_DONE = frozenset({Category.REJECTED, Category.RATE_LIMITED})
"""Failures after which it is certain that nothing was done."""

LOOKING_UP = Attempt(0, 0)
"""Stands for the run of the brain in look-ups, which none asked for."""

_FOLLOWS: Mapping[State, Trigger] = MappingProxyType(
    {
        State.DONE: Trigger.RETURN,
        State.FELL_BACK: Trigger.GIVE_UP,
        State.DECLINED: Trigger.DECLINE,
        State.CANCELLED: Trigger.CANCEL,
    }
)
"""How a joined call ends, by how the other one did."""


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
    soft_due_ms: int | None = None
    """When it becomes a budget violation; None once it is one, or nobody waits."""
    retry_due_ms: int | None = None
    """When the next attempt may start."""
    key: int = 0
    """The number in its idempotency key: its own, or that of the call that it repeats."""
    question: str = ""
    """What the caller is asked before it starts."""
    joined: int = 0
    """The call whose result it takes."""
    stands_in: bool = False
    """Whether it serves another call whose connector failed."""
    lookup: str = ""
    """Under which name the result is known for the rest of the phone call."""
    doubt: bool = False
    """Whether an attempt failed in a way that leaves open what it did."""
    failed_as: str = ""
    """The connector that failed in the end: its own, or the one that stood in."""
    owed: bool = False
    """Whether it did something, or may have, that no brain was told of."""
    late: str = ""
    """A result that came after it was given up."""

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected."""
        return self.state in ENDED

    def deadlines(self) -> tuple[int, ...]:
        """Return when something is due, ms."""
        dues: tuple[int | None, ...] = ()
        if self.state is State.RUNNING:
            dues = (self.due_ms, self.soft_due_ms)
        elif self.state is State.RETRYING:
            dues = (self.retry_due_ms, self.soft_due_ms)
        return tuple(due for due in dues if due is not None)

    def moved(self, trigger: Trigger, result: str = "") -> Call:
        """Return the call after `trigger`."""
        return replace(self, state=TRANSITIONS[self.state, trigger], result=result or self.result)


@dataclass(frozen=True, slots=True)
class Tooling:
    """All connector calls of a phone call, in order."""

    calls: tuple[Call, ...] = ()
    violations: int = 0
    """How many exceeded their soft limits since that last had consequences."""

    def of(self, attempt: Attempt) -> tuple[Call, ...]:
        """Return the calls that one run of the brain asked for."""
        return tuple(call for call in self.calls if call.attempt == attempt and not call.stands_in)

    def find(self, number: int) -> Call | None:
        """Return the call with this number."""
        return next((call for call in self.calls if call.number == number), None)

    def with_call(self, changed: Call) -> Tooling:
        """Return the tooling with one call replaced, or added."""
        if changed.number > len(self.calls):
            return replace(self, calls=(*self.calls, changed))
        return replace(self, calls=tuple(changed if call.number == changed.number else call for call in self.calls))

    @property
    def at_work(self) -> tuple[Call, ...]:
        """Return the calls that a connector is at work on, or soon will be again."""
        return tuple(call for call in self.calls if call.state in AT_WORK)


def connector(policy: CallPolicy, name: str) -> Connector | None:
    """Return what the dialplan says of a connector."""
    return next((known for known in policy.connectors if known.name == name), None)


def reads_only(policy: CallPolicy, name: str) -> bool:
    """Whether a connector is known to change nothing."""
    part = connector(policy, name)
    return part is not None and part.reads_only


def needs_consent(policy: CallPolicy, name: str) -> bool:
    """Whether the caller must have agreed."""
    part = connector(policy, name)
    return part is not None and part.side_effect is not SideEffect.NONE


def planned(
    tooling: Tooling, wish: BrainToolWanted, policy: CallPolicy, now_ms: int, turn: int = 0
) -> tuple[Tooling, Call]:
    """Enter a wish of the brain for the caller's `turn`."""
    known = connector(policy, wish.name)
    hard_ms = known.hard_ms if known else policy.budgets.tool_hard_ms
    number = len(tooling.calls) + 1
    call = Call(number, wish.attempt, wish.name, wish.arguments, now_ms + hard_ms, turn=turn, key=number)
    return tooling.with_call(call), call


def twin(tooling: Tooling, call: Call, policy: CallPolicy) -> Call | None:
    """Return the newest earlier call that a wish must not repeat just like that."""
    writes = not reads_only(policy, call.name)
    for other in reversed(tooling.calls[: call.number - 1]):
        if other.name != call.name or not _same(other.arguments, call.arguments):
            continue
        if other.state in {State.CANCELLED, State.DECLINED} or other.stands_in or other.lookup:
            continue
        if other.turn == call.turn or (writes and (other.owed or not other.ended)):
            return other
    return None


def repeatable(call: Call, policy: CallPolicy) -> bool:
    """Whether it is unknown what a call did, and its key makes it harmless to send it again in a later turn."""
    known = connector(policy, call.name)
    return known is not None and known.idempotent and call.state is State.FELL_BACK and not call.late


def _same(one: str, other: str) -> bool:
    return one == other or _plain(one) == _plain(other)


def _plain(arguments: str) -> object:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except ValueError:
        return arguments


def side_effects(tooling: Tooling, policy: CallPolicy, turn: int) -> bool:
    """Whether a connector with side effects was called in this turn, whatever came of it."""
    return any(call.tries and not reads_only(policy, call.name) for call in tooling.calls if call.turn == turn)


def scaffolding(tooling: Tooling, policy: CallPolicy, turn: int) -> tuple[tuple[str, ...], ...]:
    """Return the phrases that fit a wait in this turn: those of connectors at work first, then the newest."""
    calls = [call for call in reversed(tooling.calls) if call.turn == turn]
    known = (connector(policy, call.name) for call in sorted(calls, key=lambda call: call.ended))
    return tuple(part.scaffolding for part in known if part is not None and part.scaffolding)


def known(tooling: Tooling, policy: CallPolicy) -> tuple[tuple[str, str], ...]:
    """Return what look-ups have found, or what stands in for it."""
    return tuple((call.lookup, call.result) for call in tooling.calls if call.lookup and _found(call, policy))


def _found(call: Call, policy: CallPolicy) -> bool:
    part = connector(policy, call.failed_as)
    return call.state is State.DONE or (call.state is State.FELL_BACK and part is not None and bool(part.fallback))


def noted(call: Call) -> Note:
    """Return the mark that a transition leaves in the trace."""
    fields: tuple[tuple[str, str | int], ...] = (("call", call.number), ("name", call.name), ("state", call.state))
    return Note("tool", (*fields, ("joined", call.joined)) if call.joined else fields)


def started(call: Call, call_id: str, policy: CallPolicy, now_ms: int) -> tuple[Call, Command]:
    """Issue an attempt. All attempts of one call carry the same idempotency key, and end by the same time."""
    after = replace(call.moved(Trigger.START), tries=call.tries + 1, retry_due_ms=None)
    if not call.tries:
        part = connector(policy, call.name)
        hard_ms = part.hard_ms if part else policy.budgets.tool_hard_ms
        soft_due_ms = now_ms + part.soft_ms if part and not call.lookup else None
        after = replace(after, due_ms=now_ms + hard_ms, soft_due_ms=soft_due_ms)
    return after, CallTool(call.number, call.name, call.arguments, f"{call_id}-{call.key}", after.due_ms)


def gave_up(call: Call, category: Category, policy: CallPolicy) -> Call:
    """End a call without its connector's answer."""
    part = connector(policy, call.name)
    fallback = part.fallback if part else ""
    doubt = call.doubt or (bool(call.tries) and category not in NOT_DONE)
    after = call.moved(Trigger.GIVE_UP, fallback or json.dumps({"error": category.value}))
    return replace(after, failed_as=call.name, owed=doubt and not reads_only(policy, call.name))


def failed(call: Call, event: ToolFailed, policy: CallPolicy, now_ms: int) -> Call:
    """Decide between another attempt (RETRYING) and the fallback (FELL_BACK)."""
    part = connector(policy, call.name) or Connector(call.name, idempotent=False)
    again = part.idempotent and not event.permanent and call.tries <= part.retries
    if again and now_ms + event.retry_after_ms + LEAST_RETRY_MS <= call.due_ms:
        wait_until_ms = now_ms + event.retry_after_ms if event.retry_after_ms else None
        doubt = call.doubt or event.category not in NOT_DONE
        return replace(call.moved(Trigger.RETRY), retry_due_ms=wait_until_ms, doubt=doubt)
    return gave_up(call, event.category, policy)


def substitute(call: Call, tooling: Tooling, policy: CallPolicy) -> str:
    """Return the connector to ask instead of the one that failed; empty when there is none left."""
    part = connector(policy, call.name)
    other = part.fallback_connector if part else ""
    if not other or not reads_only(policy, call.name) or not reads_only(policy, other):
        return ""  # what may have been done must not be done by another as well
    asked = {one.name for one in tooling.calls if one.attempt == call.attempt and one.arguments == call.arguments}
    return "" if other in asked else other


def settled(tooling: Tooling) -> tuple[Tooling, tuple[Command, ...]]:
    """End the joined calls whose other half has ended. What was owed to a brain is told then."""
    notes: list[Command] = []
    for call in tooling.calls:
        other = tooling.find(call.joined) if call.state is State.JOINED else None
        if other is None or not other.ended:
            continue
        trigger, result = (Trigger.RETURN, other.late) if other.late else (_FOLLOWS[other.state], other.result)
        after = replace(call.moved(trigger, result), failed_as=other.failed_as)
        tooling = tooling.with_call(after).with_call(replace(other, owed=other.owed and trigger is not Trigger.RETURN))
        notes.append(noted(after))
    return tooling, tuple(notes)


def sure(tooling: Tooling, key: int) -> Tooling:
    """Forget the doubts about calls with this key: one of them has returned."""
    doubtful = [call for call in tooling.calls if call.key == key and call.owed]
    for call in doubtful:
        tooling = tooling.with_call(replace(call, owed=False))
    return tooling


def untold(tooling: Tooling, policy: CallPolicy, turn: int) -> Tooling:
    """Remember what was done in a turn whose answer the caller has not heard: who wants it again is told, no more."""
    done = [c for c in tooling.calls if c.turn == turn and c.state is State.DONE and not reads_only(policy, c.name)]
    for call in done:
        tooling = tooling.with_call(replace(call, owed=True))
    return tooling


def way_out(calls: Iterable[Call], policy: CallPolicy) -> Connector | None:
    """Return the connector whose failure is answered by a sentence or a human, not by the brain."""
    fallen = [connector(policy, call.failed_as) for call in calls if call.state is State.FELL_BACK]
    ways = [part for part in fallen if part is not None and (part.fallback_reason or part.fallback_answer)]
    return max(ways, key=lambda part: bool(part.fallback_reason), default=None)


def cancelled(
    tooling: Tooling, policy: CallPolicy, attempt: Attempt | None = None, asked: int = 0
) -> tuple[Tooling, tuple[Command, ...]]:
    """Cancel what may be cancelled: a call without side effects. The others run on and are remembered.

    With `attempt`, only the calls that this run of the brain asked for. What belongs to the question that the caller
    was `asked`, and what is looked up for the whole phone call, goes on.
    """
    commands: list[Command] = []
    spared = {LOOKING_UP} | {call.attempt for call in tooling.calls if call.number == asked}
    for call in tooling.calls:
        if call.ended or call.attempt in spared or attempt not in {None, call.attempt}:
            continue
        if call.state in AT_WORK and not reads_only(policy, call.name):
            tooling = tooling.with_call(replace(call, owed=True))
            commands.append(Note("not_stopped", (("call", call.number), ("name", call.name))))
            continue
        after = call.moved(Trigger.CANCEL, json.dumps({"error": "cancelled"}))
        tooling = tooling.with_call(after)
        commands += (*([CancelTool(call.number)] if call.state is State.RUNNING else []), noted(after))
    return tooling, tuple(commands)


def withdrawn(tooling: Tooling) -> tuple[Tooling, tuple[Command, ...]]:
    """Cancel what the caller was to be asked about."""
    notes: list[Command] = []
    for call in tooling.calls:
        if call.state is State.CONFIRMING:
            after = call.moved(Trigger.CANCEL, json.dumps({"error": "cancelled"}))
            tooling = tooling.with_call(after)
            notes.append(noted(after))
    return tooling, tuple(notes)
