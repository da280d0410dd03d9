from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.core.commands import Command, Note, Speak
from voicebot.core.events import Attempt, BrainClause, Event, MediaState, Played, Transcribed
from voicebot.core.policy import CallPolicy
from voicebot.journal.codec import Codec, CodecError
from voicebot.journal.lines import COMMANDS, EVENTS, LINES, POLICIES, Line


def values_of(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401, PLR0911  # one return a kind of hint
    """Values of a type hint, made without help from the codec."""
    origin = get_origin(hint)
    if hint is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    if hint in {int, str, bool, type(None)}:
        return st.from_type(hint)
    if origin is tuple:
        arguments = get_args(hint)
        if arguments[-1] is Ellipsis:
            return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*(values_of(argument) for argument in arguments))
    if origin is not None or isinstance(hint, UnionType):
        return st.one_of(*(values_of(argument) for argument in get_args(hint)))
    if issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    hints = get_type_hints(hint)
    names = hint._fields if issubclass(hint, tuple) else [field.name for field in fields(hint)]
    return st.builds(hint, **{name: values_of(hints[name]) for name in names})


@given(record=values_of(Event))
def test_every_event_comes_back(record: Event) -> None:
    text = EVENTS.encode(record)
    assert EVENTS.decode(text) == record
    assert EVENTS.encode(EVENTS.decode(text)) == text


@given(record=values_of(Command))
def test_every_command_comes_back(record: Command) -> None:
    text = COMMANDS.encode(record)
    assert COMMANDS.decode(text) == record
    assert COMMANDS.encode(COMMANDS.decode(text)) == text


@given(record=values_of(Line))
def test_every_line_of_a_journal_comes_back_on_one_line_of_ascii(record: Line) -> None:
    text = LINES.encode(record)
    assert text.isascii()
    assert "\n" not in text
    assert LINES.decode(text) == record


@given(policy=values_of(CallPolicy))
def test_every_policy_comes_back(policy: CallPolicy) -> None:
    assert POLICIES.decode(POLICIES.encode(policy)) == policy


def test_the_text_is_compact_and_readable() -> None:
    assert EVENTS.encode(Played(3, 50)) == '{"type":"Played","speech":3,"frames":50}'


def test_numbers_of_engines_are_written_as_plain_ones() -> None:
    assert '"confidence":0.5' in EVENTS.encode(Transcribed(1, 1, "hi", np.float64(0.5)))


def test_an_enum_among_the_fields_of_a_note_is_the_string_it_equals() -> None:
    note = Note("rejected", (("state", MediaState.HELD), ("count", 2)))
    assert COMMANDS.encode(note) == '{"type":"Note","mark":"rejected","fields":[["state","held"],["count",2]]}'
    assert COMMANDS.decode(COMMANDS.encode(note)) == note


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"type":"Nothing"}',
        '{"type":[]}',
        '{"type":"Played","speech":1}',
        '{"type":"Played","speech":1,"frames":2,"more":3}',
        '{"type":"Played","speech":"1","frames":2}',
        '{"type":"Played","speech":true,"frames":2}',
        '{"type":"MediaChanged","media":"on fire"}',
        '{"type":"BrainClause","attempt":[1],"index":0,"text":"","evidence":[]}',
        '{"type":"BrainClause","attempt":[1,2],"index":0,"text":"","evidence":"tool"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        EVENTS.decode(text)


@pytest.mark.parametrize(
    "record",
    [
        Speak(1, 0, 5, "answer"),  # type: ignore[arg-type]
        Note("x", [("a", 1)]),  # type: ignore[arg-type]
        Note("x", (("a", None),)),  # type: ignore[arg-type]
        "Speak",
        Played(1, 2),
    ],
)
def test_what_is_no_command_is_not_written(record: object) -> None:
    with pytest.raises(CodecError):
        COMMANDS.encode(record)


def test_infinite_confidence_is_not_written() -> None:
    with pytest.raises(CodecError):
        EVENTS.encode(Transcribed(1, 1, "hi", float("inf")))


def test_a_field_added_with_a_default_does_not_break_old_records() -> None:
    @dataclass(frozen=True)
    class Old:
        a: int

    @dataclass(frozen=True)
    class New:
        a: int
        b: int = 7

    New.__name__ = "Old"
    assert Codec([New]).decode(Codec([Old]).encode(Old(1))) == New(1, 7)


def test_shapes_that_cannot_be_kept_are_refused_before_the_first_record() -> None:
    @dataclass(frozen=True)
    class Lists:
        a: list[int]

    @dataclass(frozen=True)
    class Hiding:
        type: str

    for record in (Lists, Hiding):
        with pytest.raises(TypeError):
            Codec([record])


def test_an_attempt_comes_back_with_its_names() -> None:
    decoded = EVENTS.decode(EVENTS.encode(BrainClause(Attempt(1, 2), 0, "x", ())))
    assert isinstance(decoded, BrainClause)
    assert decoded.attempt.epoch == 1


def test_nothing_is_kept_apart_from_zero() -> None:
    @dataclass(frozen=True)
    class Holder:
        values: tuple[int | None, ...]

    codec = Codec([Holder])
    assert codec.decode(codec.encode(Holder((None, 0)))) == Holder((None, 0))
