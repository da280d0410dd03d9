"""The router on phrases that it was never tuned on: the demo shop's held-out set, whole; no single error is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.router.phrases import Tally, phrases, tallied
from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.intents import IntentMatcher
from voicebot.dialplan.loading import load_dialplan

INTENTS = {
    "person",
    "order_status",
    "shipping",
    "hours",
    "address",
    "prices",
    "book_appointment",
    "move_appointment",
    "cancel_appointment",
    "appointment",
    "repeat",
    "back",
    "thanks",
    "greeting",
    "small_talk",
    "help",
    "goodbye",
}


@pytest.fixture(scope="module")
def tally() -> Tally:
    policy, faults = load_dialplan(Path("dialplans/harbor-lane.yaml"))
    assert policy is not None, faults
    days = DayNames(day.names for day in policy.hours.exceptions.values() if day.names)
    return tallied(IntentMatcher(policy.dialplan, days).match, phrases("held_out"))


def test_the_held_out_set_is_as_large_and_as_even_as_it_must_be() -> None:
    held_out = phrases("held_out")
    assert set(held_out.by_intent) == INTENTS
    assert sum(map(len, held_out.by_intent.values())) >= 400
    assert min(map(len, held_out.by_intent.values())) >= 15
    assert len(held_out.out_of_scope) >= 200


def test_of_what_callers_want_92_percent_is_understood(tally: Tally) -> None:
    assert tally.accuracy >= 0.92


def test_of_what_is_out_of_scope_5_percent_at_most_is_taken_for_an_intent(tally: Tally) -> None:
    assert tally.accepted_share <= 0.05
