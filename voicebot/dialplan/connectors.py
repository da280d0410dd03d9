"""The connectors of a dialplan: where facts are fetched, within which limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from voicebot.core.policy import SideEffect
from voicebot.dialplan.part import Name, Part, Patience, Text, template


def _json_object(text: str) -> str:
    if text and not _is_json_object(text):
        raise ValueError('is not a JSON object | write it as \'{"outcome": "unavailable"}\', or leave it empty')
    return text


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


class Parameter(Part):
    """One argument of a connector."""

    type: Literal["string", "integer", "number", "boolean"] = "string"
    description: str = ""
    required: bool = True


class ConnectorPart(Part):
    """Where facts are fetched. `entry` is `module:function`: JSON arguments in, a JSON object out."""

    entry: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    description: str = ""
    parameters: Mapping[Name, Parameter] = {}
    settings: Mapping[Name, str] = {}
    """Handed to the function as they are; `${NAME}` is resolved at each call and never stored."""
    hard_ms: Patience = 3_000
    side_effect: SideEffect = SideEffect.NONE
    """What it changes in the world; anything but `none` is asked for before."""
    confirm: Annotated[str, AfterValidator(template)] = ""
    """The question for consent, over the arguments: `Shall I book {service} on {day}?`."""
    idempotent: bool = True
    retries: Annotated[int, Field(ge=0, le=1)] = 1
    fallback: Annotated[str, AfterValidator(_json_object)] = ""
    """A JSON object that stands in for the result when the connector fails; empty: the turn fails."""
    scaffolding: tuple[Text, ...] = ()
    """Phrases that fill the wait for this connector; the general ones go on where a phrase would come twice running."""

    def json_schema(self) -> dict[str, object]:
        """Return the JSON Schema of the arguments, as language models want it."""
        properties = {
            name: {"type": parameter.type, "description": parameter.description}
            for name, parameter in self.parameters.items()
        }
        required = [name for name, parameter in self.parameters.items() if parameter.required]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
