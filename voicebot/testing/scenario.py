"""A scenario: a dialogue in YAML, what the caller does and what the bot has to say to it.

version: 1
dialplan: harbor-lane
at: 2026-11-20T12:00
turns:
  - caller: Are you open on Saturday?
    bot: 9 AM to 5 PM
  - keys: "0"
ends: handoff CALLER_ASKED
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from voicebot.dialplan.part import Name, Part, Slug, Text
from voicebot.dialplan.source import Fault, read_source
from voicebot.dialplan.validation import explain


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


class ModelCall(Part):
    """A tool call of the scripted language model."""

    call: Text
    arguments: Mapping[str, JsonValue] = {}
    say: str = ""
    """What it says before."""


class Turn(Part):
    """What the caller does, one of `caller`, `keys` and `silent_s`, and what the bot has to say to it."""

    caller: str = ""
    """What the caller says, as a recogniser writes it."""
    keys: str = ""
    silent_s: Annotated[float, Field(ge=0, le=600)] = 0
    bot: Texts = ()
    """Parts of what the bot says until it is the caller's turn again; case does not matter."""
    never: Texts = ()
    """What it must not say."""
    model: tuple[Text | ModelCall, ...] = ()
    """What a scripted language model replies, one entry a request, where a scenario is run with one."""

    @model_validator(mode="after")
    def _one_thing(self) -> Turn:
        if sum(map(bool, (self.caller, self.keys, self.silent_s))) != 1:
            raise ValueError("a turn is one of caller, keys and silent_s | write one of them")
        return self


class Carried(Part):
    """A connector with a side effect that must have been called, and with what."""

    connector: Name
    arguments: Mapping[str, JsonValue] = {}


class Scenario(Part):
    """One dialogue."""

    version: Literal[1]
    dialplan: Slug
    about: str = ""
    at: datetime
    """When the call begins, local to the business."""
    caller: str = "+15550100"
    turns: Annotated[tuple[Turn, ...], Field(min_length=1)]
    ends: Annotated[str, Field(pattern=r"^(open|goodbye|handoff [A-Z][A-Z0-9_]*)$")] = "open"
    """`open`: the call goes on; `goodbye`; or `handoff` with its reason code."""
    done: tuple[Carried, ...] = ()
    """Every call of a connector with a side effect, in order."""
    audio: bool = False
    """Whether it is among those that are tried with voices, too."""


def load_scenario(file: Path) -> tuple[Scenario | None, tuple[Fault, ...]]:
    """Read a scenario, or every fault that is in it."""
    source = read_source(file)
    if source.faults:
        return None, tuple(source.faults)
    try:
        return Scenario.model_validate_json(json.dumps(source.value)), ()
    except ValidationError as error:
        told = explain(error, Scenario)
        return None, tuple(
            sorted(source.fault(path, message, remedy, of_key=key) for path, message, remedy, key in told)
        )
