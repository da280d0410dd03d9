"""What a source or a connector tells: the outcome that picks the answer, the values for its holes, the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.dialplan.templates import Scalar


@dataclass(frozen=True, slots=True)
class Told:
    """`outcome` names an answer of the intent; `values` are by path, such as `hours.day` or `result.ready_on`."""

    outcome: str = "default"
    values: Mapping[str, Scalar] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
