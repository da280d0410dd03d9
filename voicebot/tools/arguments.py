"""The arguments of a call, checked against the connector's JSON Schema before anything leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from jsonschema import Draft202012Validator

from voicebot.core.events import Category
from voicebot.dialplan.connectors import ConnectorPart
from voicebot.tools.contract import Arguments, ConnectorError

_BOOLEANS: Final = {"true": True, "false": False}
_READ: Final[Mapping[str, Callable[[str], object]]] = {
    "integer": int,
    "number": float,
    "boolean": lambda text: _BOOLEANS[text.strip().lower()],
}


class Checker:
    """Reads and checks the arguments of one connector."""

    def __init__(self, part: ConnectorPart) -> None:
        schema = part.json_schema()
        self._types = {name: parameter.type for name, parameter in part.parameters.items()}
        self._validator = Draft202012Validator(schema)

    def read(self, text: str) -> Arguments:
        """Return the arguments. A number that came as text counts as one. Raises ConnectorError."""
        try:
            arguments = json.loads(text)
        except ValueError:
            arguments = None
        if isinstance(arguments, dict):
            arguments = {name: self._typed(name, value) for name, value in arguments.items()}
        error = next(self._validator.iter_errors(arguments), None)
        if error is not None:
            # The library's message holds the value; where it went wrong is enough to find it.
            place = ".".join(str(part) for part in error.path) or str(error.validator)
            raise ConnectorError(Category.REJECTED, permanent=True, detail=f"arguments break the schema at {place}")
        return dict(arguments or {})

    def _typed(self, name: str, value: object) -> object:
        read = _READ.get(self._types.get(name, ""))
        if read is None or not isinstance(value, str):
            return value
        try:
            return read(value)
        except (ValueError, KeyError):
            return value
