"""The connectors of a dialplan: where facts are fetched, within which limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from voicebot.dialplan.part import Name, Part, Patience, Text


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


class CachePart(Part):
    """Which results of a connector are kept, for how long and for whom; only of one without side effect."""

    ttl_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    """How long a result is as good as a new one; 0: none is kept. None outlives the day at the business."""
    scope: Literal["caller", "tenant"] = "caller"
    """Who may get it again: the same caller, or every caller of the tenant who asks with the same arguments."""
    sensitivity: Literal["secret", "personal", "public"] = "secret"
    """`secret` is never kept. `personal` leaves the process encrypted only, and without a key not at all."""
    outcomes: tuple[Name, ...] = ()
    """The results that may be kept, by their `outcome`; `default` is a result without one."""
    invalidates: tuple[Name, ...] = ()
    """For a connector that changes something: the connectors whose kept results are dropped then."""


class ConnectorPart(Part):
    """Where facts are fetched. `entry` is `module:function`: JSON arguments in, a JSON object out."""

    entry: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    description: str = ""
    parameters: Mapping[Name, Parameter] = {}
    settings: Mapping[Name, str] = {}
    """Handed to the function as they are; `${NAME}` is resolved at each call and never stored."""
    hard_ms: Patience = 3_000
    idempotent: bool = True
    retries: Annotated[int, Field(ge=0, le=1)] = 1
    fallback: Annotated[str, AfterValidator(_json_object)] = ""
    """A JSON object that stands in for the result when the connector fails; empty: the turn fails."""
    side_effect: Literal["none", "reversible", "irreversible"] = "none"
    """What a call changes."""
    cache: CachePart = CachePart()
    scaffolding: tuple[Text, ...] = ()
    """Phrases that fill the wait for this connector; the general ones go on where a phrase would come twice running."""

    @property
    def changes_something(self) -> bool:
        """Whether a call may have a side effect."""
        return self.side_effect != "none" or not self.idempotent

    def json_schema(self) -> dict[str, object]:
        """Return the JSON Schema of the arguments, as language models want it."""
        properties = {
            name: {"type": parameter.type, "description": parameter.description}
            for name, parameter in self.parameters.items()
        }
        required = [name for name, parameter in self.parameters.items() if parameter.required]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
