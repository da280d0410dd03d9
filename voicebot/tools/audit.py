"""What is written down of a connector call: what it was asked, without what is private, and in a word what came of it.

Results are not written down at all: what the caller may know of them is in the journal, redacted by the call's vault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Final

from voicebot.core.events import ToolReturned
from voicebot.tools.protocol import ToolResult

HIDDEN: Final = "[REDACTED]"
RETURNED: Final = "returned"

_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What an outcome looks like; anything else may be a caller's words."""


def redacted(arguments: str, keys: Collection[str]) -> str:
    """Return arguments without the values of these keys, at any depth; nothing of what is no JSON."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return HIDDEN
    return json.dumps(_without(value, frozenset(keys)), ensure_ascii=False)


def _without(value: object, keys: Collection[str]) -> object:
    match value:
        case Mapping():
            return {key: HIDDEN if key in keys else _without(inner, keys) for key, inner in value.items()}
        case list():
            return [_without(inner, keys) for inner in value]
        case _:
            return value


def outcome_of(result: ToolResult) -> str:
    """Return what a result calls itself, or the category of a failure."""
    if not isinstance(result, ToolReturned):
        return result.category
    try:
        outcome = json.loads(result.result).get("outcome")
    except (ValueError, AttributeError):
        return RETURNED
    return outcome if isinstance(outcome, str) and _WORD.fullmatch(outcome) else RETURNED
