"""Consent: nothing with a side effect is done unless the caller was asked and said a clear yes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.timeline import CHAINED, POLICY, Timeline
from voicebot.core import consent
from voicebot.core.commands import CallTool, CancelBrain, CancelTool, Layer, Line, Speak, StartBrain
from voicebot.core.conversation import State
from voicebot.core.events import (
    BrainOutcome,
    BrainToolWanted,
    CallEnded,
    Category,
    EndCause,
    EngineFailed,
    KeyPressed,
    Role,
    SafetyFlagged,
    ToolFailed,
    ToolReturned,
)
from voicebot.core.tooling import State as ToolState

DECLINED = '{"error": "declined"}'


def states(call: Timeline) -> list[ToolState]:
    return [tool.state for tool in call.state.tooling.calls]


def asked() -> Timeline:
    """The caller was asked whether to book, and has heard the question."""
    call = Timeline().thinking("Thursday at four, please.")
    call.asks()
    return call


@pytest.mark.parametrize(
    "text",
    [
        "Yes.", "yes please", "Yeah, sure.", "Um, yes, that's right.", "Okay, go ahead, thank you.", "Yes, please do.",
        "Well, that\u2019s fine.", "Yes, I do.", "Absolutely!", "Yep, perfect.", "of course", "Great, do it.", "YES",
    ],
)  # fmt: skip
def test_a_clear_yes_is_consent(text: str) -> None:
    assert consent.given(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "No.", "no thanks", "Yes, but at five.", "Yes, no.", "Not yes.", "Thursday.", "Yes?", "Maybe.", "right",
        "mm hmm", "fine", "please", "I guess yes", "Yes, yes, Friday.", "Don't do it.", "Is that okay?", "yes 5",
        "yesterday", "I'm not sure.", "hold on", "sure thing no", "Okay, wait.",
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert not consent.given(text)


def test_a_question_counts_as_asked_when_it_was_heard_last_and_whole() -> None:
    asked_for = Line("bot", "I can do that. Thursday?")
    assert consent.asked_last((asked_for,), "Thursday?")
    assert not consent.asked_last((asked_for, Line("caller", "Hm.")), "Thursday?")
    assert not consent.asked_last((Line("bot", "I can do that."),), "Thursday?")
    assert not consent.asked_last((), "Thursday?")


def test_the_core_asks_and_calls_nothing_yet() -> None:
    call = asked()
    assert call.last(Speak).text == "Thursday?"
    assert call.last(Speak).layer is Layer.PROMPT
    assert call.state.conversation.expects == "yes_no"
    assert call.talk() is State.LISTENING
    assert not call.all(CallTool)
    assert states(call) == [ToolState.CONFIRMING]


def test_yes_starts_the_call_and_its_result_goes_to_the_brain() -> None:
    call = asked()
    call.says("Yes, please.")
    tool = call.last(CallTool)
    assert tool == CallTool(1, "book", '{"day": "thursday"}', "call-1-1", call.now_ms + 3000)
    assert call.talk() is State.THINKING
    assert len(call.all(StartBrain)) == 1, "consent needs no brain"
    call.at(call.now_ms + 300, ToolReturned(1, '{"booked": true}'))
    run = call.last(StartBrain)
    assert run.results == (("book", '{"booked": true}'),)
    assert (run.turn, run.text, run.memory) == (2, "Yes, please.", "booking")
    assert run.history[-1] == Line("bot", "Thursday?")
    assert call.fields("consent") == {"call": 1, "given": 1}


def test_anything_but_yes_is_a_turn_like_any_other() -> None:
    call = asked()
    call.says("No, Friday.")
    assert not call.all(CallTool)
    assert states(call) == [ToolState.DECLINED]
    run = call.last(StartBrain)
    assert (run.text, run.memory, run.results) == ("No, Friday.", "booking", ())
    call.asks(question="Friday?")
    call.says("Yes.")
    assert call.last(CallTool).call == 2


def test_the_work_ahead_of_a_correction_is_used() -> None:
    call = asked()
    call.says("No, Friday.")
    assert "early_used" in call.marks()


def test_a_guess_that_it_is_no_is_dropped_when_it_becomes_yes() -> None:
    call = asked()
    call.speaks(call.now_ms + 100)
    call.pauses(call.now_ms + 500)
    call.hears(call.now_ms + 60, "Well")
    call.speaks(call.now_ms + 60, resumed=True)
    call.pauses(call.now_ms + 500)
    commands = call.hears(call.now_ms + 60, "Well, yes.")
    assert any(isinstance(command, CancelBrain) for command in commands)


def test_a_yes_before_the_question_was_heard_is_asked_again() -> None:
    call = Timeline().thinking("Thursday at four, please.")
    call.clause("I can do that.")
    call.plays()
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", "Shall I book it on Thursday?"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    call.says("Yes.")
    assert not call.all(CallTool)
    assert call.last(Speak).text == "Shall I book it on Thursday?"
    assert "asked_again" in call.marks()
    call.plays()
    call.says("Yes.")
    assert call.last(CallTool).name == "book"


def test_a_yes_that_had_to_wait_for_the_end_of_the_question_is_older_than_it() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, enabled=False))).thinking("Thursday at four.")
    call.clause("I can do that.")
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", "Thursday?"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    call.renders(speech=2)
    call.says("Yes, please do.")
    call.plays()
    assert not call.all(CallTool)
    assert call.spoken()[-2:] == ["Thursday?", "Thursday?"]
    call.plays()
    call.says("Yes.")
    assert call.last(CallTool).name == "book"


def test_a_yes_to_another_question_is_no_consent() -> None:
    call = asked()
    call.run_to(call.now_ms + POLICY.no_input.initial_ms)
    assert call.last(Speak).text == "Are you there?"
    call.plays()
    call.says("Yes.")
    assert not call.all(CallTool)
    assert call.last(Speak).text == "Thursday?"


def test_a_caller_who_goes_on_before_the_question_was_heard_has_not_agreed() -> None:
    call = Timeline().thinking("Thursday at four.")
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", "Shall I?"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    call.says("Yes.")
    assert not call.all(CallTool)
    assert call.last(StartBrain).text == "Thursday at four. Yes."


def test_what_cannot_be_asked_is_not_done() -> None:
    call = Timeline().thinking()
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", " "))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    assert call.last(StartBrain).results == (("book", '{"error": "rejected"}'),)
    assert "no_question" in call.marks()
    assert not call.all(CallTool)


def test_one_thing_is_asked_at_a_time() -> None:
    call = Timeline().thinking()
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", "Book it?"))
    call.asks("cancel", question="Cancel it?")
    assert states(call) == [ToolState.CONFIRMING, ToolState.DECLINED]
    call.says("Yes.")
    call.at(call.now_ms, ToolReturned(1, "{}"))
    assert call.last(StartBrain).results == (("book", "{}"), ("cancel", '{"error": "one_at_a_time"}'))


def test_what_only_reads_goes_on_while_the_caller_is_asked_also_when_interrupted() -> None:
    call = Timeline().thinking()
    call.at(call.now_ms, BrainToolWanted(call.attempt, "orders", "{}"))
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", "Thursday?"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    call.renders()
    call.at(call.now_ms + 10, KeyPressed())
    assert states(call) == [ToolState.RUNNING, ToolState.CONFIRMING]
    call.at(call.now_ms + 10, ToolReturned(1, "{}"))
    assert states(call) == [ToolState.DONE, ToolState.CONFIRMING]


def test_a_wish_of_a_run_that_was_interrupted_is_not_asked() -> None:
    call = Timeline().thinking()
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", "Thursday?"))
    call.at(call.now_ms + 10, KeyPressed())
    assert states(call) == [ToolState.CANCELLED]
    assert "Thursday?" not in call.spoken()


def test_a_wish_of_a_brain_that_failed_is_not_asked_twice() -> None:
    call = Timeline(started=CHAINED).thinking()
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", "Thursday?"))
    call.at(call.now_ms, EngineFailed(Role.BRAIN, call.attempt.number, Category.TIMEOUT, permanent=False))
    assert call.last(StartBrain).engine == "second"
    call.asks()
    assert states(call) == [ToolState.CANCELLED, ToolState.CONFIRMING]


def test_nothing_is_asked_in_a_turn_that_was_flagged() -> None:
    call = Timeline().thinking()
    call.at(call.now_ms, SafetyFlagged("rule"))
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", "{}", "Thursday?"))
    assert states(call) == [ToolState.FELL_BACK]
    assert call.fields("vetoed") == {"command": "CallTool", "why": "gated"}


def test_a_yes_in_a_turn_that_was_flagged_does_nothing() -> None:
    call = asked()
    call.at(call.now_ms, SafetyFlagged("rule"))
    call.says("Yes.")
    assert not call.all(CallTool)
    assert call.last(StartBrain).results == (("book", '{"error": "rejected"}'),)


def test_whoever_is_handed_over_is_not_asked_any_more() -> None:
    call = asked()
    call.says("Let me talk to somebody.")
    assert states(call) == [ToolState.DECLINED]
    call.finishes(BrainOutcome.HANDOFF)
    assert not call.all(CallTool)


def test_the_end_of_the_call_ends_the_question() -> None:
    call = asked()
    call.at(call.now_ms + 10, CallEnded(EndCause.CALLER_HUNG_UP, 0))
    assert states(call) == [ToolState.CANCELLED]
    assert call.state.conversation.confirming == 0


def test_what_was_agreed_to_is_repeated_with_its_key_and_not_cancelled() -> None:
    call = asked()
    call.says("Yes.")
    call.at(call.now_ms + 100, ToolFailed(1, Category.UNAVAILABLE, permanent=False))
    assert [tool.key for tool in call.all(CallTool)] == ["call-1-1", "call-1-1"]
    call.at(call.now_ms + 100, KeyPressed())
    assert not call.all(CancelTool)
    assert call.fields("not_stopped") == {"call": 1, "name": "book"}
