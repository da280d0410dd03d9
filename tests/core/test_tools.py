from __future__ import annotations

from dataclasses import replace

from tests.core.timeline import POLICY, Timeline
from voicebot.core.commands import CallTool, CancelTool, StartBrain
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
    ToolFailed,
    ToolReturned,
)
from voicebot.core.tooling import State as ToolState

TIMEOUT = Category.TIMEOUT


def states(call: Timeline) -> list[ToolState]:
    return [tool.state for tool in call.state.tooling.calls]


def test_the_brain_gets_the_result_and_goes_on() -> None:
    call = Timeline().thinking("Where is order 7?")
    tool = call.wants()
    assert tool == CallTool(1, "orders", '{"number": 7}', "call-1-1", call.now_ms + 3000)
    call.at(call.now_ms + 300, ToolReturned(1, '{"status": "shipped"}'))
    run = call.last(StartBrain)
    assert run.results == (("orders", '{"status": "shipped"}'),)
    assert (run.attempt.number, run.turn, run.text) == (2, 1, "Where is order 7?")


def test_a_result_that_comes_before_the_run_is_over_waits_for_it() -> None:
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", "{}"), ToolReturned(1, "{}"))
    assert len(call.all(StartBrain)) == 1
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    assert len(call.all(StartBrain)) == 2


def test_two_connectors_are_waited_for_and_answer_in_the_order_of_the_calls() -> None:
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", "{}"))
    call.wants("refund")
    call.at(1500, ToolReturned(2, '"second"'))
    assert len(call.all(StartBrain)) == 1
    call.at(1600, ToolReturned(1, '"first"'))
    assert call.last(StartBrain).results == (("orders", '"first"'), ("refund", '"second"'))


def test_a_failure_is_tried_once_more_with_the_same_key_and_deadline() -> None:
    call = Timeline().thinking()
    first = call.wants()
    assert call.at(1500, ToolFailed(1, Category.UNAVAILABLE, permanent=False))[-1] == first
    call.at(1600, ToolFailed(1, Category.UNAVAILABLE, permanent=False))
    assert states(call) == [ToolState.FELL_BACK]
    assert call.last(StartBrain).results == (("orders", '{"status": "unknown"}'),)


def test_a_permanent_failure_is_not_tried_again() -> None:
    call = Timeline().thinking()
    call.wants()
    call.at(1500, ToolFailed(1, Category.REJECTED, permanent=True))
    assert len(call.all(CallTool)) == 1
    assert states(call) == [ToolState.FELL_BACK]


def test_a_connector_with_side_effects_is_not_tried_again() -> None:
    call = Timeline().thinking()
    call.wants("refund")
    call.at(1500, ToolFailed(1, Category.UNAVAILABLE, permanent=False))
    assert len(call.all(CallTool)) == 1
    assert call.last(StartBrain).results == (("refund", '{"error": "unavailable"}'),)


def test_a_connector_that_the_dialplan_does_not_know_is_not_tried_again() -> None:
    call = Timeline().thinking()
    call.wants("unheard_of")
    call.at(1500, ToolFailed(1, Category.REJECTED, permanent=False))
    assert len(call.all(CallTool)) == 1


def test_there_is_no_second_try_without_time_for_it() -> None:
    call = Timeline().thinking()
    tool = call.wants()
    call.at(tool.deadline_ms - 199, ToolFailed(1, Category.UNAVAILABLE, permanent=False))
    assert states(call) == [ToolState.FELL_BACK]


def test_a_connector_that_says_nothing_is_given_up_and_its_late_result_only_noted() -> None:
    call = Timeline().thinking()
    tool = call.wants()
    commands = call.run_to(tool.deadline_ms)
    assert CancelTool(1) in commands
    assert call.last(StartBrain).results == (("orders", '{"status": "unknown"}'),)
    call.at(tool.deadline_ms + 50, ToolReturned(1, "{}"), ToolFailed(1, TIMEOUT, permanent=False))
    assert call.marks()[-2:] == ["late_result", "late_failure"]
    assert call.fields("late_result") == {"call": 1, "state": "fell_back"}


def test_a_result_of_nothing_is_noted() -> None:
    call = Timeline().listening()
    call.at(500, ToolReturned(9, "{}"), ToolFailed(9, TIMEOUT, permanent=False))
    assert call.fields("late_result") == {"call": 9, "state": "unknown"}
    assert call.fields("late_failure") == {"call": 9, "state": "unknown"}


def test_a_barge_in_cancels_what_has_no_side_effects_and_remembers_the_rest() -> None:
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", "{}"))
    call.wants("refund")
    commands = call.at(1500, KeyPressed())
    assert [c for c in commands if isinstance(c, CancelTool)] == [CancelTool(1)]
    assert states(call) == [ToolState.CANCELLED, ToolState.RUNNING]
    call.at(1600, ToolReturned(2, '"refunded"'))
    assert states(call) == [ToolState.CANCELLED, ToolState.DONE]
    assert len(call.all(StartBrain)) == 1, "nobody waits for it any more"


def test_what_runs_on_after_the_end_of_the_call_is_still_followed() -> None:
    call = Timeline().thinking()
    call.wants("refund")
    call.at(1500, CallEnded(EndCause.CALLER_HUNG_UP, 0))
    call.run_to(9000)
    assert states(call) == [ToolState.FELL_BACK]
    assert len(call.all(StartBrain)) == 1


def test_a_second_wish_for_the_same_connector_is_a_call_of_its_own() -> None:
    call = Timeline().thinking()
    call.wants()
    call.at(1500, ToolReturned(1, "{}"))
    assert call.wants(arguments='{"number": 8}').key == "call-1-2"


def test_a_brain_that_waits_for_no_tool_goes_on_at_once() -> None:
    call = Timeline().thinking()
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    assert len(call.all(StartBrain)) == 2


def test_a_brain_that_goes_in_circles_is_stopped() -> None:
    call = Timeline().thinking()
    for number in range(1, 7):
        call.clause("One moment.")
        call.wants(arguments=f'{{"number": {number}}}')
        call.at(call.now_ms, ToolReturned(number, "{}"))
    assert len(call.all(CallTool)) == 6
    assert len(call.all(StartBrain)) == 6
    assert "too_many_rounds" in call.marks()
    assert call.talk() is State.HANDING_OFF


def test_a_connector_engine_that_fails_as_such_is_only_noted() -> None:
    call = Timeline().thinking()
    call.wants()
    call.at(1500, EngineFailed(Role.TOOL, 1, Category.INTERNAL, permanent=True))
    assert call.talk() is State.THINKING


def test_the_attempts_of_a_policy_without_retries() -> None:
    policy = replace(POLICY, connectors=(replace(POLICY.connectors[0], retries=0),))
    call = Timeline(policy).thinking()
    call.wants()
    call.at(1500, ToolFailed(1, Category.UNAVAILABLE, permanent=False))
    assert states(call) == [ToolState.FELL_BACK]
