from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.timeline import POLICY, Timeline, with_phrases
from voicebot.core.commands import (
    CancelBrain,
    CloseUtterance,
    FlushPlayout,
    Note,
    PausePlayout,
    ResumePlayout,
    StartBrain,
)
from voicebot.core.conversation import State
from voicebot.core.events import (
    BrainClause,
    BrainOutcome,
    Category,
    DtmfEntered,
    EngineFailed,
    KeyPressed,
    MediaChanged,
    MediaState,
    Played,
    Role,
    SpeechRendered,
    Transcribed,
)
from voicebot.core.mouth import State as MouthState

SLOW = replace(POLICY, budgets=replace(POLICY.budgets, soft_ms=None, brain_first_ms=60_000))
"""A policy in which the brain may take its time."""

ANSWER = "We are open from nine to five on weekdays."


def speaking() -> Timeline:
    """The bot is in the middle of an answer: 100 frames rendered, 40 played."""
    call = Timeline().thinking()
    call.answers(ANSWER)
    call.renders(100)
    call.at(call.now_ms, Played(2, 40))
    return call


def test_a_suspicion_stops_the_bot_at_once() -> None:
    call = speaking()
    assert call.speaks(3000)[-1] == PausePlayout()
    assert call.mouth() is MouthState.PAUSED
    assert call.talk() is State.SPEAKING


def test_two_partials_that_agree_confirm_it() -> None:
    call = speaking()
    call.speaks(3000)
    assert call.partial(3200, "No") == [], "a recogniser rewrites what it says in mid-speech"
    commands = call.partial(3500, "No wait")
    assert commands[-1] == FlushPlayout(1)
    assert call.talk() is State.LISTENING
    assert call.fields("barge_in") == {"state": "speaking"}


def test_partials_that_contradict_each_other_confirm_nothing() -> None:
    call = speaking()
    call.speaks(3000)
    for ms, text in ((3200, "Top"), (3500, "Stop it"), (3800, "Shopping"), (4100, "The shop")):
        assert call.partial(ms, text) == []
    assert call.partial(4400, "The shop on")[-1] == FlushPlayout(1)


def test_the_text_that_was_asked_for_confirms_it_alone() -> None:
    call = speaking()
    call.speaks(3000)
    call.pauses(3400)
    assert FlushPlayout(1) in call.hears(3460, "Stop.")


def test_a_text_that_comes_when_the_caller_has_gone_on_confirms_it_too() -> None:
    call = speaking()
    call.speaks(3000)
    call.pauses(3400)
    call.speaks(3450, resumed=True)
    assert FlushPlayout(1) in call.hears(3460, "Stop.")


def test_a_partial_without_words_decides_nothing() -> None:
    call = speaking()
    call.speaks(3000)
    assert call.partial(3050, "") == []
    assert call.state.suspicion is not None


def test_a_noise_that_goes_on_is_forgotten_after_the_timeout_counted_from_its_start() -> None:
    call = speaking()
    call.speaks(3000)
    for ms in (3300, 3600, 3900):
        assert call.partial(ms, "") == []
    assert call.run_to(3999) == []
    assert call.run_to(4000) == [Note("false_barge_in", ()), ResumePlayout()]
    assert call.state.ear.open, "the noise is still there"
    assert call.mouth() is MouthState.DRAINING


def test_words_after_an_empty_partial_get_the_time_to_be_confirmed() -> None:
    call = speaking()
    call.speaks(3000)
    call.partial(3300, "")
    call.partial(3900, "Stop")
    assert call.run_to(4200) == []
    assert call.partial(4250, "Stop the")[-1] == FlushPlayout(1)


def test_words_that_are_taken_back_are_none() -> None:
    call = speaking()
    call.speaks(3000)
    call.partial(3300, "")
    call.partial(3900, "Bye")
    call.partial(4200, "")
    assert ResumePlayout() in call.run_to(4200)


def test_speech_that_the_recogniser_is_silent_about_is_believed_in_the_end() -> None:
    call = speaking()
    call.speaks(3000)
    assert call.run_to(5999) == []
    assert call.run_to(6000)[-1] == FlushPlayout(1)


@pytest.mark.parametrize("text", ["Mm-hmm.", "Okay.", "Right, right.", "All right, thank you.", "yeah"])
def test_a_backchannel_does_not_stop_the_bot(text: str) -> None:
    call = speaking()
    call.speaks(3000)
    call.partial(3200, text)
    call.partial(3400, text)
    assert call.talk() is State.SPEAKING
    call.pauses(3500)
    assert ResumePlayout() in call.hears(3560, text)
    call.run_to(5000)
    assert "backchannel" in call.marks()
    assert "turn" not in call.marks()[call.marks().index("false_barge_in") :]
    call.plays(100)
    assert call.heard()[-1] == ("bot", ANSWER)


def test_a_backchannel_before_real_words_is_only_their_beginning() -> None:
    call = speaking()
    call.says("Okay, and on Sunday?")
    assert call.last(StartBrain).text == "Okay, and on Sunday?"


def test_a_backchannel_to_a_question_of_the_bot_is_an_answer() -> None:
    call = Timeline().thinking()
    call.answers("Shall I send it again?", expects="yes_no")
    call.renders(100)
    call.at(call.now_ms, Played(2, 90))
    call.says("Okay.")
    assert call.last(StartBrain).text == "Okay."
    assert call.all(FlushPlayout) == [FlushPlayout(1)]


def test_a_backchannel_before_the_question_is_reached_is_none() -> None:
    call = Timeline().thinking()
    call.clause("It was sent on Monday.")
    call.clause("Shall I send it again?", 1)
    call.finishes(expects="yes_no")
    call.renders(100, speech=2)
    call.renders(100, speech=3)
    call.at(call.now_ms, Played(2, 50))
    call.says("Okay.")
    assert len(call.all(StartBrain)) == 1
    assert call.talk() is State.SPEAKING


def test_a_backchannel_while_the_bot_thinks_about_the_answer_is_none() -> None:
    call = Timeline().thinking()
    call.answers("Shall I send it again?", expects="yes_no")
    call.plays()
    call.says("Yes, please.")
    call.says("Yes.")
    assert call.last(StartBrain).text == "Yes, please."


def test_what_is_protected_is_not_interrupted_and_what_is_said_meanwhile_waits() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, protected=("greeting",)))).answered()
    call.renders(200)
    call.speaks(500)
    call.partial(800, "When do")
    call.partial(1100, "When do you")
    call.pauses(2000)
    call.hears(2060, "When do you open tomorrow?")
    call.run_to(4000)
    assert (call.talk(), call.mouth()) == (State.GREETING, MouthState.DRAINING)
    assert (call.all(PausePlayout), call.all(FlushPlayout)) == ([], [])
    call.plays(200)
    assert call.last(StartBrain).text == "When do you open tomorrow?"
    call.answers(ANSWER)
    call.renders(200)
    assert call.speaks(6000)[-1] == PausePlayout(), "nothing else is protected"


def test_keys_do_not_interrupt_what_is_protected_either() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, protected=("greeting",)))).answered()
    call.renders(200)
    call.at(500, KeyPressed(), DtmfEntered("1"))
    assert call.all(FlushPlayout) == []
    call.plays(200)
    assert call.last(StartBrain).text == "1"


def test_a_backchannel_over_protected_speech_is_dropped() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, protected=("greeting",)))).answered()
    call.renders(200)
    call.says("Okay.")
    call.plays(200)
    assert (call.talk(), call.all(StartBrain)) == (State.LISTENING, [])


def test_a_notice_comes_first_and_is_protected_and_the_greeting_is_not() -> None:
    call = Timeline(with_phrases(notice="This call is recorded.")).answered()
    assert call.spoken() == ["This call is recorded.", "Hello."]
    call.renders(100, speech=1)
    call.speaks(500)
    call.pauses(900)
    call.hears(960, "Mm-hm.")
    call.run_to(3000)
    assert call.all(PausePlayout) == []
    call.renders(100, speech=2)
    call.at(3100, Played(1, 100), Played(2, 10))
    assert call.speaks(3200)[-1] == PausePlayout()


def test_a_backchannel_that_ends_after_the_bot_has_finished_is_no_turn() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, false_interruption_timeout_ms=300))).thinking()
    call.answers(ANSWER)
    call.renders(100)
    call.speaks(3000)
    call.partial(3100, "")
    call.run_to(3300)
    call.plays(100)
    assert call.talk() is State.LISTENING
    call.pauses(3500)
    call.hears(3560, "Okay.")
    call.run_to(8000)
    assert call.talk() is State.LISTENING
    assert call.marks()[-2:] == ["backchannel", "early_wasted"]
    assert call.state.early is None


def test_more_words_can_be_asked_for() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, min_words=2))).thinking()
    call.answers(ANSWER)
    call.renders(100)
    call.says("Oh, stop.")
    assert call.talk() is State.SPEAKING
    call.says("Stop it.")
    assert call.all(FlushPlayout) == [FlushPlayout(1)]


def test_speech_that_is_too_short_confirms_nothing_whatever_its_words() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, min_duration_ms=500))).thinking()
    call.answers(ANSWER)
    call.renders(100)
    call.speaks(3000)
    call.pauses(3400)
    assert ResumePlayout() in call.hears(3460, "Stop.")
    call.run_to(6000)
    assert call.talk() is State.SPEAKING
    call.speaks(7000)
    call.partial(7100, "Stop it")
    assert call.partial(7350, "Stop it") == [], "400 ms of speech so far"
    assert FlushPlayout(1) in call.partial(7450, "Stop it")


def test_an_answer_may_be_as_short_as_it_likes() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, min_duration_ms=900))).thinking()
    call.answers("Shall I send it again?", expects="yes_no")
    call.renders(100)
    call.at(call.now_ms, Played(2, 90))
    call.speaks(3000)
    call.pauses(3400)
    call.hears(3460, "No.")
    assert call.last(StartBrain).text == "No."


def test_protected_speech_goes_on_whatever_is_said() -> None:
    call = Timeline().handing_off()
    call.renders(100)
    call.says("No, wait a moment.")
    assert call.all(PausePlayout) == []
    assert call.mouth() is MouthState.DRAINING


def test_a_noise_is_forgotten_and_the_bot_goes_on() -> None:
    call = speaking()
    call.speaks(3000)
    call.pauses(3150)
    assert call.hears(3200, "")[-1] == ResumePlayout()
    assert call.marks()[-1] == "false_barge_in"
    assert call.mouth() is MouthState.DRAINING
    call.run_to(3600)
    call.plays(100)
    assert call.talk() is State.LISTENING
    assert call.heard()[-1] == ("bot", ANSWER)


def test_a_noise_without_a_text_is_forgotten_by_time() -> None:
    call = speaking()
    call.speaks(3000)
    call.pauses(3150)
    assert call.run_to(4149) == []
    assert ResumePlayout() in call.run_to(4150)


def test_words_that_come_after_that_interrupt_all_the_same() -> None:
    call = speaking()
    call.speaks(3000)
    call.pauses(3150)
    call.run_to(4150)
    call.hears(4300, "Stop.")
    assert call.last(FlushPlayout) == FlushPlayout(1)
    assert call.last(StartBrain).text == "Stop."


def test_the_end_of_the_pause_settles_what_is_still_suspected() -> None:
    """The text of the pause came when the caller had gone on, and was empty; nothing else came."""
    call = speaking()
    call.speaks(3000)
    call.pauses(3150)
    call.speaks(3160, resumed=True)
    call.at(3165, Transcribed(call.state.ear.utterance, call.state.ear.decode, "", 0.9))
    assert call.state.suspicion is not None
    call.pauses(3350)
    assert call.hears(3360, "")[-1] == ResumePlayout()


def test_a_noise_while_the_bot_thinks_costs_nothing() -> None:
    call = Timeline().thinking()
    call.speaks(1400)
    assert call.mouth() is MouthState.PAUSED
    call.answers("At nine.")
    assert call.talk() is State.SPEAKING
    call.pauses(1500)
    call.hears(1550, "")
    assert call.mouth() is MouthState.PLAYING
    call.plays()
    assert call.talk() is State.LISTENING


def test_an_answer_that_ran_out_during_a_suspicion_ends_with_it() -> None:
    call = speaking()
    call.speaks(3000)
    call.at(3010, Played(2, 100))
    assert call.talk() is State.SPEAKING
    call.pauses(3150)
    call.hears(3200, "")
    assert call.talk() is State.LISTENING


def test_the_transcript_keeps_what_was_heard() -> None:
    call = speaking()
    call.speaks(3000)
    call.partial(3100, "No")
    call.partial(3200, "No thanks a lot")
    call.at(3210, Played(2, 43))
    heard = call.heard()[-1][1]
    assert heard
    assert ANSWER.startswith(heard)
    assert heard == "We are open from nine"
    call.at(3300, Played(2, 41))
    assert call.heard()[-1][1] == heard, "progress is cumulative"


def test_what_was_rendered_after_the_flush_does_not_come_back() -> None:
    call = speaking()
    old = call.attempt
    call.speaks(3000)
    call.pauses(3150)
    call.hears(3200, "No.")
    call.at(3210, SpeechRendered(2, 120, final=True))
    assert call.mouth() is MouthState.SILENT
    assert call.at(3220, BrainClause(old, 1, "And more.", ())) == []


def test_an_answer_that_nobody_heard_leaves_the_question_open() -> None:
    call = Timeline().thinking("When do you open")
    call.answers("At nine.")
    call.says("on Sunday?")
    assert call.last(StartBrain).text == "When do you open on Sunday?"


def test_a_question_that_was_answered_in_part_is_over() -> None:
    call = speaking()
    call.says("What does shipping cost?")
    assert call.last(StartBrain).text == "What does shipping cost?"


def test_an_interrupted_question_is_asked_again_when_nothing_follows() -> None:
    call = Timeline(SLOW).thinking("When do you open?")
    call.speaks(1500)
    call.run_to(4500)
    assert call.talk() is State.LISTENING
    call.pauses(4700)
    call.hears(4750, "")
    call.run_to(5200)
    assert call.last(StartBrain).text == "When do you open?"
    assert call.heard().count(("caller", "When do you open?")) == 1


def test_a_long_noise_that_stopped_the_bot_is_asked_about() -> None:
    call = speaking()
    call.speaks(3000)
    call.run_to(6000)
    assert call.talk() is State.LISTENING
    call.pauses(6500)
    call.hears(6550, "")
    call.run_to(7500)
    assert call.spoken()[-1] == "Pardon?"
    call.plays()
    assert call.talk() is State.LISTENING
    call.says("")
    assert call.spoken()[-2:] == [ANSWER, "Pardon?"], "asked once"


def test_a_key_without_digits_is_asked_about_too() -> None:
    call = speaking()
    call.at(3000, KeyPressed())
    call.at(5000, DtmfEntered(""))
    assert call.spoken()[-1] == "Pardon?"


def test_a_bot_without_a_question_just_listens() -> None:
    call = Timeline(with_phrases(no_match=())).answered()
    call.renders(100)
    call.at(500, KeyPressed(), DtmfEntered(""))
    assert call.talk() is State.LISTENING
    assert call.state.conversation.no_input_due_ms is not None


def test_a_greeting_can_be_interrupted() -> None:
    call = Timeline().answered()
    call.renders(200)
    call.says("Opening hours?")
    assert call.last(StartBrain).text == "Opening hours?"


def test_a_key_interrupts_without_doubt() -> None:
    call = speaking()
    assert call.at(3000, KeyPressed())[-1] == FlushPlayout(1)
    call.at(3500, DtmfEntered("48213"))
    assert call.last(StartBrain).text == "48213"


def test_a_key_stops_the_brain() -> None:
    call = Timeline().thinking()
    assert CancelBrain(call.attempt) in call.at(1500, KeyPressed())


def test_a_key_that_is_followed_by_nothing_does_not_hold_up_the_call() -> None:
    call = speaking()
    call.at(3000, KeyPressed())
    call.run_to(10_999)
    assert call.spoken()[-1] == ANSWER
    call.run_to(11_000)
    assert call.spoken()[-1] == "Are you there?"


def test_each_key_shows_that_the_caller_is_there() -> None:
    call = Timeline().listening()
    call.at(7000, KeyPressed())
    call.run_to(14_999)
    assert "no_input" not in call.marks()


def test_digits_that_are_complete_when_the_bot_already_thinks_belong_to_the_turn() -> None:
    call = Timeline().listening()
    call.at(0, KeyPressed())
    call.says("My order number is")
    call.at(call.now_ms + 200, DtmfEntered("7"))
    assert call.last(StartBrain).text == "My order number is 7"


def test_empty_digits_leave_a_suspicion_to_the_ear() -> None:
    call = speaking()
    call.speaks(3000)
    assert call.at(3050, DtmfEntered("")) == []
    assert call.state.suspicion is not None


def test_a_key_waits_when_barge_in_is_off() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, enabled=False))).answered()
    call.renders(100)
    assert call.at(500, KeyPressed()) == []
    call.at(900, DtmfEntered("7"))
    call.plays(100)
    assert call.last(StartBrain).text == "7"


def test_a_suspicion_from_before_the_answer_does_not_interrupt_it_when_barge_in_is_off() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, enabled=False))).thinking()
    call.speaks(1500)
    call.answers("At nine.")
    call.pauses(2300)
    call.hears(2400, "")
    assert call.all(ResumePlayout) == [ResumePlayout()]
    assert call.talk() is State.SPEAKING


@pytest.mark.parametrize("permanent", [False, True])
def test_a_recogniser_that_fails_in_a_barge_in_lets_the_bot_go_on_and_apologise(*, permanent: bool) -> None:
    call = speaking()
    call.speaks(3000)
    commands = call.at(3100, EngineFailed(Role.ASR, call.state.ear.utterance, Category.INTERNAL, permanent))
    assert CloseUtterance(call.state.ear.utterance) in commands
    assert ResumePlayout() in commands
    assert "Sorry, a fault." in call.spoken()
    assert (call.talk() is State.HANDING_OFF) is permanent


def test_a_handoff_ends_a_suspicion() -> None:
    call = Timeline().thinking("A person, please.")
    call.speaks(1500)
    commands = call.finishes(BrainOutcome.HANDOFF)
    assert ResumePlayout() in commands
    assert call.spoken()[-1] == "Putting you through."
    assert call.state.suspicion is None


@pytest.mark.parametrize(("text", "confidence"), [("With um.", 0.58), ("What?", 0.57), ("But.", 0.5)])
def test_a_murmur_that_the_recogniser_makes_words_of_does_not_stop_the_bot(text: str, confidence: float) -> None:
    call = speaking()
    call.speaks(3000)
    call.pauses(3400)
    ear = call.state.ear
    assert ResumePlayout() in call.at(3460, Transcribed(ear.utterance, ear.decode, text, confidence))
    call.run_to(6000)
    assert call.talk() is State.SPEAKING
    assert call.marks()[-1] == "backchannel"


@pytest.mark.parametrize(
    ("text", "confidence", "ms"), [("What?", 0.69, 3400), ("No not at all", 0.5, 3400), ("What?", 0.5, 4000)]
)
def test_words_that_are_sure_or_many_or_long_do(text: str, confidence: float, ms: int) -> None:
    call = speaking()
    call.speaks(3000)
    call.pauses(ms)
    ear = call.state.ear
    assert FlushPlayout(1) in call.at(ms + 60, Transcribed(ear.utterance, ear.decode, text, confidence))


def test_speech_without_words_means_nothing_once_the_bot_cannot_be_interrupted() -> None:
    call = Timeline(replace(SLOW, barge_in=replace(POLICY.barge_in, enabled=False))).thinking()
    call.speaks(1500)
    call.answers("At nine.")
    assert call.mouth() is MouthState.PAUSED
    assert ResumePlayout() in call.run_to(4500)
    assert call.talk() is State.SPEAKING


def test_a_key_during_hold_interrupts_and_leaves_the_bot_on_hold() -> None:
    call = speaking()
    call.at(3000, MediaChanged(MediaState.HELD), KeyPressed())
    assert call.talk() is State.LISTENING
    assert call.mouth() is MouthState.PAUSED
    call.at(4000, MediaChanged(MediaState.FLOWING))
    assert call.mouth() is MouthState.SILENT
