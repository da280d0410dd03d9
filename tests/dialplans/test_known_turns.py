"""Which turns count as known, so that nothing is waited for after them: examples, but for what recognisers mishear."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.dialogue import Dialogue
from voicebot.brain.playbook.intents import Wholes
from voicebot.dialplan.loading import load_dialplan


@pytest.fixture(scope="module")
def dialogue() -> Dialogue:
    policy, faults = load_dialplan(Path("dialplans/harbor-lane.yaml"))
    assert policy is not None, faults
    return Dialogue(policy)


@pytest.mark.parametrize(
    "text",
    [
        "Are you open on Saturday?",
        "Are you open on Christmas Day?",
        "are you open on new years day",
        "Are you open on the New Year's Day?",
        "But are you opening hours on Saturday?",
        "How much of express shipping costs?",
        "How much does express shifting cost?",
        "How much does express shifting past?",
        "Where is your shot?",
        "What time do you clone on Wednesday?",
        "Can I talk to some one in the shop?",
        "And my talking to a machine.",
        "Hello, how much is standard shaping, please?",
    ],
)
def test_an_example_is_known_although_a_few_letters_differ(dialogue: Dialogue, text: str) -> None:
    assert dialogue.knows_whole(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please",
        "Um",
        "Are you open",  # on Sunday?
        "Are you open on Christmas",  # Eve?
        "What can you do",  # for me?
        "How much of express shipping",  # cost?
        "How much does express shifting",
        "Could you look up in order for",
        "When can I come to the",
        "Where is yours?",
        "One more.",
        "What time do you go from thirty three?",
        "Are you open on some day?",
        "Where is order 4821",
        "What happens if nobody is at home?",
    ],
)
def test_what_may_go_on_or_is_something_else_is_not_known(dialogue: Dialogue, text: str) -> None:
    assert not dialogue.knows_whole(text)


@pytest.mark.parametrize("text", ["With our euro, opening hours on Saturday?", "I need your store hours for tomorrow."])
def test_a_turn_is_whole_when_it_ends_with_the_last_thing_to_be_known(dialogue: Dialogue, text: str) -> None:
    assert dialogue.knows_whole(text)


@pytest.mark.parametrize(
    "text",
    [
        "With our euro, opening hours",  # on Saturday?
        "With our euro, opening hours on Saturday and",  # Sunday?
        "With our euro, opening hours on Christmas",  # Eve?
        "My order number is 48213",  # 67?
        "I like Saturday.",
    ],
)
def test_a_turn_is_not_whole_while_more_may_be_said_of_it(dialogue: Dialogue, text: str) -> None:
    assert not dialogue.knows_whole(text)


def test_a_turn_that_is_as_much_like_the_beginning_of_a_longer_example_has_not_ended() -> None:
    assert Wholes(["how much is it now"]).nearest("how much is it nor") == "how much is it now"
    assert Wholes(["how much is it now", "how much is it not here"]).nearest("how much is it nor") == ""
    assert Wholes(["when do you open", "when do you open on sunday"]).nearest("when do you open") == ""


def test_nothing_is_known_where_there_are_no_examples() -> None:
    assert Wholes([]).nearest("how much is it now") == ""


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        ("are you open on the fourth of july", "the Fourth of July"),
        ("fourth of july", "the Fourth of July"),
        ("on independence day", "the Fourth of July"),
        ("new year s day", "New Year's Day"),
        ("new years day", "New Year's Day"),
        ("a new year", ""),
        ("on friday", ""),
    ],
)
def test_a_day_is_known_by_any_of_its_names(turn: str, name: str) -> None:
    days = DayNames([("the Fourth of July", "Independence Day"), ("New Year's Day",)])
    assert days.name_in(turn) == name


def test_an_example_with_a_day_is_said_for_every_day_that_has_a_name() -> None:
    days = DayNames([("Boxing Day",)])
    assert len(days.every_day("are you open on Saturday")) == 8
    assert "are you open on Boxing Day" in days.every_day("are you open on Saturday")
    assert days.every_day("How much is it") == ("How much is it",)
