"""What every kind of connector gets, and how it says what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from voicebot.core.events import Category

Arguments = Mapping[str, object]
Result = Mapping[str, object]


class ConnectorError(Exception):
    """A connector says what went wrong. `permanent`: another attempt would fail the same way.

    `retry_after_ms`: the service wants no other attempt before that.
    """

    def __init__(self, category: Category, *, permanent: bool, detail: str = "", retry_after_ms: int = 0) -> None:
        super().__init__(detail)
        self.category = category
        self.permanent = permanent
        self.retry_after_ms = retry_after_ms


class ConnectorMissing(Exception):
    """A connector cannot be made as the dialplan names it."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a connector is told besides its arguments."""

    settings: Mapping[str, str]
    """Those of the dialplan, secrets resolved."""
    key: str
    """Idempotency key: the same for each attempt of one call."""
    seconds_left: float


class Cuttable(Protocol):
    """The run of a call, to a connector that can be stopped."""

    def on_cut(self, cut: Callable[[], object]) -> None:
        """Have `cut` called, from another thread, when the call is cancelled or its time is up; at once if it is."""


class Kind(Protocol):
    """One connector. `call` blocks, on a thread of the toolbox, and ends soon after it was cut."""

    def call(self, arguments: Arguments, context: ToolContext, run: Cuttable) -> Result:
        """Answer, or raise ConnectorError or SecretMissingError."""

    def close(self) -> None:
        """Release what is held."""
