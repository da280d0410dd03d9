"""How callers steer: corrections, refusals, choices, digits that are mended."""

from __future__ import annotations

import pytest

from voicebot.brain.playbook.steering import agrees, asks, chosen, corrects, drops, mended, starts_over
from voicebot.dialplan.rules import normalised


@pytest.mark.parametrize(
    "text", ["No, forget it.", "never mind", "I changed my mind", "no, don't book it", "cancel that"]
)
def test_what_is_not_wanted_any_more(text: str) -> None:
    assert drops(normalised(text))


@pytest.mark.parametrize("text", ["yes, cancel it", "cancel my appointment", "no", "Thursday"])
def test_what_is_still_wanted(text: str) -> None:
    assert not drops(normalised(text))


def test_corrections_questions_and_a_yes() -> None:
    assert corrects("no thursday")
    assert corrects("i meant the other one")
    assert not corrects("thursday")
    assert asks("and what are your hours")
    assert not asks("at ten")
    assert agrees("yes the first one")
    assert starts_over("can we start over")


SHOWN = ("10:00", "12:00", "14:00")


@pytest.mark.parametrize(
    ("text", "current", "value"),
    [
        ("the second one", "", "12:00"),
        ("the last", "", "14:00"),
        ("the later one please", "", "14:00"),
        ("I meant the other one", "10:00", ""),
        ("the first of December", "", ""),
        ("ten", "", ""),
    ],
)
def test_one_of_what_was_told(text: str, current: str, value: str) -> None:
    assert chosen(normalised(text), SHOWN, current) == value


def test_the_other_one_of_two() -> None:
    assert chosen("i meant the other one", SHOWN[:2], "10:00") == "12:00"


@pytest.mark.parametrize(
    ("number", "fragment", "turn", "value"),
    [
        ("48230", "13", "no 13 at the end", "48213"),
        ("38213", "48", "no it starts with 48", "48213"),
        ("48230", "4821", "no 4821", "48210"),
        ("48213", "99", "no 99", ""),
        ("11111", "12", "no 12", ""),
        ("48213", "", "no", ""),
        ("48213", "48213", "no 48213", ""),
    ],
)
def test_some_digits_of_a_number_are_mended(number: str, fragment: str, turn: str, value: str) -> None:
    assert mended(number, fragment, turn) == value
