"""What becomes of a wish for a connector: joined, asked about, started, repeated, replaced.

The rules are those of the tooling machine; here they meet the call: the clock, the safety machine's veto, the caller.
"""

from __future__ import annotations

import json
from dataclasses import replace

from voicebot.core import tooling
from voicebot.core.commands import CallTool, CancelTool
from voicebot.core.events import BrainToolWanted, Category, ToolFailed, ToolReturned
from voicebot.core.move import Move
from voicebot.core.policy import Lookup
from voicebot.core.safety import Trigger as SafetyTrigger
from voicebot.core.tooling import Call, State, Trigger


def wanted(move: Move, event: BrainToolWanted, turn: int) -> None:
    """Enter a wish of the brain for the caller's `turn`, and do about it what may be done now."""
    move.tooling, call = tooling.planned(move.tooling, event, move.policy, move.now_ms, turn)
    twin = tooling.twin(move.tooling, call, move.policy)
    if twin is not None and twin.turn != turn and tooling.repeatable(twin, move.policy):
        call = replace(call, key=twin.key)
    elif twin is not None:
        move.tool(replace(call, joined=twin.number).moved(Trigger.JOIN))
        settle(move)
        return
    if tooling.needs_consent(move.policy, call.name):
        _hold(move, replace(call, question=event.confirm.strip()))
    else:
        start(move, call)


def _hold(move: Move, call: Call) -> None:
    """Keep a call until the caller has agreed. One thing is asked at a time; what cannot be asked is not done."""
    others = (one for one in move.tooling.of(call.attempt) if one.number != call.number)
    if any(one.state is State.CONFIRMING for one in others):
        move.tool(call.moved(Trigger.DECLINE, json.dumps({"error": "one_at_a_time"})))
    elif not call.question:
        move.note("no_question", call=call.number, name=call.name)
        move.tool(tooling.gave_up(call, Category.REJECTED, move.policy))
    elif move.may(CallTool(call.number, call.name, call.arguments, "", call.due_ms)):
        move.tool(call.moved(Trigger.ASK))
    else:
        _blocked(move, call)


def start(move: Move, call: Call) -> None:
    """Issue the next attempt."""
    after, command = tooling.started(call, move.call_id, move.policy, move.now_ms)
    if not move.may(command):
        _blocked(move, call)
        return
    move.tool(after)
    move.do(command)


def _blocked(move: Move, call: Call) -> None:
    move.tool(tooling.gave_up(call, Category.REJECTED, move.policy))
    move.safety = move.safety.moved(SafetyTrigger.BLOCK) or move.safety


def look_up(move: Move, caller: str) -> None:
    """Call the connectors of the dialplan's look-ups, while it rings. Who hides the number is not looked up by it."""
    number = _number(caller)
    for lookup in move.policy.lookups:
        if number or not any("{caller}" in value for _, value in lookup.arguments):
            _look_up(move, lookup, number)


def _number(address: str) -> str:
    """Return the user part of a SIP or tel URI, empty when the caller hides it; anything else is a number already."""
    scheme, colon, rest = address.partition(":")
    if not colon:
        return address
    user, at, _ = rest.partition("@")
    number = user.partition(";")[0] if at or scheme == "tel" else ""
    return "" if number.lower() == "anonymous" else number


def _look_up(move: Move, lookup: Lookup, number: str) -> None:
    arguments = json.dumps({name: value.replace("{caller}", number) for name, value in lookup.arguments})
    wish = BrainToolWanted(tooling.LOOKING_UP, lookup.connector, arguments)
    move.tooling, call = tooling.planned(move.tooling, wish, move.policy, move.now_ms)
    start(move, replace(call, lookup=lookup.name))


def returned(move: Move, event: ToolReturned) -> None:
    """Take a result. One that comes after a cancel or the fallback is remembered, and noted."""
    call = move.tooling.find(event.call)
    if call is None or call.state is not State.RUNNING:
        move.note("late_result", call=event.call, state=call.state if call else "unknown")
        if call is not None:
            move.tooling = move.tooling.with_call(replace(call, late=event.result))
        return
    move.tooling = tooling.sure(move.tooling, call.key)
    move.tool(call.moved(Trigger.RETURN, event.result))
    settle(move)


def failed(move: Move, event: ToolFailed) -> None:
    """Try again, ask another connector, or fall back."""
    call = move.tooling.find(event.call)
    if call is None or call.state is not State.RUNNING:
        move.note("late_failure", call=event.call, state=call.state if call else "unknown")
        return
    after = tooling.failed(call, event, move.policy, move.now_ms)
    move.note("tool_failed", call=event.call, category=event.category, state=after.state)
    other = tooling.substitute(call, move.tooling, move.policy) if after.state is State.FELL_BACK else ""
    if other:
        _stand_in(move, call, other)
        return
    move.tool(after)
    if after.state is State.RETRYING and after.retry_due_ms is None:
        start(move, after)
    settle(move)


def _stand_in(move: Move, call: Call, name: str) -> None:
    """Ask another connector in place of one that failed; the first call waits for what it finds."""
    wish = BrainToolWanted(call.attempt, name, call.arguments)
    move.tooling, other = tooling.planned(move.tooling, wish, move.policy, move.now_ms, call.turn)
    move.tool(replace(call, joined=other.number, soft_due_ms=None).moved(Trigger.JOIN))
    start(move, replace(other, stands_in=True))
    settle(move)


def due(move: Move, number: int) -> None:
    """See to the deadlines of one call that have passed: the next attempt, the soft limit, the hard one."""
    call = move.tooling.calls[number - 1]
    if call.soft_due_ms is not None and call.soft_due_ms <= move.now_ms:
        _too_slow(move, replace(call, soft_due_ms=None))
    call = move.tooling.calls[number - 1]
    if call.state is State.RUNNING and call.due_ms <= move.now_ms:
        move.do(CancelTool(call.number))
        failed(move, ToolFailed(call.number, Category.TIMEOUT, permanent=True))
    elif call.state is State.RETRYING and (call.retry_due_ms or 0) <= move.now_ms:
        start(move, call)
        settle(move)


def _too_slow(move: Move, call: Call) -> None:
    """Count a budget violation."""
    move.tooling = replace(move.tooling.with_call(call), violations=move.tooling.violations + 1)
    move.note("slow_connector", call=call.number, name=call.name, count=move.tooling.violations)


def settle(move: Move) -> None:
    """End what was joined to a call that has ended, and what was joined to that."""
    notes: tuple[object, ...] = (None,)
    while notes:
        move.tooling, told = tooling.settled(move.tooling)
        move.do_all(told)
        notes = told


def decide(move: Move, *, agreed: bool) -> None:
    """Do what the caller was asked about, now for the present turn, or do not."""
    call = move.tooling.calls[move.talk.confirming - 1]
    move.talk = replace(move.talk, confirming=0)
    move.note("consent", call=call.number, given=int(agreed))
    if agreed:
        start(move, replace(call, turn=move.talk.turn))
    else:
        move.tool(call.moved(Trigger.DECLINE, json.dumps({"error": "declined"})))
    settle(move)
