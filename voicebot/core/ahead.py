"""Asking ahead: what is started at a pause, taken over at the end of the turn, or dropped (see `early`)."""

from __future__ import annotations

from dataclasses import replace

from voicebot.core import consent, tooling
from voicebot.core.commands import Line, Prepare, StartBrain
from voicebot.core.conversation import State
from voicebot.core.early import Early, same_words
from voicebot.core.events import Attempt, BrainClause, BrainFinished, BrainOutcome, BrainToolWanted, Role
from voicebot.core.move import Move


def ask(move: Move) -> None:
    """At a pause, ask the brain about the turn so far; a run on the same words goes on. Consent needs no brain."""
    talk = move.talk
    text = f"{talk.carried} {move.ear.text}".strip()
    if talk.state is not State.LISTENING or not text:
        return
    if talk.confirming and consent.given(text):
        move.drop_early()
        return
    if move.early is not None and same_words(move.early.text, text):
        return
    move.drop_early()
    attempt = Attempt(move.mouth.epoch, talk.attempts + 1)
    engine = move.engine(Role.BRAIN)
    due_ms, known = move.now_ms + move.brain_patience_ms(engine), tooling.known(move.tooling, move.policy)
    move.do(StartBrain(attempt, talk.turn + 1, text, _history(move), (), talk.memory, due_ms, engine, known))
    move.talk = replace(talk, attempts=attempt.number)
    move.early = Early(attempt, text, move.now_ms, engine, due_ms)


def ask_on(move: Move) -> None:
    """Run the brain on what its connectors found, once; what it wants after that waits for the end of the turn."""
    early = move.early
    if early is None or early.finished is None or early.rounds or early.wishes:
        return
    calls = move.tooling.of(early.attempt)
    if early.finished.outcome is not BrainOutcome.WAITING_FOR_TOOLS or not all(call.ended for call in calls):
        return
    if tooling.way_out(calls, move.policy) is not None:
        return  # what the dialplan says then is said in the turn itself
    attempt = Attempt(move.mouth.epoch, move.talk.attempts + 1)
    results = tuple((call.name, call.result) for call in calls)
    due_ms = move.now_ms + move.brain_patience_ms(early.engine)
    history, memory = _history(move), early.finished.memory
    known, turn = tooling.known(move.tooling, move.policy), move.talk.turn + 1
    move.do(StartBrain(attempt, turn, early.text, history, results, memory, due_ms, early.engine, known))
    move.talk = replace(move.talk, attempts=attempt.number)
    move.early = replace(early, attempt=attempt, due_ms=due_ms, finished=None, rounds=1, results=results)


def _history(move: Move) -> tuple[Line, ...]:
    """Return what was said before the turn that is coming."""
    before = move.transcript.without_last_caller() if move.talk.carried else move.transcript
    return before.heard()


def clause_came(move: Move, early: Early, event: BrainClause) -> None:
    """Keep a clause; the first one is rendered, held back."""
    if not event.text.strip():
        return
    if not early.clauses:
        move.do(Prepare(event.text, move.engine(Role.TTS)))
    move.early = replace(early, clauses=(*early.clauses, event))


def tool_wanted(move: Move, early: Early, event: BrainToolWanted) -> bool:
    """Tell whether the connector may be called ahead; one that has side effects waits for the end of the turn."""
    known = tooling.connector(move.policy, event.name)
    if known is not None and known.reads_only:
        return True
    move.early = replace(early, wishes=(*early.wishes, event))
    return False


def finished(move: Move, early: Early, event: BrainFinished) -> None:
    """Keep how the run ended."""
    move.early = replace(early, finished=event, whole=early.whole or event.whole)
    ask_on(move)


def still_wanted(move: Move) -> bool:
    """Whether the turn that was asked about may still end as it looked."""
    return move.talk.state is State.LISTENING and move.ear.open


def take_over(move: Move, text: str) -> Early | None:
    """Return the early work if the turn ended with its words; otherwise drop it."""
    early = move.early
    if early is None or not same_words(early.text, text):
        move.drop_early()
        return None
    move.early = None
    move.note("early_used", saved_ms=move.now_ms - early.began_ms)
    return early
