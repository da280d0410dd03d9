"""What is wrong with a flow is told with its place and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.dialplan.loading import load_dialplan

PLAN = """version: 1
connectors:
  free: {entry: 'json:loads', parameters: {day: {}}}
  order: {entry: 'json:loads', parameters: {day: {}}, side_effect: reversible, confirm: 'On {day:date}?'}
slots:
  day: {kind: date, prompt: Which day?}
  time:
    kind: time
    prompt: When?
    offers:
      connector: free
      arguments: {day: '{day}'}
      values: times
      prompt: 'There is {offers.some:time}.'
      refuse: '{time:time} is taken.'
      none: 'Nothing on {day:date}.'
      none_asks: day
  number: {kind: digits, length: 5, prompt: Which?, confirm: '{number:digits}, right?', kept: true}
intents:
  book:
    examples: [book it]
    slots: [day, time, number]
    connector: order
    arguments: {day: '{day}'}
    reasks: {taken: time}
    remembers: {number: id}
    answers: {taken: Taken., default: Done.}
"""

CASES = {
    "unknown connector": ("connector: free\n", "connector: fee\n", "slots.time.offers.connector: the connector 'fee'"),
    "connector that does something": ("connector: free\n", "connector: order\n", "is looked up without asking"),
    "unknown parameter": ("{day: '{day}'}\n      values", "{dai: '{day}'}\n      values", "has no parameter 'dai'"),
    "missing argument": (
        "arguments: {day: '{day}'}\n      values",
        "arguments: {}\n      values",
        "needs the argument",
    ),
    "unknown slot": ("{day: '{day}'}\n      values", "{day: '{dai}'}\n      values", "the slot 'dai' is not declared"),
    "hole": (
        "{offers.some:time}",
        "{offers.few:time}",
        "slots.time.offers.prompt: {offers.few}: this is not known here",
    ),
    "asks something else": ("none_asks: day", "none_asks: number", "asks for a slot that does not change the offers"),
    "order": ("[day, time, number]", "[time, day, number]", "intents.book.slots[0]: the offers for 'time' need 'day'"),
    "read-back": ("'{number:digits}, right?'", "'{numbr:digits}?'", "slots.number.confirm: {numbr}: this is not known"),
    "kept": (
        "prompt: When?",
        "prompt: When?, kept: true".replace(", ", "\n    "),
        "a time does not hold for a whole call",
    ),
    "asks for no slot of it": ("{taken: time}", "{taken: tim}", "intents.book.reasks.taken: 'tim' is not a slot of"),
    "asks without an answer": ("{taken: Taken., ", "{", "there is no answer for the outcome 'taken'"),
    "remembers nothing": ("{number: id}", "{nomber: id}", "the slot 'nomber' is not declared (did you mean 'number'?)"),
    "remembers for its intent only": (", kept: true", "", "the slot 'number' holds for its intent only (add 'kept"),
    "no connector": ("    connector: order\n    arguments: {day: '{day}'}\n", "", "are of a connector's result"),
}


def faults_of(text: str, folder: Path) -> str:
    file = folder / "shop.yaml"
    file.write_text(text, encoding="utf-8")
    return "\n".join(map(str, load_dialplan(file)[1]))


def test_the_plan_itself_is_right(tmp_path: Path) -> None:
    assert faults_of(PLAN, tmp_path) == ""


@pytest.mark.parametrize(("right", "wrong", "told"), CASES.values(), ids=CASES.keys())
def test_a_fault_of_a_flow(right: str, wrong: str, told: str, tmp_path: Path) -> None:
    assert right in PLAN
    assert told in faults_of(PLAN.replace(right, wrong), tmp_path)
