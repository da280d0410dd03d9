"""Connectors written in Python: an entry `module:function` that takes JSON arguments and returns a JSON object.

A function cannot be stopped from outside. So the caller stops waiting at the deadline and the function runs to its end
on its thread; what it then did is told as late, for its side effects are real.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from voicebot.tools.contract import Arguments, ConnectorMissing, Cuttable, Result, ToolContext

Function = Callable[[Arguments, ToolContext], Result]


class PythonConnector:
    """One function."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def call(self, arguments: Arguments, context: ToolContext, _run: Cuttable) -> Result:
        """Call the function."""
        return self._function(arguments, context)

    def close(self) -> None:
        """Nothing is held."""


def function_of(entry: str) -> Function:
    """Import `module:function`. Raises ConnectorMissing."""
    module_name, _, name = entry.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except ImportError as error:
        raise ConnectorMissing(f"{entry}: cannot import {error.name} (install it or correct the entry)") from error
    if not callable(found):
        raise ConnectorMissing(f"{entry}: there is no such function (correct the entry)")
    function: Function = found
    return function
