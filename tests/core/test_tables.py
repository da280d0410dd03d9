"""The shape of the machines, as their tables have it."""

from __future__ import annotations

from enum import StrEnum
from types import ModuleType
from typing import get_args

import pytest

from handoff import machine
from voicebot.core import commands, conversation, ear, events, mouth, safety, tooling

MACHINES = (conversation, ear, mouth, tooling, safety, machine)

TERMINAL = {
    conversation: {"ended"},
    ear: set(),
    mouth: set(),
    tooling: {"done", "fell_back", "cancelled", "declined"},
    safety: {"escalated"},
    machine: {"transferred", "presumed_transferred"},
}


@pytest.fixture(params=MACHINES, ids=lambda module: module.__name__)
def table(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


def test_every_state_can_be_reached(table: ModuleType) -> None:
    reached = {next(iter(table.State))}
    while following := {after for (state, _), after in table.TRANSITIONS.items() if state in reached} - reached:
        reached |= following
    assert reached == set(table.State)


def test_only_terminal_states_cannot_be_left(table: ModuleType) -> None:
    left = {state for (state, _), after in table.TRANSITIONS.items() if after is not state}
    assert {str(state) for state in set(table.State) - left} == TERMINAL[table]


def test_every_trigger_is_used(table: ModuleType) -> None:
    triggers: set[StrEnum] = {trigger for _, trigger in table.TRANSITIONS}
    assert triggers == set(table.Trigger)


def test_a_call_can_end_from_everywhere() -> None:
    for state in set(conversation.State) - {conversation.State.ENDED}:
        assert conversation.TRANSITIONS[state, conversation.Trigger.END] is conversation.State.ENDED


def test_the_unions_are_closed_and_small() -> None:
    assert len(get_args(events.Event)) <= 25
    assert len(get_args(commands.Command)) <= 20


@pytest.mark.parametrize("union", [events.Event, commands.Command], ids=["events", "commands"])
def test_members_are_frozen(union: object) -> None:
    for member in get_args(union):
        assert member.__dataclass_params__.frozen
