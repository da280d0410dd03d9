"""The one contract of every connector: JSON arguments in, a JSON object out, within a deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from voicebot.core.commands import CallTool
from voicebot.core.events import ToolFailed, ToolReturned

ToolResult = ToolReturned | ToolFailed


class ToolRun(Protocol):
    """A connector call under way."""

    def cancel(self) -> None:
        """Stop if it can be stopped. A result is posted in any case."""


class Toolbox(Protocol):
    """The connectors of one dialplan."""

    def start(self, request: CallTool, seconds_left: float, post: Callable[[ToolResult], None]) -> ToolRun:
        """Begin one attempt and return at once. A result is posted by `seconds_left`, a TIMEOUT one if need be.

        Work that went on after that posts its own result when it ends.
        """

    def close(self) -> None:
        """Release threads and connections."""
