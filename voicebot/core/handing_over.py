"""Leaving the dialogue: to a human, after a goodbye, or because the line is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from handoff import machine
from handoff.machine import Outcome
from voicebot.core import conversation, ear
from voicebot.core.commands import Hangup, Layer, Refer
from voicebot.core.events import CallEnded, EndCause, TransferReport, TransferReported
from voicebot.core.mouth import State as MouthState
from voicebot.core.move import Move

OK = 200
UNAVAILABLE = 503

GOODBYE_MS = 5_000
"""How long the goodbye of a draining process may take."""

OURS = frozenset({EndCause.BOT_HUNG_UP, EndCause.DRAINED, EndCause.MEDIA_LOST, EndCause.ERROR})
"""Ends that are not the peer's doing."""

FLOOR: Mapping[conversation.State, tuple[conversation.Trigger, ...]] = MappingProxyType(
    {
        conversation.State.LISTENING: (conversation.Trigger.PROMPT,),
        conversation.State.THINKING: (conversation.Trigger.ANSWER,),
        conversation.State.SPEAKING: (),
    }
)
"""What gives the bot the turn, by state; elsewhere a last sentence has no place."""


def hand_over(move: Move, reason: str) -> None:
    """Announce the transfer; the REFER leaves when the announcement has been heard."""
    if not move.converse(conversation.Trigger.HANDOFF):
        return
    move.stop_answering()
    move.withdraw()
    move.talk = replace(
        move.talk, carried="", waiting="", interrupted=False, leaving=False, no_input_due_ms=None, media_due_ms=None
    )
    if move.suspicion is not None:
        move.suspicion = None
        move.resume()
    _advance(move, machine.Trigger.START)
    move.handoff = replace(move.handoff, reason=reason, outcome=None, transfer=move.handoff.transfer + 1)
    move.note("handoff_started", reason=reason)
    if not move.policy.transfer.target:
        _end_handoff(move, machine.Trigger.FAIL, Outcome.FAILED)
        return
    move.speak(move.policy.phrases.handoff, Layer.ANNOUNCEMENT)
    if move.mouth.state is MouthState.SILENT:
        announced(move)


def announced(move: Move) -> None:
    """The announcement was heard: send the REFER."""
    after = move.handoff.moved(machine.Trigger.ANNOUNCED)
    if after is None:
        return
    move.handoff = replace(after, due_ms=move.now_ms + move.policy.budgets.transfer_ms)
    move.do(Refer(move.handoff.transfer, move.policy.transfer.target, move.policy.transfer.headers))


def transfer_reported(move: Move, event: TransferReported) -> None:
    """Take news of the REFER. News of an earlier transfer is old."""
    if event.transfer != move.handoff.transfer or not move.handoff.under_way:
        return
    if move.handoff.state is machine.State.ANNOUNCING:
        move.reject("handoff", move.handoff.state, event.report)
        return
    final = event.code >= OK
    if event.report is TransferReport.RESPONSE:
        if event.code in machine.SUCCESS:
            _advance(move, machine.Trigger.ACCEPT)
        elif final:
            _end_handoff(move, machine.Trigger.FAIL, machine.outcome_of_refusal(event.code))
    elif event.report is TransferReport.NOTIFY and event.code in machine.SUCCESS:
        _end_handoff(move, machine.Trigger.SUCCEED, Outcome.TRANSFERRED)
    elif event.report is TransferReport.NOTIFY and final:
        _end_handoff(move, machine.Trigger.FAIL, machine.outcome_of_notify(event.code))
    elif event.report is TransferReport.TERMINATED:
        _end_handoff(move, machine.Trigger.FAIL, Outcome.UNKNOWN)


def transfer_overdue(move: Move) -> None:
    """Nothing was heard of the transfer in time."""
    _end_handoff(move, machine.Trigger.FAIL, Outcome.UNKNOWN)


def _advance(move: Move, trigger: machine.Trigger) -> None:
    after = move.handoff.moved(trigger)
    if after is None:
        move.reject("handoff", move.handoff.state, trigger)
    else:
        move.handoff = after


def _end_handoff(move: Move, trigger: machine.Trigger, outcome: Outcome) -> None:
    """Record the outcome; unless the caller is with a human now, the bot goes on where it was."""
    _advance(move, trigger)
    move.handoff = replace(move.handoff, outcome=outcome, due_ms=None)
    move.note("handoff_ended", outcome=outcome, reason=move.handoff.reason)
    if outcome is Outcome.TRANSFERRED or move.talk.state is conversation.State.ENDED:
        return
    _advance(move, machine.Trigger.RESUME)
    move.converse(conversation.Trigger.RESUME)
    move.talk = replace(move.talk, no_matches=0, failures=0)
    move.speak(move.policy.phrases.handoff_failed, Layer.PROMPT)
    if move.mouth.state is MouthState.SILENT:
        move.converse(conversation.Trigger.SPEECH_OVER)
        move.await_caller()


def leave(move: Move, phrase: str, layer: Layer = Layer.GOODBYE) -> None:
    """Take the turn, say a last sentence and hang up once it was heard."""
    move.stop_answering()
    move.withdraw()
    for trigger in FLOOR.get(move.talk.state, ()):
        move.converse(trigger)
    move.talk = replace(move.talk, leaving=True, no_input_due_ms=None, media_due_ms=None)
    move.speak(phrase, layer)
    if move.mouth.state is MouthState.SILENT:
        move.do(Hangup(OK, "goodbye"))


def call_ended(move: Move, event: CallEnded) -> None:
    """The leg is gone, whoever ended it: settle what was under way."""
    move.stop_answering()
    move.withdraw()
    move.flush()
    move.converse(conversation.Trigger.END)
    if move.handoff.under_way:
        _end_handoff(move, *_outcome_of_end(move.handoff.state, event.cause))
    move.talk = replace(move.talk, no_input_due_ms=None, media_due_ms=None, hold_due_ms=None, drain_due_ms=None)
    if move.ear.open:
        move.hear(ear.closed(move.ear, ear.Trigger.TURN_END), ear.Trigger.TURN_END)
    move.note("call_ended", cause=event.cause, code=event.code)


def _outcome_of_end(state: machine.State, cause: EndCause) -> tuple[machine.Trigger, Outcome]:
    """A peer that hangs up after its 202 has probably done it; when it was the bot that left, nobody knows."""
    if cause in OURS:
        referred = state is not machine.State.ANNOUNCING
        return machine.Trigger.FAIL, Outcome.UNKNOWN if referred else Outcome.FAILED
    presumed = state is machine.State.ACCEPTED
    return machine.Trigger.PEER_BYE, Outcome.PRESUMED_TRANSFERRED if presumed else Outcome.CALLER_GONE


def hold_overdue(move: Move) -> None:
    """Nobody took the call back: hang up. There is no goodbye, because whoever holds a call does not hear it.

    A transfer under way has a limit of its own, and those who carry it out often hold the call meanwhile.
    """
    if move.talk.state is conversation.State.HANDING_OFF:
        move.talk = replace(move.talk, hold_due_ms=move.now_ms + move.policy.budgets.hold_ms)
        return
    move.talk = replace(move.talk, hold_due_ms=None)
    move.stop_answering()
    move.withdraw()
    move.do(Hangup(OK, "held"))


def drain_overdue(move: Move) -> None:
    """The process must go: say goodbye, not to be interrupted any more, and hang up even if that takes too long."""
    move.talk = replace(move.talk, drain_due_ms=None)
    state, reachable = move.talk.state, move.ear.state not in {ear.State.ON_HOLD, ear.State.LOST}
    if state in FLOOR and reachable and not move.talk.leaving:
        move.stop_answering()
        move.flush()
        move.talk = replace(move.talk, drain_due_ms=move.now_ms + GOODBYE_MS)
        leave(move, move.policy.phrases.goodbye, Layer.ANNOUNCEMENT)
    else:
        move.do(Hangup(OK if move.talk.connected else UNAVAILABLE, EndCause.DRAINED))
