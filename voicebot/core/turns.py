"""Turns: what the caller said goes to the brain, and the brain's answer to the mouth."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from handoff.policy import ReasonCode
from voicebot.core import ahead, consent, tool_calls, tooling
from voicebot.core.commands import CancelBrain, Hangup, Layer, StartBrain
from voicebot.core.conversation import State, Trigger
from voicebot.core.early import Early
from voicebot.core.events import (
    Attempt,
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    EngineFailed,
    Role,
    ToolFailed,
    ToolReturned,
)
from voicebot.core.handing_over import OK, announced, hand_over, leave
from voicebot.core.mouth import State as MouthState
from voicebot.core.mouth import broken, dropped
from voicebot.core.move import Move
from voicebot.core.policy import Connector
from voicebot.core.safety import Trigger as SafetyTrigger
from voicebot.core.speech_plan import escalated

WORDS_MS = 5_000
"""An utterance that is open at the no-input time gets this long to have words, and then more of them, if the recogniser
gives partials."""

AGAIN_MS = 1_000
"""How soon a caller who seems to speak is looked at again."""

FAILURE_LIMIT = 2
"""Turns in a row that an engine may spoil before a human takes over, when the engine did not fail for good."""

ROUND_LIMIT = 5
"""Runs on tools' results in one turn; a brain that wants still more goes in circles, perhaps with side effects."""


def take_turn(move: Move, text: str, ended_ms: int, *, keyed: bool = False, waited: bool = False) -> None:
    """The caller has finished. A turn that cannot interrupt the bot waits until the bot has spoken.

    `waited`: it did, so that it may be older than what the bot has just asked.
    """
    if move.talk.state in {State.SPEAKING, State.GREETING}:
        move.talk = move.talk.kept_waiting(text)
        return
    whole = f"{move.talk.carried} {text}".strip()
    if not whole:
        if move.talk.state is State.LISTENING:
            _nothing_said(move)
        return
    if not move.converse(Trigger.TURN):
        return
    if move.talk.carried:
        move.transcript = move.transcript.without_last_caller()
    history = move.transcript.heard()
    move.transcript = move.transcript.caller(whole)
    keyed = keyed and not move.talk.carried
    move.talk = replace(move.talk.thinking(whole, history, ended_ms, move.now_ms, move.policy.budgets), keyed=keyed)
    move.note("turn", number=move.talk.turn, ended_ms=ended_ms)
    early = ahead.take_over(move, whole)
    if move.talk.confirming and _consented(move, waited=waited):
        return
    if early is None:
        _run_brain(move, ())
    else:
        _go_on_with(move, early)


def _consented(move: Move, *, waited: bool) -> bool:
    """Judge the turn as the answer to a question for consent; tell whether that was all there is to it.

    A yes counts where the question was the last thing heard, to its end; otherwise it is asked again.
    """
    call = move.tooling.calls[move.talk.confirming - 1]
    if not consent.given(move.talk.text):
        tool_calls.decide(move, agreed=False)
        return False
    if not waited and consent.asked_last(move.talk.history, call.question):
        tool_calls.decide(move, agreed=True)
        move.talk = replace(move.talk, asked=call.attempt)
        _go_on_with_results(move)
    else:
        move.note("asked_again", call=call.number)
        _answer(move, call.question, Layer.PROMPT)
        _all_said(move)
    return True


def _go_on_with(move: Move, early: Early) -> None:
    """Take what the brain said ahead as if it said it now. One that could be replaced has had its time already."""
    due_ms: int | None = move.now_ms + move.policy.budgets.brain_first_ms
    if early.clauses:
        due_ms = None
    elif move.fallback(Role.BRAIN, early.engine) is not None:
        due_ms = max(early.due_ms, move.now_ms)
    move.talk = replace(move.talk, brain=early.attempt, asked=None, rounds=early.rounds, brain_due_ms=due_ms)
    move.talk = replace(move.talk, brain_engine=early.engine, results=early.results)
    for clause in early.clauses:
        clause_came(move, clause)
    for wish in early.wishes:
        tool_wanted(move, wish)
    if early.finished is not None:
        brain_finished(move, early.finished)


def _nothing_said(move: Move) -> None:
    """It was no turn. A bot that stopped for it asks what it was; who spoke last would otherwise be unclear."""
    if not move.talk.interrupted:
        move.go_on_waiting()
        return
    move.talk = replace(move.talk, interrupted=False, no_input_due_ms=None)
    move.converse(Trigger.PROMPT)
    move.speak(escalated(move.policy.phrases.no_match, 1), Layer.PROMPT)
    _all_said(move)


def _run_brain(move: Move, results: tuple[tuple[str, str], ...]) -> None:
    talk = move.talk
    attempt = Attempt(move.mouth.epoch, talk.attempts + 1)
    engine = move.engine(Role.BRAIN)
    due_ms = move.now_ms + move.brain_patience_ms(engine)
    known = tooling.known(move.tooling, move.policy)
    if move.do(StartBrain(attempt, talk.turn, talk.text, talk.history, results, talk.memory, due_ms, engine, known)):
        talk = replace(talk, brain_engine=engine, results=results)
        move.talk = replace(talk, attempts=attempt.number, brain=attempt, asked=None, brain_due_ms=due_ms)


def clause_came(move: Move, event: BrainClause) -> None:
    """Speak a clause, unless its run was cancelled; one that was asked ahead waits for the end of the turn."""
    if move.early is not None and event.attempt == move.early.attempt:
        ahead.clause_came(move, move.early, event)
        return
    if event.attempt != move.talk.brain or not event.text.strip():
        return
    move.talk = replace(move.talk, brain_due_ms=None)
    _answer(move, event.text, Layer.ANSWER)


def _answer(move: Move, text: str, layer: Layer) -> None:
    move.talk = replace(move.talk, answered=True, soft_due_ms=None, hard_due_ms=None)
    if move.talk.state is State.THINKING:
        move.converse(Trigger.ANSWER)
    move.speak(text, layer)


def tool_wanted(move: Move, event: BrainToolWanted) -> None:
    """Start a connector call that the current run asks for, or one asked ahead if it only reads."""
    turn = move.talk.turn
    if move.early is not None and event.attempt == move.early.attempt:
        if not ahead.tool_wanted(move, move.early, event):
            return
        turn += 1  # of the turn that is coming
    elif event.attempt != move.talk.brain:
        return
    tool_calls.wanted(move, event, turn)


def tool_returned(move: Move, event: ToolReturned) -> None:
    """Take a connector's result."""
    tool_calls.returned(move, event)
    _go_on_with_results(move)


def tool_failed(move: Move, event: ToolFailed) -> None:
    """Take a connector's failure."""
    tool_calls.failed(move, event)
    _go_on_with_results(move)


def tool_due(move: Move, number: int) -> None:
    """See to a connector call whose time has come."""
    tool_calls.due(move, number)
    _go_on_with_results(move)


def _go_on_with_results(move: Move) -> None:
    """Run the brain again once every call it asked for has ended."""
    asked = move.talk.asked
    if asked is None:
        ahead.ask_on(move)
        return
    calls = move.tooling.of(asked)
    question = next((call for call in calls if call.state is tooling.State.CONFIRMING), None)
    if question is not None:
        _ask_consent(move, question)
        return
    if not all(call.ended for call in calls):
        return
    way_out = tooling.way_out(calls, move.policy)
    if way_out is not None:
        _take_way_out(move, way_out)
        return
    if move.talk.rounds == ROUND_LIMIT:
        move.note("too_many_rounds", turn=move.talk.turn)
        give_up_turn(move, for_good=True)
        return
    move.talk = replace(move.talk, rounds=move.talk.rounds + 1)
    _run_brain(move, tuple((call.name, call.result) for call in calls))


def _ask_consent(move: Move, call: tooling.Call) -> None:
    """Ask the caller before something is done. What else the run wanted goes on meanwhile."""
    move.talk = replace(
        move.talk, asked=None, confirming=call.number, expects="yes_no", brain_due_ms=None, no_matches=0, failures=0
    )
    _answer(move, call.question, Layer.PROMPT)
    _all_said(move)


def _take_way_out(move: Move, failed: Connector) -> None:
    """A connector could not answer, and the dialplan says what then: a human, or a sentence."""
    move.talk = replace(move.talk, asked=None, expects="", no_matches=0, failures=0)
    if failed.fallback_reason:
        hand_over(move, failed.fallback_reason)
    else:
        _answer(move, failed.fallback_answer, Layer.ANSWER)
        _turn_answered(move)


def _turn_answered(move: Move) -> None:
    """The turn has its answer. After too much waiting for connectors a human takes over."""
    limit, violations = move.policy.budgets.violation_limit, move.tooling.violations
    if limit and violations >= limit and move.policy.transfer.target:
        move.note("budget_violations", count=violations)
        move.tooling = replace(move.tooling, violations=0)
        hand_over(move, ReasonCode.BUDGET_VIOLATIONS)
    else:
        _all_said(move)


def brain_finished(move: Move, event: BrainFinished) -> None:
    """Act on how the run ended."""
    if move.early is not None and event.attempt == move.early.attempt:
        ahead.finished(move, move.early, event)
        return
    if event.attempt != move.talk.brain:
        return
    move.talk = replace(move.talk, brain=None, brain_due_ms=None, memory=event.memory, expects=event.expects)
    match event.outcome:
        case BrainOutcome.WAITING_FOR_TOOLS:
            move.talk = replace(move.talk, asked=event.attempt)
            _go_on_with_results(move)
        case BrainOutcome.HANDOFF:
            hand_over(move, event.reason_code or ReasonCode.CALLER_ASKED)
        case BrainOutcome.GOODBYE:
            leave(move, "" if move.talk.answered else move.policy.phrases.goodbye)
        case BrainOutcome.ANSWERED if move.talk.answered:
            move.talk = replace(move.talk, no_matches=0, failures=0)
            _turn_answered(move)
        case BrainOutcome.ANSWERED | BrainOutcome.NO_MATCH:
            _not_understood(move)
        case _:
            assert_never(event.outcome)


def _not_understood(move: Move) -> None:
    """The brain has no answer. Ask for other words, but not for ever."""
    move.talk = replace(move.talk, no_matches=move.talk.no_matches + 1, failures=0)
    if move.talk.no_matches >= move.policy.transfer.no_match_limit:
        hand_over(move, ReasonCode.NO_MATCH_LIMIT)
        return
    if not move.talk.answered:
        _answer(move, escalated(move.policy.phrases.no_match, move.talk.no_matches), Layer.PROMPT)
    _all_said(move)


def _all_said(move: Move) -> None:
    if move.mouth.state is MouthState.SILENT:
        fell_silent(move)


def fell_silent(move: Move) -> None:
    """The mouth has nothing left to say: whose turn is it now?"""
    state = move.talk.state
    if move.talk.leaving:
        move.do(Hangup(OK, "goodbye"))
    elif state is State.HANDING_OFF:
        announced(move)
    elif move.talk.busy:
        move.talk = move.talk.owing(move.now_ms, move.policy.budgets)
    elif state in {State.GREETING, State.SPEAKING}:
        move.converse(Trigger.GREETED if state is State.GREETING else Trigger.SPEECH_OVER)
        _listen(move)


def _listen(move: Move) -> None:
    waiting = move.talk.waiting
    move.await_caller()
    if waiting:
        move.talk = replace(move.talk, waiting="")
        take_turn(move, waiting, move.now_ms, waited=True)
    else:  # not earlier: a flag may come before the words that it is about
        move.safety = move.safety.moved(SafetyTrigger.TURN_OVER) or move.safety


def late_answer(move: Move) -> None:
    """Scaffolding first, then progress: the caller is told that the bot is at it, and nothing else."""
    phrases = move.policy.phrases
    if not move.mouth.queue:  # a mouth that is paused for a noise says it when it goes on
        fitting = tooling.scaffolding(move.tooling, move.policy, move.talk.turn)
        lists = (phrases.progress,) if move.talk.scaffolded else (*fitting, phrases.scaffolding)
        move.plan, phrase = move.plan.next_of(*lists)
        move.speak(phrase, Layer.SCAFFOLDING)
    due_ms = move.now_ms + move.policy.budgets.progress_ms
    move.talk = replace(move.talk, scaffolded=True, soft_due_ms=due_ms)


def engine_failed(move: Move, event: EngineFailed) -> None:
    """An engine could not do its part: ask another, else apologise, and get a human when it is for good or again."""
    match event.role:
        case Role.ASR:
            move.failed(Role.ASR, move.ear.engine, event.category, permanent=event.permanent)
            give_up_turn(move, for_good=event.permanent)
        case Role.BRAIN if move.early is not None and event.ref == move.early.attempt.number:
            _early_failed(move, move.early, event)
        case Role.BRAIN if move.talk.brain is not None and event.ref == move.talk.brain.number:
            _run_failed(move, move.talk.brain, event)
        case Role.TTS:
            _speech_failed(move, event)
        case Role.BRAIN | Role.TOOL:  # of a run that was cancelled; a connector's failures come as ToolFailed
            move.note_failure(event.role, event.category, permanent=event.permanent)
        case _:
            assert_never(event.role)


def _early_failed(move: Move, early: Early, event: EngineFailed) -> None:
    """A brain that was asked ahead failed: another is asked ahead, if there is one."""
    move.failed(Role.BRAIN, early.engine, event.category, permanent=event.permanent)
    other = move.fallback(Role.BRAIN, early.engine)
    move.drop_early()
    if other is not None:
        move.note("switched", role=Role.BRAIN, engine=other)
        ahead.ask(move)


def _run_failed(move: Move, attempt: Attempt, event: EngineFailed) -> None:
    """The brain that works on the turn failed. Another may do its work unless that might do something twice."""
    move.failed(Role.BRAIN, move.talk.brain_engine, event.category, permanent=event.permanent)
    other = move.fallback(Role.BRAIN, move.talk.brain_engine)
    if other is None or tooling.side_effects(move.tooling, move.policy, move.talk.turn):
        give_up_turn(move, for_good=True)
        return
    move.do(CancelBrain(attempt))
    move.withdraw()
    move.note("switched", role=Role.BRAIN, engine=other)
    _run_brain(move, move.talk.results)


def _speech_failed(move: Move, event: EngineFailed) -> None:
    """Let another voice say the rest. When the caller would be left without an answer, a human takes over."""
    speech = event.ref
    lost = next((utterance for utterance in move.mouth.queue if utterance.speech == speech), None)
    if lost is None or lost.broken:
        move.note_failure(Role.TTS, event.category, permanent=event.permanent)
        return
    move.failed(Role.TTS, lost.engine, event.category, permanent=event.permanent)
    if move.fallback(Role.TTS, lost.engine) is not None:
        move.mouth = broken(move.mouth, speech)
        return
    move.mouth = dropped(move.mouth, speech, move.now_ms, move.patience_ms)
    if lost.layer in {Layer.ANSWER, Layer.PROMPT, Layer.GREETING} and not _going(move):
        give_up_turn(move, for_good=True)
    elif move.mouth.state is MouthState.SILENT:
        fell_silent(move)


def speak_on(move: Move) -> None:
    """What was queued of a failed engine's speech has been played: another says the rest, and all that follows."""
    left = move.mouth.queue
    move.note("switched", role=Role.TTS, engine=move.engine(Role.TTS))
    move.flush()
    for utterance in left:
        move.speak(utterance.unheard(), utterance.layer)
    if move.mouth.state is MouthState.SILENT:
        fell_silent(move)


def _going(move: Move) -> bool:
    return move.talk.leaving or move.talk.state in {State.HANDING_OFF, State.ENDED}


def give_up_turn(move: Move, *, for_good: bool) -> None:
    """The turn cannot be answered. Never silence: an apology, then a human or another try."""
    if _going(move):
        return
    move.stop_answering()
    move.tooling = tooling.untold(move.tooling, move.policy, move.talk.turn)
    move.talk = replace(move.talk, failures=move.talk.failures + 1, carried="")
    move.note("turn_given_up", failures=move.talk.failures)
    if move.talk.state is State.LISTENING:
        move.converse(Trigger.PROMPT)
    _answer(move, move.policy.phrases.apology, Layer.APOLOGY)
    if move.policy.transfer.target and (for_good or move.talk.failures >= FAILURE_LIMIT):
        hand_over(move, ReasonCode.ENGINE_DOWN)
    elif move.mouth.state is MouthState.SILENT:
        fell_silent(move)


def no_input(move: Move) -> None:
    """The caller says nothing: ask, and after some asking say goodbye. Noise is nothing, a growing text is not."""
    news_ms = max(move.ear.opened_ms, move.ear.grew_ms)
    if move.ear.open and (not move.ear.partials or move.now_ms - news_ms < WORDS_MS):
        move.talk = replace(move.talk, no_input_due_ms=move.now_ms + AGAIN_MS)
        return
    move.talk = replace(move.talk, no_inputs=move.talk.no_inputs + 1, no_input_due_ms=None)
    move.note("no_input", count=move.talk.no_inputs)
    if move.talk.no_inputs > move.policy.no_input.max_check_ins:
        leave(move, move.policy.phrases.goodbye)
        return
    move.converse(Trigger.PROMPT)
    move.speak(escalated(move.policy.phrases.no_input, move.talk.no_inputs), Layer.PROMPT)
    if move.mouth.state is MouthState.SILENT:
        fell_silent(move)
