"""A whole call: composes the machines in a fixed order.

`step` is the only way in: one event, one `now_ms`, a new state and the commands it gives. `next_deadline` says when the
core wants to be stepped with DeadlineReached if nothing else happens before. An event that is illegal in the present
state leaves a `rejected` note and changes nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from voicebot.core import ahead, barge_in, ear, failover, handing_over, mouth, tool_calls, turns
from voicebot.core.commands import Answer, Command, Layer
from voicebot.core.conversation import State, Trigger
from voicebot.core.events import (
    BrainClause,
    BrainFinished,
    BrainToolWanted,
    CallAnswered,
    CallEnded,
    CallStarted,
    Category,
    DeadlineReached,
    DrainOrdered,
    DtmfEntered,
    EngineFailed,
    EngineHealth,
    Event,
    KeyPressed,
    MediaChanged,
    MediaState,
    Played,
    Role,
    SafetyFlagged,
    SpeechPaused,
    SpeechRendered,
    SpeechStarted,
    ToolFailed,
    ToolReturned,
    Transcribed,
    TransferReported,
)
from voicebot.core.move import CallState, Move
from voicebot.core.policy import CallPolicy
from voicebot.core.safety import FLAG_LIMIT
from voicebot.core.safety import Trigger as SafetyTrigger
from voicebot.core.speech_plan import escalated


def begin(policy: CallPolicy) -> CallState:
    """Return the state of a call before its first event."""
    return CallState(policy)


def step(state: CallState, event: Event, now_ms: int) -> tuple[CallState, tuple[Command, ...]]:
    """Handle one event. `now_ms` is the call's monotonic clock and never runs backwards."""
    move = Move(state, now_ms)
    if _in_order(state, event):
        _dispatch(move, event)
    else:
        move.reject("call", state.conversation.state, type(event).__name__)
    if move.mouth.stranded:
        turns.speak_on(move)
    if move.talk.answer_owed and _wants_answer(move, event):
        _answer(move)
    if not ahead.still_wanted(move):
        move.drop_early()
    return move.state(), tuple(move.commands)


def _in_order(state: CallState, event: Event) -> bool:
    """Whether the leg is where `event` can happen. Results of work come when they come."""
    connected, ended = state.conversation.connected, state.ended
    match event:
        case CallStarted():
            return not state.call_id and not ended
        case CallAnswered():
            return not connected and not ended
        case CallEnded() | DrainOrdered():
            return not ended
        case MediaChanged():
            return connected and not ended
        case SpeechStarted() | SpeechPaused() | KeyPressed() | DtmfEntered() | SafetyFlagged():
            return (connected or state.conversation.early) and not ended
        case _:
            return True


def next_deadline(state: CallState) -> int | None:
    """Return when the core wants to be woken, ms; None when it waits for events only."""
    suspicion = state.suspicion
    candidates = (
        *state.conversation.deadlines(),
        state.ear.due_ms,
        state.ear.answer_due_ms,
        state.mouth.due_ms,
        state.handoff.due_ms,
        suspicion.confirm_due_ms if suspicion else None,
        suspicion.drop_due_ms if suspicion else None,
        *(due_ms for tool in state.tooling.calls for due_ms in tool.deadlines()),
    )
    return min((due for due in candidates if due is not None), default=None)


def _dispatch(move: Move, event: Event) -> None:  # noqa: C901, PLR0912 - one arm an event, nothing else
    match event:
        case CallStarted():
            move.call_id = event.call_id
            move.failover = failover.begun(event)
            _started(move, event)
            tool_calls.look_up(move, event.caller)
        case CallAnswered():
            _answered(move)
        case CallEnded():
            handing_over.call_ended(move, event)
        case MediaChanged():
            _media_changed(move, event.media)
        case SpeechStarted():
            barge_in.speech_started(move, event)
        case SpeechPaused():
            barge_in.speech_paused(move, event)
        case Transcribed():
            barge_in.transcribed(move, event)
        case KeyPressed():
            barge_in.key_pressed(move)
        case DtmfEntered():
            barge_in.digits_entered(move, event)
        case BrainClause():
            turns.clause_came(move, event)
            barge_in.judge_pause(move)
        case BrainToolWanted():
            turns.tool_wanted(move, event)
        case BrainFinished():
            turns.brain_finished(move, event)
            barge_in.judge_pause(move)
        case ToolReturned():
            turns.tool_returned(move, event)
        case ToolFailed():
            turns.tool_failed(move, event)
        case SpeechRendered() | Played():
            _audio_moved(move, event)
        case EngineFailed():
            _engine_failed(move, event)
        case EngineHealth():
            move.failover = move.failover.told(event)
        case TransferReported():
            handing_over.transfer_reported(move, event)
        case DrainOrdered():
            move.talk = replace(move.talk, drain_due_ms=event.limit_ms)
        case SafetyFlagged():
            _flagged(move, event)
        case DeadlineReached():
            _deadlines(move)
        case _:
            assert_never(event)


def _started(move: Move, event: CallStarted) -> None:
    """Answer, or greet first where the caller can hear it."""
    if event.early_media:
        move.talk = replace(move.talk, early=True, answer_owed=True)
        _greet(move)
    else:
        move.do(Answer())


def _wants_answer(move: Move, event: Event) -> bool:
    """Whether the greeting on early media has been heard, or the caller did not wait for its end."""
    if move.talk.state is State.GREETING:
        return isinstance(event, SpeechStarted | KeyPressed | DtmfEntered)
    return move.talk.state is not State.ENDED


def _answer(move: Move) -> None:
    move.talk = replace(move.talk, answer_owed=False)
    move.do(Answer())


def _answered(move: Move) -> None:
    move.talk = replace(move.talk, connected=True)
    if not move.talk.early:
        _greet(move)


def _greet(move: Move) -> None:
    move.speak(move.policy.phrases.notice, Layer.ANNOUNCEMENT)
    move.speak(move.policy.phrases.greeting, Layer.GREETING)
    if move.mouth.state is mouth.State.SILENT:
        turns.fell_silent(move)


def _media_changed(move: Move, media: MediaState) -> None:
    """Hold stops both directions; a line that went dead is asked once and then given up."""
    trigger = {
        MediaState.FLOWING: ear.Trigger.FLOW,
        MediaState.HELD: ear.Trigger.HOLD,
        MediaState.LOST: ear.Trigger.LOSS,
    }[media]
    if not move.hear(ear.closed(move.ear, trigger), trigger):
        return
    move.suspicion = None
    move.drop_early()
    move.talk = replace(move.talk, no_input_due_ms=None, media_due_ms=None, hold_due_ms=None)
    if media is MediaState.HELD:
        move.talk = replace(move.talk, hold_due_ms=move.now_ms + move.policy.budgets.hold_ms)
        move.pause()
        return
    spoke = move.mouth.state is not mouth.State.SILENT
    move.resume()
    if media is MediaState.LOST:
        _ask_for_media(move)
    if spoke and move.mouth.state is mouth.State.SILENT:
        turns.fell_silent(move)
    if move.talk.state is State.LISTENING:
        move.await_caller()


def _ask_for_media(move: Move) -> None:
    """A call on its way out has nothing to ask: a transfer often stops the audio itself."""
    if move.talk.leaving or move.talk.state is State.HANDING_OFF:
        return
    move.await_media()
    if move.talk.state is State.LISTENING:
        move.converse(Trigger.PROMPT)
    move.speak(escalated(move.policy.phrases.no_input, 1), Layer.PROMPT)
    if move.mouth.state is mouth.State.SILENT:
        turns.fell_silent(move)


def _audio_moved(move: Move, event: SpeechRendered | Played) -> None:
    move.transcript = move.transcript.progress(event)
    busy = move.mouth.state is not mouth.State.SILENT
    if isinstance(event, Played):
        move.mouth = mouth.played(move.mouth, event, move.now_ms, move.patience_ms)
    else:
        move.mouth = mouth.rendered(move.mouth, event, move.now_ms, move.patience_ms)
    if busy and move.mouth.state is mouth.State.SILENT:
        turns.fell_silent(move)


def _engine_failed(move: Move, event: EngineFailed) -> None:
    if event.role is not Role.ASR:
        turns.engine_failed(move, event)
    elif not move.ear.open or event.ref != move.ear.utterance or event.engine not in {"", move.ear.engine}:
        return  # of an utterance that is over, or of a recogniser that another has taken over from
    elif other := move.fallback(Role.ASR, move.ear.engine):
        _hear_with(move, other, event)
    else:
        move.hear(ear.closed(move.ear, ear.Trigger.TURN_END), ear.Trigger.TURN_END)
        if move.suspicion is not None:
            barge_in.forget(move)
        turns.engine_failed(move, event)


def _hear_with(move: Move, engine: str, event: EngineFailed) -> None:
    """Let another recogniser hear what was said."""
    move.failed(Role.ASR, move.ear.engine, event.category, permanent=event.permanent)
    move.ear, decode = ear.switched(move.ear, engine, move.now_ms, move.policy)
    move.note("switched", role=Role.ASR, engine=engine)
    move.do(decode)
    move.await_text()


def _flagged(move: Move, event: SafetyFlagged) -> None:
    coming = move.talk.state in {State.GREETING, State.LISTENING}  # a flag may come before the end of the turn
    after = move.safety.flagged(move.talk.turn + coming)
    if after is None:
        move.reject("safety", move.safety.state, SafetyTrigger.FLAG)
        return
    move.safety = after
    move.note("flagged", rule=event.rule, flags=after.flags)
    if after.flags >= FLAG_LIMIT:
        move.safety = after.moved(SafetyTrigger.ESCALATE) or after  # always legal from a flagged state
        handing_over.hand_over(move, "SAFETY_ESCALATION")


def _deadlines(move: Move) -> None:
    """Fire every deadline that has passed, the ear's first: what the caller said outranks what is overdue."""
    _ear_deadlines(move)
    _suspicion_deadlines(move)
    _call_deadlines(move)


def _passed(move: Move, due_ms: int | None) -> bool:
    return due_ms is not None and due_ms <= move.now_ms


def _ear_deadlines(move: Move) -> None:
    if _passed(move, move.ear.answer_due_ms):
        timeout = EngineFailed(Role.ASR, move.ear.utterance, Category.TIMEOUT, permanent=False)
        _engine_failed(move, timeout)
    if not _passed(move, move.ear.due_ms):
        return
    waited = move.ear.committed
    move.ear, commands = ear.due(move.ear, move.now_ms, move.policy)
    move.do_all(commands)
    if commands:
        move.await_text()
    if move.ear.finished:
        barge_in.end_turn(move)
    elif waited:
        _engine_failed(move, EngineFailed(Role.ASR, move.ear.utterance, Category.TIMEOUT, permanent=False))


def _suspicion_deadlines(move: Move) -> None:
    if move.suspicion is not None and _passed(move, move.suspicion.confirm_due_ms):
        barge_in.no_words_came(move)
    if move.suspicion is not None and _passed(move, move.suspicion.drop_due_ms):
        barge_in.forget(move)


def _call_deadlines(move: Move) -> None:
    _tool_deadlines(move)
    _engine_deadlines(move)
    talk = move.talk
    for due_ms, fire in (
        (talk.hard_due_ms, _too_late),
        (talk.soft_due_ms, turns.late_answer),
        (talk.no_input_due_ms, turns.no_input),
        (talk.media_due_ms, _line_dead),
        (talk.hold_due_ms, handing_over.hold_overdue),
        (talk.drain_due_ms, handing_over.drain_overdue),
    ):
        if _passed(move, due_ms) and due_ms in move.talk.deadlines():  # an earlier one may have settled it
            fire(move)


def _tool_deadlines(move: Move) -> None:
    for number in [tool.number for tool in move.tooling.at_work]:
        turns.tool_due(move, number)


def _engine_deadlines(move: Move) -> None:
    if _passed(move, move.handoff.due_ms):
        handing_over.transfer_overdue(move)
    if _passed(move, move.mouth.due_ms):
        head = move.mouth.queue[0]
        turns.engine_failed(move, EngineFailed(Role.TTS, head.speech, Category.TIMEOUT, permanent=False))
    if _passed(move, move.talk.brain_due_ms) and move.talk.brain is not None:
        ref = move.talk.brain.number
        turns.engine_failed(move, EngineFailed(Role.BRAIN, ref, Category.TIMEOUT, permanent=False))


def _too_late(move: Move) -> None:
    turns.give_up_turn(move, for_good=True)


def _line_dead(move: Move) -> None:
    handing_over.leave(move, move.policy.phrases.goodbye)
