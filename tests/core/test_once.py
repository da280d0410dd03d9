"""Nothing is done twice: what was sent, runs on, was done unheard or may have been done, is joined or repeated."""

from __future__ import annotations

from dataclasses import replace

from tests.core.timeline import CHAINED, POLICY, Timeline
from voicebot.core.commands import CallTool, StartBrain
from voicebot.core.events import (
    BrainOutcome,
    BrainToolWanted,
    Category,
    EngineFailed,
    KeyPressed,
    Role,
    ToolFailed,
    ToolReturned,
)
from voicebot.core.policy import CallPolicy, Connector, SideEffect
from voicebot.core.tooling import State as ToolState

LIMITED = Category.RATE_LIMITED
BUSY = Category.UNAVAILABLE


def states(call: Timeline) -> list[ToolState]:
    return [tool.state for tool in call.state.tooling.calls]


def policy(*connectors: Connector, **changes: object) -> CallPolicy:
    return replace(POLICY, connectors=connectors, **changes)  # type: ignore[arg-type]


BOOK = Connector("book", side_effect=SideEffect.REVERSIBLE)
ONCE = Connector("book", side_effect=SideEffect.REVERSIBLE, idempotent=False, retries=0)


def test_the_same_wish_in_one_turn_is_sent_once_and_answered_twice() -> None:
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", '{"a": 1, "b": 2}'))
    call.at(1400, BrainToolWanted(call.attempt, "orders", '{"b":2,"a":1}'))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    assert len(call.all(CallTool)) == 1
    assert states(call) == [ToolState.RUNNING, ToolState.JOINED]
    call.at(1500, ToolReturned(1, '"found"'))
    assert call.last(StartBrain).results == (("orders", '"found"'), ("orders", '"found"'))


def test_arguments_that_are_no_json_are_compared_as_they_are() -> None:
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", "{7"), BrainToolWanted(call.attempt, "orders", "{8"))
    assert len(call.all(CallTool)) == 2


def test_a_joined_call_shares_the_failure_and_the_cancellation() -> None:
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", "{}"), BrainToolWanted(call.attempt, "orders", "{}"))
    call.at(1500, ToolFailed(1, BUSY, permanent=True))
    assert states(call) == [ToolState.FELL_BACK, ToolState.FELL_BACK]
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", "{}"), BrainToolWanted(call.attempt, "orders", "{}"))
    call.at(1500, KeyPressed())
    assert states(call) == [ToolState.CANCELLED, ToolState.CANCELLED]


def test_another_brain_that_wants_the_same_gets_what_the_first_one_asked_for() -> None:
    call = Timeline(started=CHAINED).thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", "{}"))
    call.at(1450, EngineFailed(Role.BRAIN, call.attempt.number, Category.TIMEOUT, permanent=False))
    call.at(1460, BrainToolWanted(call.attempt, "orders", "{}"))
    assert len(call.all(CallTool)) == 1
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    call.at(1500, ToolReturned(1, '"found"'))
    assert call.last(StartBrain).results == (("orders", '"found"'),)


def booking_interrupted(connector: Connector = BOOK) -> Timeline:
    """The caller agreed, and interrupted the bot while it was done."""
    call = Timeline(policy(connector)).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 50, KeyPressed())
    return call


def test_what_was_interrupted_and_wanted_again_is_joined() -> None:
    call = booking_interrupted()
    call.says("Did you book it?")
    call.asks()
    assert "Thursday?" in call.spoken()
    assert call.spoken().count("Thursday?") == 1, "it was agreed to already"
    call.at(call.now_ms + 10, ToolReturned(1, '"booked"'))
    assert len(call.all(CallTool)) == 1
    assert call.last(StartBrain).results == (("book", '"booked"'),)


def test_what_was_done_unheard_is_told_to_the_next_who_wants_it_and_then_can_be_done_again() -> None:
    call = booking_interrupted()
    call.at(call.now_ms + 10, ToolReturned(1, '"booked"'))
    call.says("Book it.")
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", '{"day": "thursday"}', "Thursday?"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    assert call.last(StartBrain).results == (("book", '"booked"'),)
    call.answers("It is booked.")
    call.plays()
    call.says("And another one.")
    call.asks()
    call.says("Yes.")
    assert [tool.key for tool in call.all(CallTool)] == ["call-1-1", "call-1-3"]


def test_what_was_done_and_not_heard_of_is_told_again_not_done_again() -> None:
    call = Timeline(policy(BOOK)).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 50, ToolReturned(1, '"booked"'))
    call.clause("It is booked.")
    call.at(call.now_ms + 10, KeyPressed())
    call.says("Hello? Book it!")
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", '{"day": "thursday"}', "Thursday?"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    assert len(call.all(CallTool)) == 1
    assert call.last(StartBrain).results == (("book", '"booked"'),)


def test_what_may_have_been_done_is_repeated_with_its_key() -> None:
    call = Timeline(policy(replace(BOOK, retries=0))).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 50, ToolFailed(1, BUSY, permanent=False))
    call.answers("I am not sure whether that worked. Once more?")
    call.plays()
    call.says("Once more.")
    call.asks()
    call.says("Yes.")
    assert [tool.key for tool in call.all(CallTool)] == ["call-1-1", "call-1-1"]
    assert [tool.call for tool in call.all(CallTool)] == [1, 2]


def test_a_refusal_does_not_settle_what_an_attempt_before_it_may_have_done() -> None:
    call = Timeline(policy(BOOK)).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 50, ToolFailed(1, BUSY, permanent=False))
    call.at(call.now_ms + 50, ToolFailed(1, LIMITED, permanent=False))
    call.answers("I am not sure whether that worked. Once more?")
    call.plays()
    call.says("Once more.")
    call.asks()
    call.says("Yes.")
    assert [tool.key for tool in call.all(CallTool)] == ["call-1-1"] * 3


def test_a_repetition_that_was_declined_leaves_the_doubt() -> None:
    call = Timeline(policy(replace(BOOK, retries=0))).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 50, ToolFailed(1, BUSY, permanent=False))
    call.answers("I am not sure whether that worked. Once more?")
    call.plays()
    for answer in ("Once more.", "No.", "Yes, once more."):
        call.says(answer)
        call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 50, ToolReturned(call.last(CallTool).call, '"booked"'))
    assert [tool.key for tool in call.all(CallTool)] == ["call-1-1", "call-1-1"]
    assert not any(tool.owed for tool in call.state.tooling.calls)


def test_what_may_have_been_done_and_has_no_key_is_not_repeated() -> None:
    call = Timeline(policy(ONCE)).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 50, ToolFailed(1, Category.TIMEOUT, permanent=False))
    call.answers("I am not sure whether that worked.")
    call.plays()
    call.says("Once more.")
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", '{"day": "thursday"}', "Thursday?"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    assert len(call.all(CallTool)) == 1
    assert call.last(StartBrain).results == (("book", '{"error": "timeout"}'),)


def test_what_was_certainly_not_done_may_be_tried_again() -> None:
    call = Timeline(policy(ONCE)).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 50, ToolFailed(1, Category.REJECTED, permanent=True))
    call.answers("They refused it.")
    call.plays()
    call.says("Once more.")
    call.asks()
    call.says("Yes.")
    assert [tool.key for tool in call.all(CallTool)] == ["call-1-1", "call-1-2"]


def test_a_result_after_the_deadline_is_kept_for_the_next_who_asks() -> None:
    call = Timeline(policy(ONCE)).thinking()
    call.asks()
    call.says("Yes.")
    call.run_to(call.last(CallTool).deadline_ms)
    assert states(call) == [ToolState.FELL_BACK]
    call.at(call.now_ms + 500, ToolReturned(1, '"booked"'))
    assert call.fields("late_result") == {"call": 1, "state": "fell_back"}
    assert call.state.tooling.calls[0].late == '"booked"'
    call.answers("I am not sure whether that worked.")
    call.plays()
    call.says("And?")
    call.at(call.now_ms, BrainToolWanted(call.attempt, "book", '{"day": "thursday"}', "Thursday?"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    assert call.last(StartBrain).results == (("book", '"booked"'),)
    assert states(call) == [ToolState.FELL_BACK, ToolState.DONE]
