"""The contract of connectors: soft and hard limits, retries that wait, stand-ins, ways out, look-ups, nothing twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.timeline import POLICY, STARTED, Timeline
from voicebot.core.commands import CallTool, CancelTool, Note, Speak, StartBrain
from voicebot.core.conversation import State
from voicebot.core.events import (
    Attempt,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    CallAnswered,
    Category,
    KeyPressed,
    ToolFailed,
    ToolReturned,
)
from voicebot.core.policy import CallPolicy, Connector, Lookup, SideEffect, Transfer
from voicebot.core.tooling import State as ToolState

LIMITED = Category.RATE_LIMITED
BUSY = Category.UNAVAILABLE


def states(call: Timeline) -> list[ToolState]:
    return [tool.state for tool in call.state.tooling.calls]


def policy(*connectors: Connector, **changes: object) -> CallPolicy:
    return replace(POLICY, connectors=connectors, **changes)  # type: ignore[arg-type]


ORDERS = Connector("orders", fallback='{"status": "unknown"}')
BOOK = Connector("book", side_effect=SideEffect.REVERSIBLE)
ONCE = Connector("book", side_effect=SideEffect.REVERSIBLE, idempotent=False, retries=0)


# The soft limit.


def slow_turn(call: Timeline, number: int) -> None:
    """A turn whose connector exceeds its soft limit and answers in time all the same."""
    call.says("Where is my order?")
    tool = call.wants(arguments=f'{{"number": {number}}}')
    call.run_to(call.now_ms + 900)
    call.at(call.now_ms, ToolReturned(tool.call, "{}"))
    call.clause("It is on its way.")


def test_a_call_that_exceeds_its_soft_limit_is_counted_once() -> None:
    call = Timeline().thinking()
    tool = call.wants()
    call.run_to(tool.deadline_ms - 3000 + 799)
    assert "slow_connector" not in call.marks()
    call.run_to(tool.deadline_ms - 1)
    assert call.marks().count("slow_connector") == 1
    assert call.fields("slow_connector") == {"call": 1, "name": "orders", "count": 1}


def test_repeated_violations_bring_a_human_once_the_turn_is_answered() -> None:
    call = Timeline().listening()
    for number in (1, 2):
        slow_turn(call, number)
        call.finishes()
        call.plays()
        assert call.talk() is State.LISTENING
    slow_turn(call, 3)
    call.finishes()
    assert call.talk() is State.HANDING_OFF
    assert call.fields("handoff_started") == {"reason": "BUDGET_VIOLATIONS"}
    assert call.spoken()[-2:] == ["It is on its way.", "Putting you through."]
    assert call.state.tooling.violations == 0


@pytest.mark.parametrize(
    "patient",
    [
        replace(POLICY, budgets=replace(POLICY.budgets, violation_limit=0)),
        replace(POLICY, transfer=Transfer()),
    ],
    ids=["any number", "nobody to turn to"],
)
def test_violations_may_have_no_consequences(patient: CallPolicy) -> None:
    call = Timeline(patient).listening()
    for number in range(1, 5):
        slow_turn(call, number)
        call.finishes()
        call.plays()
    assert call.talk() is State.LISTENING
    assert call.state.tooling.violations == 4


# Retries.


def test_a_retry_waits_as_long_as_the_service_wants() -> None:
    call = Timeline().thinking()
    call.wants()
    start_ms = call.now_ms
    call.at(start_ms + 100, ToolFailed(1, LIMITED, permanent=False, retry_after_ms=1000))
    assert states(call) == [ToolState.RETRYING]
    call.run_to(start_ms + 1099)
    assert len(call.all(CallTool)) == 1
    call.run_to(start_ms + 1100)
    assert len(call.all(CallTool)) == 2
    assert states(call) == [ToolState.RUNNING]


def test_a_retry_that_would_come_too_late_is_none() -> None:
    call = Timeline().thinking()
    call.wants()
    call.at(call.now_ms + 100, ToolFailed(1, LIMITED, permanent=False, retry_after_ms=2701))
    assert states(call) == [ToolState.FELL_BACK]


def test_a_wait_for_a_retry_is_cancelled_like_a_call() -> None:
    call = Timeline().thinking()
    call.wants()
    call.at(call.now_ms + 100, ToolFailed(1, LIMITED, permanent=False, retry_after_ms=1000))
    call.at(call.now_ms + 100, KeyPressed())
    assert states(call) == [ToolState.CANCELLED]
    assert not call.all(CancelTool), "there is nothing to cancel"


def test_no_retry_starts_after_a_handoff_has() -> None:
    call = Timeline(policy(BOOK)).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 100, ToolFailed(1, LIMITED, permanent=False, retry_after_ms=2500))
    call.at(call.now_ms, KeyPressed())
    call.says("A human, please.")
    call.finishes(BrainOutcome.HANDOFF)
    before = len(call.all(CallTool))
    assert states(call) == [ToolState.RETRYING]
    call.run_to(call.now_ms + 2000)
    assert len(call.all(CallTool)) == before
    assert states(call) == [ToolState.FELL_BACK]


# Fallbacks.

MIRRORED = (Connector("orders", retries=0, fallback_connector="mirror"), Connector("mirror", retries=0))


def test_another_connector_stands_in_and_its_result_is_the_answer() -> None:
    call = Timeline(policy(*MIRRORED)).thinking()
    call.wants()
    call.at(call.now_ms + 100, ToolFailed(1, BUSY, permanent=True))
    tool = call.last(CallTool)
    assert (tool.call, tool.name, tool.arguments, tool.key) == (2, "mirror", '{"number": 7}', "call-1-2")
    assert tool.deadline_ms == call.now_ms + 3000
    call.at(call.now_ms + 10, ToolReturned(1, '"late"'))
    assert len(call.all(StartBrain)) == 1
    call.at(call.now_ms + 10, ToolReturned(2, '"mirrored"'))
    assert call.last(StartBrain).results == (("orders", '"mirrored"'),)


def test_a_stand_in_has_the_last_word_when_all_have_failed() -> None:
    last = Connector("last", retries=0, fallback='"nothing"', fallback_connector="orders")
    chain = (MIRRORED[0], replace(MIRRORED[1], fallback_connector="last"), last)
    call = Timeline(policy(*chain)).thinking()
    call.wants()
    for number in (1, 2, 3):
        call.at(call.now_ms + 100, ToolFailed(number, BUSY, permanent=True))
    assert [tool.name for tool in call.all(CallTool)] == ["orders", "mirror", "last"], "and not round again"
    assert call.last(StartBrain).results == (("orders", '"nothing"'),)
    assert states(call) == [ToolState.FELL_BACK] * 3


def test_nothing_stands_in_for_what_may_have_been_done() -> None:
    call = Timeline(policy(replace(ONCE, fallback_connector="mirror"), MIRRORED[1])).thinking()
    call.asks()
    call.says("Yes.")
    call.at(call.now_ms + 100, ToolFailed(1, BUSY, permanent=True))
    assert len(call.all(CallTool)) == 1


def test_no_stand_in_does_what_nobody_agreed_to() -> None:
    call = Timeline(policy(replace(MIRRORED[0], fallback_connector="book"), BOOK)).thinking()
    call.wants()
    call.at(call.now_ms + 100, ToolFailed(1, BUSY, permanent=True))
    assert len(call.all(CallTool)) == 1


def test_a_sentence_answers_for_a_connector_that_failed() -> None:
    call = Timeline(policy(replace(ORDERS, retries=0, fallback_answer="I cannot see the orders."))).thinking()
    call.wants()
    call.at(call.now_ms + 100, ToolFailed(1, BUSY, permanent=True))
    assert call.last(Speak).text == "I cannot see the orders."
    assert len(call.all(StartBrain)) == 1
    call.plays()
    assert call.talk() is State.LISTENING


def test_a_human_answers_for_a_connector_that_failed() -> None:
    gone = replace(ORDERS, retries=0, fallback_reason="CONNECTOR_DOWN")
    call = Timeline(policy(gone, replace(BOOK, name="other", side_effect=SideEffect.NONE))).thinking()
    call.at(1400, BrainToolWanted(call.attempt, "other", "{}"))
    call.wants()
    call.at(1500, ToolFailed(2, BUSY, permanent=True))
    assert call.talk() is State.THINKING, "what else was asked for may still be found"
    call.at(1600, ToolReturned(1, "{}"))
    assert call.fields("handoff_started") == {"reason": "CONNECTOR_DOWN"}


def test_a_way_out_waits_for_the_end_of_a_turn_that_is_not_over() -> None:
    call = Timeline(policy(replace(ORDERS, retries=0, fallback_answer="I cannot see the orders."))).listening()
    call.speaks(1100)
    call.pauses(2000)
    call.hears(2060, "Where is my order?")
    early = call.attempt
    call.at(2070, BrainToolWanted(early, "orders", "{}"), ToolFailed(1, BUSY, permanent=True))
    call.at(2080, BrainFinished(early, BrainOutcome.WAITING_FOR_TOOLS, "", ""))
    assert "I cannot see the orders." not in call.spoken()
    call.run_to(3500)
    assert "I cannot see the orders." in call.spoken()
    assert len(call.all(StartBrain)) == 1


# Look-ups at the start.

CALLER = Lookup("customer", "orders", (("phone", "{caller}"),))
SHOP = Lookup("shop", "orders", ())


def test_the_caller_is_looked_up_while_it_rings_and_known_to_every_run() -> None:
    call = Timeline(policy(ORDERS, lookups=(CALLER,)))
    commands = call.at(0, STARTED)
    assert CallTool(1, "orders", '{"phone": "alice"}', "call-1-1", 3000) in commands
    call.at(100, CallAnswered("PCMU"))
    call.plays()
    call.at(200, ToolReturned(1, '{"name": "Alice"}'))
    call.says("Hello.")
    assert call.last(StartBrain).known == (("customer", '{"name": "Alice"}'),)


@pytest.mark.parametrize(
    ("caller", "looked_up"),
    [
        ("tel:+4930123", '{"phone": "+4930123"}'),
        ("+4930123", '{"phone": "+4930123"}'),
        ("sip:anonymous.invalid", None),
        ("sip:anonymous@anonymous.invalid", None),
        ("sip:+4930123;npdi@example.org", '{"phone": "+4930123"}'),
    ],
)
def test_a_number_is_what_the_address_says(caller: str, looked_up: str | None) -> None:
    call = Timeline(policy(ORDERS, lookups=(CALLER,)), replace(STARTED, caller=caller))
    call.answered()
    assert [tool.arguments for tool in call.all(CallTool)] == ([] if looked_up is None else [looked_up])


def test_who_hides_the_number_is_not_looked_up_by_it() -> None:
    call = Timeline(policy(ORDERS, lookups=(CALLER, SHOP)), replace(STARTED, caller="sip:@example.org"))
    call.answered()
    assert [tool.arguments for tool in call.all(CallTool)] == ["{}"]


def test_a_look_up_is_no_violation_and_outlives_an_interruption() -> None:
    call = Timeline(policy(ORDERS, lookups=(SHOP,))).answered()
    call.renders()
    call.at(300, KeyPressed())
    call.run_to(2000)
    assert states(call) == [ToolState.RUNNING]
    assert "slow_connector" not in call.marks()


def test_a_look_up_that_fails_is_not_known_unless_something_stands_in() -> None:
    call = Timeline(policy(replace(ORDERS, fallback=""), lookups=(SHOP,))).answered()
    call.at(100, ToolFailed(1, BUSY, permanent=True))
    call.plays()
    call.says("Hello.")
    assert call.last(StartBrain).known == ()
    call = Timeline(policy(ORDERS, lookups=(SHOP,))).answered()
    call.at(100, ToolFailed(1, BUSY, permanent=True))
    call.plays()
    call.says("Hello.")
    assert call.last(StartBrain).known == (("shop", '{"status": "unknown"}'),)


# The trace.


def test_every_transition_is_in_the_trace() -> None:
    call = Timeline().thinking()
    call.wants()
    call.at(1500, ToolFailed(1, BUSY, permanent=False))
    call.at(1600, ToolReturned(1, "{}"))
    marks = [dict(note.fields) for note in call.all(Note) if note.mark == "tool"]
    assert [mark["state"] for mark in marks] == ["running", "retrying", "running", "done"]
    assert {(mark["call"], mark["name"]) for mark in marks} == {(1, "orders")}


def test_a_wish_of_an_attempt_that_is_over_is_none() -> None:
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(Attempt(9, 9), "orders", "{}"))
    assert not call.state.tooling.calls
