from __future__ import annotations

import pytest

from handoff import machine
from handoff.machine import Handoff, Outcome, State, Trigger


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Outcome.TRANSFERRED),
        (299, Outcome.TRANSFERRED),
        (300, Outcome.FAILED),
        (403, Outcome.DECLINED),
        (404, Outcome.FAILED),
        (408, Outcome.NO_ANSWER),
        (480, Outcome.NO_ANSWER),
        (486, Outcome.BUSY),
        (487, Outcome.NO_ANSWER),
        (503, Outcome.FAILED),
        (600, Outcome.BUSY),
        (603, Outcome.DECLINED),
    ],
)
def test_what_a_final_notify_says(code: int, outcome: Outcome) -> None:
    assert machine.outcome_of_notify(code) is outcome


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (302, Outcome.REJECTED),
        (403, Outcome.DECLINED),
        (405, Outcome.REJECTED),
        (481, Outcome.REJECTED),
        (500, Outcome.FAILED),
        (603, Outcome.DECLINED),
    ],
)
def test_what_a_refused_refer_says(code: int, outcome: Outcome) -> None:
    assert machine.outcome_of_refusal(code) is outcome


def test_an_illegal_trigger_is_refused() -> None:
    assert Handoff().moved(Trigger.SUCCEED) is None


@pytest.mark.parametrize("state", State)
def test_a_handoff_is_under_way_until_its_outcome_is_known(state: State) -> None:
    assert Handoff(state).under_way is (state in {State.ANNOUNCING, State.REFERRING, State.ACCEPTED})


def test_acceptance_alone_never_leads_to_transferred() -> None:
    accepted = {after for (_, trigger), after in machine.TRANSITIONS.items() if trigger is Trigger.ACCEPT}
    assert accepted == {State.ACCEPTED}
    to_success = {trigger for (_, trigger), after in machine.TRANSITIONS.items() if after is State.TRANSFERRED}
    assert to_success == {Trigger.SUCCEED}
