from __future__ import annotations

import pytest

from voicebot.core.events import Category, ToolFailed, ToolReturned
from voicebot.tools.audit import outcome_of, redacted


def test_keys_are_hidden_at_any_depth() -> None:
    arguments = '{"name": "Ann", "who": [{"name": "Bob", "age": 7}], "day": "friday"}'
    shown = '{"name": "[REDACTED]", "who": [{"name": "[REDACTED]", "age": 7}], "day": "friday"}'
    assert redacted(arguments, ("name",)) == shown
    assert redacted("my name is Ann", ()) == "[REDACTED]"


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ('{"outcome": "not_found"}', "not_found"),
        ('{"outcome": "Ann, 4111"}', "returned"),
        ('{"outcome": 7}', "returned"),
        ("[]", "returned"),
        ("no", "returned"),
    ],
)
def test_an_outcome_is_a_word(result: str, outcome: str) -> None:
    assert outcome_of(ToolReturned(1, result)) == outcome


def test_a_failure_is_its_category() -> None:
    assert outcome_of(ToolFailed(1, Category.TIMEOUT, permanent=False)) == "timeout"
