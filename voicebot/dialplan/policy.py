"""A dialplan that passed every check, pinned by the hash of what it says.

The hash covers the resolved dialplan (includes merged, defaults filled in) with secrets as references, so that two
policies with one hash decide alike and the store can keep the text.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from voicebot.core.policy import (
    BargeIn,
    Budgets,
    CallPolicy,
    Connector,
    Dtmf,
    Endpointing,
    Lookup,
    NoInput,
    Phrases,
    Transfer,
    TurnTaking,
)
from voicebot.dialplan.connectors import ConnectorPart
from voicebot.dialplan.hours import BusinessHours
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.templates import render

_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class SecretMissingError(Exception):
    """A `${NAME}` has no value in the environment and no default."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set (set it, or give a default as ${{{name}:-…}})")
        self.name = name


def resolve(text: str, env: Mapping[str, str] = os.environ) -> str:
    """Replace every `${NAME}` and `${NAME:-default}`, at the moment of use. Raises SecretMissingError."""

    def value(match: re.Match[str]) -> str:
        found = env.get(match.group(1)) or match.group(2)
        if found is None:
            raise SecretMissingError(match.group(1))
        return found

    return _REFERENCE.sub(value, text)


def with_defaults(text: str) -> str:
    """Put its default into the place of every `${NAME:-default}`; a `${NAME}` without one stays."""
    return _REFERENCE.sub(lambda match: match.group(0) if match.group(2) is None else match.group(2), text)


@dataclass(frozen=True)
class Policy:
    """One resolved dialplan. Calls keep the one that they started with."""

    dialplan: Dialplan
    text: str
    """Canonical JSON: the keys in the order of the model, mappings in the order of the file, which is the order of
    precedence between intents."""
    folder: Path = field(default=Path(), compare=False)
    """Where the files are that it names."""

    @classmethod
    def of(cls, dialplan: Dialplan, folder: Path = Path()) -> Self:
        """Pin a dialplan that lies in `folder`."""
        plain = dialplan.model_dump(mode="json")
        return cls(dialplan, json.dumps(plain, ensure_ascii=True, separators=(",", ":")), folder)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; the hash is that of the text. Raises pydantic.ValidationError."""
        return cls(Dialplan.model_validate_json(text), text)

    def to_json(self) -> str:
        """Return the resolved dialplan as canonical JSON, secrets as references."""
        return self.text

    @property
    def name(self) -> str:
        """The name of the dialplan."""
        return self.dialplan.name

    @cached_property
    def sha256(self) -> str:
        """The policy hash, 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def hours(self) -> BusinessHours:
        """The opening hours, local to the dialplan's time zone."""
        return self.dialplan.hours.resolved()

    @cached_property
    def number_lengths(self) -> tuple[int, ...]:
        """How many digits the numbers have that the dialplan asks for."""
        lengths = {slot.length for slot in self.dialplan.slots.values() if slot.kind == "digits" and slot.length}
        return tuple(sorted(lengths))

    @cached_property
    def call(self) -> CallPolicy:
        """The part that the core decides by."""
        plan = self.dialplan
        transfer = plan.transfer
        return CallPolicy(
            turn_taking=TurnTaking(**plan.turn_taking.model_dump()),
            endpointing=Endpointing(**plan.endpointing.model_dump(exclude={"model"})),
            barge_in=BargeIn(**plan.barge_in.model_dump()),
            dtmf=Dtmf(**plan.dtmf.model_dump(), menu="".join(plan.menu)),
            no_input=NoInput(**plan.no_input.model_dump()),
            budgets=Budgets(**plan.budgets.model_dump()),
            phrases=Phrases(**plan.phrases.model_dump()),
            transfer=Transfer(
                target=transfer.target,
                headers=tuple(transfer.headers.items()),
                no_match_limit=transfer.no_match_limit,
            ),
            connectors=tuple(self._connector(name, part) for name, part in plan.connectors.items()),
            lookups=tuple(
                Lookup(name, part.connector, tuple(part.arguments.items())) for name, part in plan.lookups.items()
            ),
            number_lengths=self.number_lengths,
            slot_endpointing=tuple(
                (name, Endpointing(**slot.endpointing.over(plan.endpointing).model_dump(exclude={"model"})))
                for name, slot in plan.slots.items()
                if slot.own_delays
            ),
        )

    def _connector(self, name: str, part: ConnectorPart) -> Connector:
        plan, hard_ms = self.dialplan, min(part.hard_ms, self.dialplan.budgets.tool_hard_ms)
        facts = {f"{section}.{key}": value for section, rows in plan.knowledge.items() for key, value in rows.items()}
        return Connector(
            name,
            hard_ms,
            idempotent=part.repeatable,
            retries=part.tries_again,
            fallback=part.fallback.result,
            scaffolding=part.scaffolding,
            soft_ms=min(part.soft_ms, hard_ms),
            side_effect=part.side_effect,
            fallback_connector=part.fallback.connector,
            fallback_answer=render(part.fallback.answer, facts, plan.currency),
            fallback_reason=part.fallback.handoff,
        )
