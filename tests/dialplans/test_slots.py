from __future__ import annotations

from typing import Literal

import pytest

from voicebot.brain.playbook.slots import filling
from voicebot.dialplan.intents import SlotPart

COLOUR = SlotPart(kind="choice", choices={"blue": ("blue", "navy"), "red": ("red",)})
CONFIRM = SlotPart(kind="yes_no")


@pytest.mark.parametrize(
    ("slot", "text", "value"),
    [
        (CONFIRM, "1", "yes"),
        (CONFIRM, "2", "no"),
        (CONFIRM, "3", ""),
        (CONFIRM, "Yes, please.", "yes"),
        (COLOUR, "1", "blue"),
        (COLOUR, "2", "red"),
        (COLOUR, "0", ""),
        (COLOUR, "3", ""),
        (COLOUR, "The navy one.", "blue"),
    ],
)
def test_a_key_answers_a_menu(slot: SlotPart, text: str, value: str) -> None:
    assert filling(slot, text).value == value


def value_of(kind: Literal["email", "name", "address", "spelling"], text: str) -> str:
    return filling(SlotPart(kind=kind), text).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is [EMAIL#1].", "[EMAIL#1]"),
        ("john.smith@example.com", "john.smith@example.com"),
        ("john dot smith at my dash shop dot fr", "john.smith@my-shop.fr"),
        ("at the shop", ""),
        ("john", ""),
    ],
)
def test_an_email_address_is_spoken_typed_or_redacted(text: str, value: str) -> None:
    assert value_of("email", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Mary", "Mary"),
        ("My name is Mary Smith.", "Mary Smith"),
        ("Um, it's Mary van der Berg, thanks.", "Mary van der Berg"),
        ("No.", ""),
        ("I don't know.", ""),
        ("What do you need it for?", ""),
        ("48213", ""),
        ("I only wanted to know when you are open", ""),
        ("", ""),
    ],
)
def test_a_name_is_its_words(text: str, value: str) -> None:
    assert value_of("name", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12 Harbor Lane, Springfield", "12 Harbor Lane, Springfield"),
        ("My home address is 12 Harbor Lane.", "12 Harbor Lane"),
        ("Springfield", ""),
        ("Why do you ask?", ""),
        ("how much is it", ""),
    ],
)
def test_an_address_is_its_words(text: str, value: str) -> None:
    assert value_of("address", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("S M I T H", "SMITH"),
        ("Smith, s m i t h.", "SMITH"),
        ("S-M-I-T-H", "SMITH"),
        ("m a double l", "MALL"),
        ("b as in bravo, r for Romeo, a", "BRA"),
        ("alpha four dash seven", "A4-7"),
        ("I spell it S M", "SM"),
        ("a i", "AI"),
        ("Smith", "SMITH"),
        ("x", "X"),
        ("I don't know", ""),
        ("No.", ""),
    ],
)
def test_letters_are_joined(text: str, value: str) -> None:
    assert value_of("spelling", text) == value
