"""The connectors of a dialplan: where facts are fetched and things are done, within which limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

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


def _query(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError:
        raise ValueError(f"{text!r} is not a JMESPath expression | write it as 'delivery.date'") from None
    return text


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://", "${")):
        raise ValueError(f"{text!r} is not a URL | write it as 'https://shop.example.com/orders/{{id}}'")
    return text


def _fallback(value: object) -> object:
    return {"result": _json_object(value)} if isinstance(value, str) else value


Query = Annotated[Text, AfterValidator(_query)]
JsonObject = Annotated[str, AfterValidator(_json_object)]
Status = Annotated[str, Field(pattern=r"^[1-5][0-9][0-9]$")]
Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Parameter(Part):
    """One argument of a connector."""

    type: Literal["string", "integer", "number", "boolean"] = "string"
    description: str = ""
    required: bool = True


class HttpPart(Part):
    """A request. `{NAME}` stands for an argument, escaped as the place wants it; `${NAME}` for the environment."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Annotated[str, AfterValidator(_url)]
    headers: Mapping[Header, str] = {}
    body: JsonValue = None
    """JSON with arguments in its texts; a text that is one argument alone becomes its value, or is left out."""
    outcomes: Mapping[Status, Name] = {}
    """Statuses that are answers, such as `404: not_found`."""
    result: Mapping[Name, Query] = {}
    """What becomes of the answer, each by its JMESPath expression; empty: the answer as it is."""


class McpPart(Part):
    """A tool of an MCP server: a program that is started, or a URL that speaks streamable HTTP."""

    tool: Text
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[Variable, str] = {}
    url: str = ""
    headers: Mapping[Header, str] = {}
    result: Mapping[Name, Query] = {}


class FallbackPart(Part):
    """What happens when a connector fails: one of these. A text alone is a `result`."""

    result: JsonObject = ""
    """A JSON object that stands in for the result."""
    connector: str = ""
    """Another connector that is asked the same."""
    answer: Annotated[str, AfterValidator(template)] = ""
    """What is said instead; holes may name the dialplan's knowledge."""
    handoff: Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]*)?$")] = ""
    """The reason for which a human takes over."""


class BreakerPart(Part):
    """When a connector that keeps failing is left alone for a while, judged over all calls of a worker."""

    failures: Annotated[int, Field(ge=1, le=100)] = 5
    """In a row."""
    reset_ms: Patience = 10_000
    """After this one call is let through to find out."""


class ConnectorPart(Part):
    """Where facts are fetched or things are done: by a Python function, over HTTP, or by an MCP tool."""

    entry: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] | None = None
    """`module:function`: JSON arguments in, a JSON object out."""
    http: HttpPart | None = None
    mcp: McpPart | None = None
    description: str = ""
    parameters: Mapping[Name, Parameter] = {}
    settings: Mapping[Name, str] = {}
    """Handed to the function as they are; `${NAME}` is resolved at each call and never stored."""
    soft_ms: Patience = 800
    """A call that takes longer is a budget violation, see `budgets.violation_limit`."""
    hard_ms: Patience = 3_000
    side_effect: SideEffect = SideEffect.NONE
    """What it changes in the world; anything but `none` is asked for before."""
    confirm: Annotated[str, AfterValidator(template)] = ""
    """The question for consent, over the arguments: `Shall I book {service} on {day}?`."""
    idempotent: bool | None = None
    """Whether the same call twice is as good as once; what changes nothing is. Others must know the idempotency key."""
    retries: Annotated[int, Field(ge=0, le=1)] | None = None
    """1 unless it is not idempotent."""
    breaker: BreakerPart = BreakerPart()
    concurrency: Annotated[int, Field(ge=1, le=16)] = 8
    """Calls at a time, over all phone calls of a worker."""
    fallback: Annotated[FallbackPart, BeforeValidator(_fallback, json_schema_input_type=JsonObject | FallbackPart)] = (
        FallbackPart()
    )
    """What happens when it fails. Without any, the brain is told that it did."""
    redact: tuple[Name, ...] = ()
    """Keys of arguments and results whose values are not written into the audit."""
    scaffolding: tuple[Text, ...] = ()
    """Phrases that fill the wait for this connector; the general ones go on where a phrase would come twice running."""

    @property
    def repeatable(self) -> bool:
        """Whether it may be called twice for the same thing."""
        return self.side_effect is SideEffect.NONE if self.idempotent is None else self.idempotent

    @property
    def tries_again(self) -> int:
        """How often a failed call is repeated."""
        return int(self.repeatable) if self.retries is None else self.retries

    def json_schema(self) -> dict[str, object]:
        """Return the JSON Schema of the arguments, as language models want it."""
        properties = {
            name: {"type": parameter.type, "description": parameter.description}
            for name, parameter in self.parameters.items()
        }
        required = [name for name, parameter in self.parameters.items() if parameter.required]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


class LookupPart(Part):
    """A connector that is called as the call begins, while it rings; brains know what it found from then on."""

    connector: Name
    arguments: Mapping[Name, str] = {}
    """`{caller}` stands for the caller's number."""
