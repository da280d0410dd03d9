"""One codec for every record that outlives a process: frozen dataclasses of plain values to compact JSON and back.

The shape of the JSON is read off the dataclass fields and their type hints once, when a `Codec` is built. A record that
stands at the top, or where its hint is a union of records, carries its class name under `type`; elsewhere the hint says
it already. The text is byte-stable: fields in the order of their definition, no spaces, ASCII only.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Union, get_args, get_origin, get_type_hints

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""What the standard library's json module reads and writes."""

TAG = "type"
"""The key that holds a record's class name."""

_PLAIN: tuple[type, ...] = (bool, int, float, str)


class CodecError(ValueError):
    """A value that does not have the shape of the record it is meant to be."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    pack: Callable[[object], Json]
    unpack: Callable[[Json], object]


class Codec:
    """Encodes and decodes the given dataclasses and whatever their fields hold.

    Fields may be bool, int, float, str, StrEnum, None, other dataclasses, NamedTuples, tuples of these, and unions of
    plain values or of dataclasses. Anything else is refused here, not at the first record.
    """

    def __init__(self, roots: Iterable[type]) -> None:
        self._records: dict[type, _Shape] = {}
        self._root = _union_of_records({root.__name__: self._record(root) for root in roots})

    def encode(self, record: object) -> str:
        """Return one line of JSON without a line break. Raises CodecError for a value that breaks its hint."""
        try:
            return json.dumps(self._root.pack(record), separators=(",", ":"), allow_nan=False)
        except (ValueError, TypeError) as error:
            raise CodecError(f"{type(record).__name__} cannot be encoded: {error}") from error

    def decode(self, text: str | bytes) -> object:
        """Return the record that `encode` was given. Raises CodecError."""
        try:
            return self._root.unpack(json.loads(text))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CodecError(f"not a record: {error}") from error

    def _record(self, record: type) -> _Shape:
        if record not in self._records:
            self._records[record] = _record_shape(record, self._shape)
        return self._records[record]

    def _shape(self, hint: object) -> _Shape:
        origin = get_origin(hint)
        if hint in _PLAIN:
            return _plain_shape(hint)
        if origin in (Union, types.UnionType):
            return self._union(get_args(hint))
        if origin is tuple:
            return self._tuple(get_args(hint))
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return _enum_shape(hint)
        if isinstance(hint, type) and issubclass(hint, tuple):
            return self._named_tuple(hint)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return self._record(hint)
        raise TypeError(f"a record cannot hold {hint!r}")

    def _union(self, members: tuple[object, ...]) -> _Shape:
        rest = [member for member in members if member is not type(None)]
        if all(isinstance(member, type) and dataclasses.is_dataclass(member) for member in rest):
            records = typing.cast("list[type]", rest)
            inner = _union_of_records({record.__name__: self._record(record) for record in records})
        elif all(member in _PLAIN for member in rest):
            inner = _union_of_plain(typing.cast("tuple[type, ...]", tuple(rest)))
        elif len(rest) == 1:
            inner = self._shape(rest[0])
        else:
            raise TypeError(f"a record cannot hold a union of {members!r}")
        return _optional(inner) if len(rest) < len(members) else inner

    def _tuple(self, arguments: tuple[object, ...]) -> _Shape:
        if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004  # tuple[X, ...]
            return _sequence_shape(self._shape(arguments[0]))
        return _fixed_shape([self._shape(argument) for argument in arguments], tuple)

    def _named_tuple(self, kind: type) -> _Shape:
        hints = get_type_hints(kind)
        fields = typing.cast("tuple[str, ...]", kind._fields)  # type: ignore[attr-defined]
        return _fixed_shape([self._shape(hints[name]) for name in fields], lambda values: kind(*values))


def _record_shape(record: type, shape_of: Callable[[object], _Shape]) -> _Shape:
    hints = get_type_hints(record)
    fields = dataclasses.fields(typing.cast("typing.Any", record))
    shapes = {field.name: shape_of(hints[field.name]) for field in fields}
    if TAG in shapes:
        raise TypeError(f"{record.__name__}.{TAG} would hide the record's name")
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def pack(value: object) -> Json:
        if type(value) is not record:
            raise CodecError(f"expected {record.__name__}, not {type(value).__name__}")
        return {name: shape.pack(getattr(value, name)) for name, shape in shapes.items()}

    def unpack(value: Json) -> object:
        if not isinstance(value, dict):
            raise CodecError(f"{record.__name__} must be an object")
        found = value.keys() - {TAG}
        if not required <= found <= shapes.keys():
            wrong = sorted((required - found) | (found - shapes.keys()))
            raise CodecError(f"{record.__name__} has missing or unknown fields: {', '.join(wrong)}")
        return record(**{name: shapes[name].unpack(value[name]) for name in shapes if name in found})

    return _Shape(pack, unpack)


def _union_of_records(members: dict[str, _Shape]) -> _Shape:
    def shape_named(name: Json) -> _Shape:
        if not isinstance(name, str) or name not in members:
            raise CodecError(f"unknown record {name!r}")
        return members[name]

    def pack(value: object) -> Json:
        name = type(value).__name__
        fields = shape_named(name).pack(value)
        return {TAG: name, **typing.cast("dict[str, Json]", fields)}

    def unpack(value: Json) -> object:
        if not isinstance(value, dict):
            raise CodecError("a record must be an object")
        return shape_named(value.get(TAG)).unpack(value)

    return _Shape(pack, unpack)


def _plain_shape(kind: type) -> _Shape:
    accepted = (int, float) if kind is float else (kind,)

    def convert(value: object) -> Json:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise CodecError(f"expected {kind.__name__}, not {type(value).__name__}")
        # Engines hand over numpy's subclasses of float; the plain value is what is written.
        return typing.cast("Json", kind(value))

    return _Shape(convert, convert)


def _union_of_plain(kinds: tuple[type, ...]) -> _Shape:
    def convert(value: object) -> Json:
        for kind in kinds:
            if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
                # A StrEnum among the strings is written as the string that it equals.
                return typing.cast("Json", kind(value))
        raise CodecError(f"unexpected {type(value).__name__}")

    return _Shape(convert, convert)


def _enum_shape(kind: type[StrEnum]) -> _Shape:
    return _Shape(lambda value: kind(typing.cast("str", value)).value, lambda value: kind(typing.cast("str", value)))


def _optional(inner: _Shape) -> _Shape:
    return _Shape(
        lambda value: None if value is None else inner.pack(value),
        lambda value: None if value is None else inner.unpack(value),
    )


def _sequence_shape(item: _Shape) -> _Shape:
    def unpack(value: Json) -> object:
        return tuple(item.unpack(element) for element in _list(value))

    return _Shape(lambda value: [item.pack(element) for element in _tuple(value)], unpack)


def _fixed_shape(items: list[_Shape], build: Callable[[list[object]], object]) -> _Shape:
    def pack(value: object) -> Json:
        return [item.pack(element) for item, element in zip(items, _tuple(value), strict=True)]

    def unpack(value: Json) -> object:
        return build([item.unpack(element) for item, element in zip(items, _list(value), strict=True)])

    return _Shape(pack, unpack)


def _tuple(value: object) -> tuple[object, ...]:
    if not isinstance(value, tuple):
        raise CodecError(f"expected a tuple, not {type(value).__name__}")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise CodecError(f"expected a list, not {type(value).__name__}")
    return value
