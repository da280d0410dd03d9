"""Hold, lost media, the end of the call and of the process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.timeline import POLICY, STARTED, Timeline, with_phrases
from voicebot.core import call as core
from voicebot.core.commands import (
    CancelBrain,
    CloseUtterance,
    FlushPlayout,
    Hangup,
    Layer,
    Note,
    PausePlayout,
    ResumePlayout,
    Speak,
    StartBrain,
)
from voicebot.core.conversation import State
from voicebot.core.events import (
    BrainOutcome,
    CallAnswered,
    CallEnded,
    CallStarted,
    DrainOrdered,
    DtmfEntered,
    EndCause,
    Event,
    KeyPressed,
    MediaChanged,
    MediaState,
    Played,
    SafetyFlagged,
    SpeechPaused,
    SpeechStarted,
)
from voicebot.core.mouth import State as MouthState

HELD, LOST, FLOWING = (MediaChanged(media) for media in (MediaState.HELD, MediaState.LOST, MediaState.FLOWING))


def speaking() -> Timeline:
    call = Timeline().thinking()
    call.answers("At nine on weekdays.")
    call.renders(100)
    return call


def test_hold_stops_the_bot_and_unhold_lets_it_go_on() -> None:
    call = speaking()
    assert call.at(2000, HELD) == [PausePlayout()]
    assert call.run_to(60_000) == []
    assert call.at(60_000, FLOWING) == [ResumePlayout()]
    call.plays(100)
    assert call.talk() is State.LISTENING


def test_hold_ends_an_utterance_and_a_suspicion() -> None:
    call = speaking()
    call.speaks(2000)
    assert call.at(2050, HELD) == [CloseUtterance(2)]
    assert call.state.suspicion is None
    assert call.at(9000, FLOWING) == [ResumePlayout()]


def test_nobody_is_asked_during_hold_but_after_it() -> None:
    call = Timeline().listening()
    call.at(1000, HELD)
    call.run_to(60_000)
    assert call.spoken() == ["Hello."]
    call.at(60_000, FLOWING)
    call.run_to(68_000)
    assert call.spoken()[-1] == "Are you there?"


def test_an_answer_that_comes_during_hold_is_heard_after_it() -> None:
    call = Timeline().thinking()
    call.at(1400, HELD)
    call.answers("At nine.")
    assert call.mouth() is MouthState.PAUSED
    call.at(9000, FLOWING)
    assert call.mouth() is MouthState.PLAYING


def test_what_had_run_out_when_hold_began_gives_the_turn_back_after_it() -> None:
    call = speaking()
    call.at(2000, HELD)
    call.at(2010, Played(2, 100))
    assert call.talk() is State.SPEAKING
    call.at(3000, FLOWING)
    assert call.talk() is State.LISTENING
    assert call.state.conversation.no_input_due_ms == 3000 + 8000


def test_a_key_during_hold_interrupts_but_does_not_start_the_sound() -> None:
    call = speaking()
    call.at(2000, HELD)
    assert call.at(2100, KeyPressed())[-2:] == [FlushPlayout(1), PausePlayout()]
    call.at(2200, DtmfEntered("7"))
    call.answers("Seven.")
    assert call.mouth() is MouthState.PAUSED
    call.at(9000, FLOWING)
    assert call.mouth() is MouthState.PLAYING


def test_a_line_that_goes_dead_is_asked_once_and_given_up() -> None:
    call = Timeline().listening()
    assert call.at(1000, LOST) == [Speak(2, 0, "Are you there?", Layer.PROMPT)]
    call.plays()
    call.run_to(5999)
    assert call.spoken() == ["Hello.", "Are you there?"]
    call.run_to(6000)
    assert call.spoken()[-1] == "Goodbye."
    assert call.plays()[-1] == Hangup(200, "goodbye")


def test_a_line_that_comes_back_goes_on() -> None:
    call = Timeline().listening()
    call.at(1000, LOST)
    call.plays()
    call.at(3000, FLOWING)
    call.run_to(10_999)
    assert call.all(Hangup) == []
    call.run_to(11_000)
    assert call.spoken()[-1] == "Are you there?"


def test_a_line_that_comes_back_while_the_bot_asks() -> None:
    call = Timeline().listening()
    call.at(1000, LOST)
    call.renders(100)
    call.at(1500, FLOWING)
    call.run_to(1600)
    assert call.state.conversation.no_input_due_ms is None, "the bot still speaks"
    call.plays(100)
    assert call.state.conversation.no_input_due_ms == 1600 + 8000


def test_a_line_that_goes_dead_while_the_bot_thinks() -> None:
    call = Timeline().thinking()
    call.at(1500, LOST)
    call.plays()
    assert call.talk() is State.THINKING
    call.clause("At nine.")
    call.renders(1000)
    call.run_to(6500)
    assert call.all(CancelBrain) == [CancelBrain(call.attempt)]
    call.plays(1000)
    assert call.all(Hangup) == [Hangup(200, "goodbye")]


def test_a_line_that_dies_before_the_answer_is_given_up_all_the_same() -> None:
    call = Timeline(replace(POLICY, budgets=replace(POLICY.budgets, media_lost_ms=1000))).thinking()
    call.at(1500, LOST)
    call.plays()
    call.run_to(2500)
    assert call.all(CancelBrain) == [CancelBrain(call.attempt)]
    assert call.plays()[-1] == Hangup(200, "goodbye")


def test_a_line_that_dies_during_the_greeting() -> None:
    call = Timeline().answered()
    call.renders(1000)
    call.at(100, LOST)
    call.run_to(5100)
    call.plays(1000)
    assert call.all(Hangup) == [Hangup(200, "goodbye")]


def test_a_key_on_a_dead_line_takes_back_the_goodbye_but_not_for_ever() -> None:
    call = Timeline().listening()
    call.at(1000, LOST)
    call.plays()
    call.run_to(6000)
    call.at(6100, KeyPressed())
    assert call.talk() is State.LISTENING
    call.run_to(11_100)
    assert call.spoken()[-2:] == ["Goodbye.", "Goodbye."]


def test_digits_on_a_dead_line_are_answered_if_they_come_in_time() -> None:
    call = Timeline().listening()
    call.at(1000, LOST)
    call.plays()
    call.run_to(6000)
    call.at(6100, DtmfEntered("7"))
    assert call.talk() is State.THINKING
    call.run_to(20_000)
    assert call.talk() is State.HANDING_OFF, "nobody answered"


def test_a_bot_without_a_question_for_a_dead_line_waits_in_silence() -> None:
    call = Timeline(with_phrases(no_input=(), goodbye="")).listening()
    call.at(1000, LOST)
    assert call.talk() is State.LISTENING
    assert call.run_to(6000) == [Hangup(200, "goodbye")]


def test_a_line_that_dies_during_the_goodbye_is_asked_nothing() -> None:
    call = Timeline().thinking()
    call.finishes(BrainOutcome.GOODBYE)
    call.at(2000, LOST)
    assert call.spoken()[-1] == "Goodbye."
    assert call.plays()[-1] == Hangup(200, "goodbye")


def test_hold_that_ends_with_a_goodbye_said_hangs_up() -> None:
    call = Timeline().thinking()
    call.finishes(BrainOutcome.GOODBYE)
    call.renders(50)
    call.at(2000, HELD)
    call.at(2010, Played(2, 50))
    assert call.at(3000, FLOWING) == [ResumePlayout(), Hangup(200, "goodbye")]


def test_a_dead_line_can_be_put_on_hold() -> None:
    call = Timeline().listening()
    call.at(1000, LOST)
    call.at(1100, HELD)
    call.run_to(30_000)
    assert call.all(Hangup) == []


def test_a_caller_on_hold_is_not_waited_for_for_ever() -> None:
    call = speaking()
    call.at(2000, HELD)
    assert call.run_to(2000 + 600_000 - 1) == []
    assert call.run_to(2000 + 600_000) == [Hangup(200, "held")]
    assert core.next_deadline(call.state) is None


def test_hold_while_the_bot_thinks_ends_the_call_in_time_too() -> None:
    call = Timeline(replace(POLICY, budgets=replace(POLICY.budgets, hold_ms=2000))).thinking()
    call.at(1400, HELD)
    commands = call.run_to(3400)
    assert CancelBrain(call.attempt) in commands
    assert commands[-1] == Hangup(200, "held")


def test_the_limit_counts_one_hold_only() -> None:
    call = Timeline().listening()
    for began_ms in (1000, 400_000):
        call.at(began_ms, HELD)
        call.at(began_ms + 300_000, FLOWING)
    call.run_to(705_000)
    assert call.all(Hangup) == []


def test_hold_does_not_cut_a_transfer() -> None:
    call = Timeline(replace(POLICY, budgets=replace(POLICY.budgets, hold_ms=2000))).handing_off()
    call.plays()
    held_ms = call.now_ms
    call.at(held_ms, HELD)
    call.run_to(held_ms + 29_000)
    assert call.all(Hangup) == []
    call.run_to(held_ms + 34_000)
    assert call.last(Hangup) == Hangup(200, "held"), "the transfer has failed, and the call is still held"


def test_the_end_settles_everything() -> None:
    call = Timeline().thinking()
    call.speaks(1500)
    commands = call.at(1550, CallEnded(EndCause.CALLER_HUNG_UP, 0))
    assert commands == [
        CancelBrain(call.attempt),
        FlushPlayout(1),
        CloseUtterance(2),
        Note("call_ended", (("cause", "caller_hung_up"), ("code", 0))),
    ]
    assert call.state.ended
    assert core.next_deadline(call.state) is None
    call.at(1600, Played(1, 50))
    assert call.heard()[0] == ("bot", "Hello.")


def test_a_call_that_is_cancelled_before_it_was_answered() -> None:
    call = Timeline()
    call.at(0, STARTED)
    call.at(50, CallEnded(EndCause.CANCELLED, 487))
    assert call.state.ended


@pytest.mark.parametrize(
    "event",
    [
        HELD,
        SpeechStarted(0, resumed=False),
        SpeechPaused(0),
        KeyPressed(),
        DtmfEntered("7"),
        SafetyFlagged("rule"),
    ],
)
@pytest.mark.parametrize("ended", [False, True])
def test_what_the_caller_does_counts_only_while_the_leg_is_up(event: Event, *, ended: bool) -> None:
    call = Timeline()
    call.at(0, STARTED)
    if ended:
        call.at(10, CallAnswered("PCMU"), CallEnded(EndCause.CALLER_HUNG_UP, 0))
    before = call.state
    (note,) = call.at(100, event)
    assert isinstance(note, Note)
    assert note.mark == "rejected"
    assert call.state == before


@pytest.mark.parametrize(
    "event",
    [STARTED, CallAnswered("PCMU"), CallEnded(EndCause.ERROR, 0), DrainOrdered(500)],
    ids=lambda e: type(e).__name__,
)
def test_what_happens_once_is_rejected_the_second_time(event: CallStarted | CallAnswered | CallEnded) -> None:
    call = Timeline().answered()
    call.at(10, CallEnded(EndCause.CALLER_HUNG_UP, 0))
    before = call.state
    call.at(20, event)
    assert call.fields("rejected") == {"machine": "call", "state": "ended", "trigger": type(event).__name__}
    assert call.state == before


@pytest.mark.parametrize("event", [STARTED, CallAnswered("PCMU")], ids=lambda e: type(e).__name__)
def test_a_call_is_started_and_greeted_once(event: Event) -> None:
    call = Timeline().answered()
    call.at(10, event)
    assert call.marks() == ["rejected"]
    assert call.spoken() == ["Hello."]


@pytest.mark.parametrize(
    ("event", "trigger"),
    [(SpeechPaused(0), "pause"), (FLOWING, "flow")],
    ids=["pause without speech", "flow without hold"],
)
def test_an_illegal_event_changes_nothing_but_the_journal(event: Event, trigger: str) -> None:
    call = Timeline().listening()
    before = call.state
    assert call.at(100, event) == [Note("rejected", (("machine", "ear"), ("state", "idle"), ("trigger", trigger)))]
    assert call.state == before


def test_speech_that_starts_twice_started_once() -> None:
    call = Timeline().listening()
    call.speaks(1000)
    call.speaks(1100)
    assert call.fields("rejected") == {"machine": "ear", "state": "capturing", "trigger": "speech"}


def test_a_draining_process_lets_the_call_finish() -> None:
    call = speaking()
    call.at(2000, DrainOrdered(30_000))
    call.plays(100)
    call.says("Thank you.")
    call.finishes(BrainOutcome.GOODBYE)
    assert call.plays()[-1] == Hangup(200, "goodbye")


@pytest.mark.parametrize("when", ["listening", "thinking", "speaking"])
def test_at_the_limit_the_bot_says_goodbye_and_cannot_be_interrupted(when: str) -> None:
    call = {"listening": Timeline().listening, "thinking": Timeline().thinking, "speaking": speaking}[when]()
    call.at(call.now_ms, DrainOrdered(2000))
    commands = call.run_to(2000)
    assert FlushPlayout(1) in commands
    assert call.last(Speak).text == "Goodbye."
    call.renders(100)
    call.speaks(2200)
    call.run_to(2600)
    assert call.talk() is State.SPEAKING
    assert call.plays(100)[-1] == Hangup(200, "goodbye")


def test_a_goodbye_that_takes_too_long_is_cut() -> None:
    call = Timeline().listening()
    call.at(0, DrainOrdered(1000))
    call.run_to(1000)
    call.renders(1000)
    call.run_to(5999)
    assert call.all(Hangup) == []
    assert call.run_to(6000) == [Hangup(200, "drained")]


@pytest.mark.parametrize("media", [HELD, LOST])
def test_nobody_says_goodbye_to_a_caller_who_cannot_hear(media: MediaChanged) -> None:
    call = Timeline().listening()
    call.at(0, DrainOrdered(1000))
    call.at(500, media)
    assert call.run_to(1000) == [Hangup(200, "drained")]


def test_a_transfer_is_cut_at_the_limit() -> None:
    call = Timeline().handing_off()
    call.at(2000, DrainOrdered(3000))
    assert call.run_to(3000) == [Hangup(200, "drained")]


def test_a_call_that_was_not_answered_yet_is_refused_at_the_limit() -> None:
    call = Timeline()
    call.at(0, STARTED, DrainOrdered(1000))
    assert call.run_to(1000) == [Hangup(503, "drained")]


def test_a_run_that_was_under_way_at_the_limit_is_cancelled() -> None:
    call = Timeline().thinking()
    call.at(1400, DrainOrdered(1500))
    assert CancelBrain(call.attempt) in call.run_to(1500)
    assert len(call.all(StartBrain)) == 1
