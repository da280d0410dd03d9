"""What pydantic finds wrong, told in the words of somebody who edits a file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from voicebot.dialplan.source import Path_

_FIXED = {
    "missing": ("this key is missing", "add it"),
    "too_short": ("must not be empty", "name at least one"),
    "string_too_short": ("must not be empty", "write something or leave the key out"),
}
_WANTED = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping of keys to values",
    "float_type": "a number",
    "float_parsing": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_attributes_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "string_type": "a text",
    "tuple_type": "a list",
}


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[Path_, str, str, bool]]:
    """Yield (path, message, remedy, whether the key itself is at fault) for each error of a validation."""
    details = error.errors(include_url=False)
    for detail in details:
        path = detail["loc"]
        if detail["type"] == "too_short" and any(
            len(other["loc"]) > len(path) and other["loc"][: len(path)] == path for other in details
        ):
            continue  # The list is short because its items are wrong, and that is told already.
        message, remedy = _words(detail, model)
        yield path, message, remedy, detail["type"] == "extra_forbidden"


def _words(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    kind, path, given = detail["type"], detail["loc"], detail["input"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "this key is not known", _suggestion(str(path[-1]), _known_keys(model, path[:-1]))
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _WANTED:
        shown = f"is {_shown(given)}"
        hint = "put it in quotation marks" if kind == "string_type" and isinstance(given, int | float) else "correct it"
        return f"must be {_WANTED[kind]} but {shown}", hint
    if kind in {"literal_error", "enum"}:
        expected = str(context.get("expected", ""))
        return f"{_shown(given)} is not a choice", f"use one of {expected}"
    if kind in {"value_error", "assertion_error"}:
        message, _, remedy = str(context.get("error", detail["msg"])).partition(" | ")
        return message, remedy or "correct it"
    text = detail["msg"][:1].lower() + detail["msg"][1:]
    return f"{_shown(given)}: {text}", "correct it"


def _shown(given: object) -> str:
    if isinstance(given, dict):
        return "a mapping"
    if isinstance(given, list | tuple):
        return "a list"
    return "empty" if given is None else repr(given)


def _suggestion(key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known keys: {', '.join(known)}" if known else "remove it"


def _known_keys(model: type[BaseModel], path: Path_) -> list[str]:
    current: object = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            named = current.model_fields.get(str(part))
            current = _inner(named.annotation) if named else None
    if isinstance(current, type) and issubclass(current, BaseModel):
        return sorted(current.model_fields)
    return []


def _inner(annotation: object) -> object:
    """Return the model inside `Model | None`, `tuple[Model, ...]` or `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in reversed(getattr(annotation, "__args__", ())):
        found = _inner(argument)
        if found is not None:
            return found
    return None
