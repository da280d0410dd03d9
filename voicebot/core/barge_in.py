"""The caller speaks or types while it is the bot's turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from voicebot.core import ahead, ear, tooling, turn_taking
from voicebot.core.conversation import State, Trigger
from voicebot.core.endpointing import Cues, Expectation, completeness, delay_ms
from voicebot.core.events import DtmfEntered, Role, SpeechPaused, SpeechStarted, Transcribed
from voicebot.core.mouth import State as MouthState
from voicebot.core.move import Move
from voicebot.core.turns import fell_silent, take_turn

BOTS_TURN: Final = frozenset({State.GREETING, State.THINKING, State.SPEAKING})
"""States in which what the caller says may be meant for nobody."""


def speech_started(move: Move, event: SpeechStarted) -> None:
    """Take the utterance; if the bot has the turn, stop on the wire at once and find out."""
    resumed = move.ear.open
    heard = ear.speech_started(move.ear, event, move.policy, move.engine(Role.ASR), move.talk.expects)
    if not move.hear(heard, ear.Trigger.SPEECH):
        return
    if not resumed and move.talk.state in BOTS_TURN:
        move.ear = replace(move.ear, overlapping=True)
    if not _may_interrupt(move):
        return
    if move.suspicion is None or not resumed:
        move.suspicion = turn_taking.suspected(move.now_ms, move.policy.barge_in)
    move.pause()


def _may_interrupt(move: Move) -> bool:
    if move.talk.state is State.THINKING:
        return True
    speaking = move.talk.state in {State.GREETING, State.SPEAKING}
    return speaking and move.policy.barge_in.enabled and not move.mouth.protected


def _takes_the_turn(move: Move, text: str) -> bool:
    """Whether words mean more than `go on`. A short answer to what the bot is asking right now does."""
    said_up_to_the_question = not move.talk.busy and len(move.mouth.queue) <= 1
    asked = bool(move.talk.expects) and said_up_to_the_question
    if turn_taking.takes_the_turn(text, move.policy.barge_in, asked=asked):
        return asked or _spoken_ms(move) >= move.policy.barge_in.min_duration_ms
    return False


def _doubtful(move: Move) -> bool:
    """Whether the recogniser is not sure of a word or two: it makes such words of a murmur."""
    return turn_taking.doubtful(move.ear.text, move.ear.confidence, _spoken_ms(move))


def _spoken_ms(move: Move) -> int:
    """Return how long the caller has spoken in this utterance."""
    until_ms = move.ear.last_voiced_ms if move.ear.state is ear.State.ENDPOINTING else move.now_ms
    return until_ms - move.ear.opened_ms


def speech_paused(move: Move, event: SpeechPaused) -> None:
    """The caller is quiet for a moment: the text so far decides what it was."""
    slot = Expectation.parse(move.talk.expects).slot
    if not move.hear(ear.speech_paused(move.ear, event, move.policy, slot), ear.Trigger.PAUSE):
        return
    move.await_text()
    if move.suspicion is not None:
        move.suspicion = turn_taking.went_quiet(move.suspicion, move.now_ms, move.policy.barge_in)


def transcribed(move: Move, event: Transcribed) -> None:
    """Words confirm a barge-in; their lack, once the caller is quiet, refutes it."""
    after = ear.transcribed(move.ear, event)
    if after is None:
        return
    agreed = turn_taking.agreed(after.previous, after.text).split()
    move.ear = ear.grown(after, len(agreed), move.now_ms)
    _weigh(move, event)
    if move.ear.finished:
        end_turn(move)
    elif move.ear.told:
        ahead.ask(move)
        judge_pause(move)


def _weigh(move: Move, event: Transcribed) -> None:
    """Weigh words that came while it is the bot's turn. Of partials, only what two in a row agree on counts."""
    meant = not _doubtful(move) and _takes_the_turn(move, event.text)
    text = event.text if event.decode else turn_taking.agreed(move.ear.previous, event.text)
    if _may_interrupt(move) and meant and _takes_the_turn(move, text):
        confirm(move)
    elif move.suspicion is not None and move.ear.told:
        forget(move)
    elif move.suspicion is not None:
        weigh = turn_taking.with_words if meant else turn_taking.without_words
        move.suspicion = weigh(move.suspicion, move.now_ms, move.policy.barge_in)


def judge_pause(move: Move) -> None:
    """Set how long the pause must last to end the turn, by all that is known of it now."""
    if not move.ear.told:
        return
    cues = Cues(
        text=f"{move.talk.carried} {move.ear.text}".strip(),
        expects=Expectation.parse(move.talk.expects),
        finality=move.ear.finality,
        answerable=move.early.answerable if move.early else None,
        whole=move.early is not None and move.early.whole,
    )
    judged = completeness(cues, frozenset(move.policy.number_lengths))
    endpointing = move.policy.endpointing_for(cues.expects.slot)
    due_ms = move.ear.last_voiced_ms + delay_ms(endpointing, judged)
    move.ear = replace(move.ear, judged=judged, due_ms=due_ms)
    if due_ms <= move.now_ms:
        end_turn(move)


def confirm(move: Move, *, goes_on: bool = True) -> None:
    """The caller has the turn: stop everything that belongs to the bot's.

    `goes_on`: what comes belongs to the turn before, if its answer was not heard.
    """
    unheard = not move.transcript.answer_heard(move.talk.turn)
    open_turn = goes_on and unheard and move.talk.state in {State.THINKING, State.SPEAKING}
    carried = move.talk.text if open_turn else ""
    move.note("barge_in", state=move.talk.state)
    if unheard:
        move.tooling = tooling.untold(move.tooling, move.policy, move.talk.turn)
    move.stop_answering()
    move.flush()
    if move.ear.state is ear.State.ON_HOLD:  # a key can be pressed during hold; what is said next waits
        move.pause()
    move.converse(Trigger.BARGE_IN)
    move.talk = replace(move.talk, carried=carried, waiting="", interrupted=True, leaving=False)


def no_words_came(move: Move) -> None:
    """The caller has spoken for long and the recogniser says nothing at all: believe the caller."""
    if _may_interrupt(move):
        confirm(move)
    else:
        forget(move)


def forget(move: Move) -> None:
    """It was a noise: go on from the sample where the bot stopped."""
    move.suspicion = None
    move.note("false_barge_in")
    move.resume()
    if move.mouth.state is MouthState.SILENT:
        fell_silent(move)


def end_turn(move: Move) -> None:
    """The pause lasted and the text is here."""
    text, ended_ms = move.ear.text.strip(), move.ear.last_voiced_ms
    if text:
        move.note("endpoint", judged=move.ear.judged, waited_ms=move.now_ms - ended_ms)
    backchannel = _is_backchannel(move, text)
    move.hear(ear.closed(move.ear, ear.Trigger.TURN_END), ear.Trigger.TURN_END)
    if backchannel:
        move.note("backchannel")
    else:
        _turn_came(move, text, ended_ms)


def _turn_came(move: Move, text: str, ended_ms: int, *, keyed: bool = False) -> None:
    """A turn that began before the bot's, or whose words came late, interrupts the bot all the same."""
    if text and _may_interrupt(move):
        confirm(move, goes_on=not (keyed and move.talk.keyed))
    take_turn(move, text, ended_ms, keyed=keyed)


def _is_backchannel(move: Move, text: str) -> bool:
    """Whether an utterance that began in the bot's turn only said `go on`."""
    if not text or not move.ear.overlapping or move.talk.interrupted:
        return False
    return _doubtful(move) or not _takes_the_turn(move, text)


def key_pressed(move: Move) -> None:
    """A key is a barge-in without any doubt. Digits should follow; until then the caller counts as silent."""
    if _typing_ahead(move):
        return
    if _may_interrupt(move):
        confirm(move, goes_on=not move.talk.keyed)
    if move.talk.state is State.LISTENING:
        move.await_caller()


def digits_entered(move: Move, event: DtmfEntered) -> None:
    """A run of digits is a turn."""
    digits = event.digits.strip()
    if _typing_ahead(move):
        move.talk = move.talk.kept_waiting(digits)
    else:
        _turn_came(move, digits, move.now_ms, keyed=True)


def _typing_ahead(move: Move) -> bool:
    """Whether keys answer a question that the bot is only about to ask, by a caller who knows the menu."""
    talk = move.talk
    return talk.keyed and (talk.busy or bool(talk.waiting)) and talk.state is not State.LISTENING
