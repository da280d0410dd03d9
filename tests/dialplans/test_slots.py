from __future__ import annotations

import pytest

from voicebot.brain.playbook.slots import filling
from voicebot.dialplan.model import SlotPart

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
