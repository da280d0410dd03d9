"""What must hold of connectors and look-ups: one kind, known arguments, consent, fallbacks that lead somewhere."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Collection, Iterator
from typing import Final

from voicebot.core.policy import SideEffect
from voicebot.dialplan.connectors import ConnectorPart, FallbackPart, HttpPart, LookupPart, McpPart
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import SecretMissingError, resolve
from voicebot.dialplan.rules import Finding, nearest
from voicebot.dialplan.source import Path_
from voicebot.dialplan.templates import holes

PLACE: Final = re.compile(r"(?<!\$)\{([^{}]*)\}")
"""`{NAME}` in a URL or a body, but not `${NAME}`."""


def findings(plan: Dialplan) -> Iterator[Finding]:
    """Yield everything that is wrong with the connectors and look-ups of a dialplan."""
    for name, connector in plan.connectors.items():
        path: Path_ = ("connectors", name)
        yield from _kind(path, connector)
        yield from _limits(path, connector)
        yield from _consent(path, connector)
        yield from _fallback(plan, name, connector)
        yield from _secrets(path, connector)
        yield from _cache(plan, (*path, "cache"), connector)
    for name, lookup in plan.lookups.items():
        yield from _lookup(plan, ("lookups", name), lookup)


def _kind(path: Path_, connector: ConnectorPart) -> Iterator[Finding]:
    kinds = [kind for kind in ("entry", "http", "mcp") if getattr(connector, kind) is not None]
    if len(kinds) != 1:
        message = "a connector is one of 'entry', 'http' and 'mcp'" + (f", not {' and '.join(kinds)}" if kinds else "")
        yield path, message, "keep one of them" if kinds else "add 'http:' with its 'url'"
        return
    if connector.entry is not None:
        wrong = _unusable_entry(*connector.entry.split(":"))
        if wrong is not None:
            yield (*path, "entry"), *wrong
    if connector.settings and connector.entry is None:
        yield (*path, "settings"), "only a Python function has settings", "put them into the request"
    if connector.http is not None:
        yield from _http((*path, "http"), connector.http, connector)
    if connector.mcp is not None:
        yield from _mcp((*path, "mcp"), connector.mcp)


def _http(path: Path_, http: HttpPart, connector: ConnectorPart) -> Iterator[Finding]:
    for name in PLACE.findall(http.url):
        if name not in connector.parameters:
            message = f"{{{name}}}: the connector has no such parameter"
            yield (*path, "url"), message, nearest(name, connector.parameters)
        elif not connector.parameters[name].required:
            message = f"{{{name}}}: an optional parameter may have no value"
            yield (*path, "url"), message, "make it required or leave it out"
    if PLACE.search(http.url.partition("://")[2].partition("/")[0]):
        yield (*path, "url"), "an argument cannot choose the host", "put it behind the first '/'"
    if http.body is not None and http.method == "GET":
        yield (*path, "body"), "a GET request has no body", "use 'method: POST' or remove it"
    for text in _texts(http.body):
        for name in PLACE.findall(text):
            if name not in connector.parameters:
                message = f"{{{name}}}: the connector has no such parameter"
                yield (*path, "body"), message, nearest(name, connector.parameters)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case _:
            pass


def _mcp(path: Path_, mcp: McpPart) -> Iterator[Finding]:
    if bool(mcp.command) == bool(mcp.url):
        yield path, "an MCP server is a 'command' or a 'url'", "name one of them"
    elif mcp.url and (mcp.args or mcp.env):
        yield path, "'args' and 'env' belong to a command", "remove them"
    elif mcp.command and mcp.headers:
        yield (*path, "headers"), "a command has no headers", "remove them, or name a 'url'"


def _limits(path: Path_, connector: ConnectorPart) -> Iterator[Finding]:
    if "soft_ms" in connector.model_fields_set and connector.soft_ms > connector.hard_ms:
        yield (*path, "soft_ms"), "a call would be given up before it is a violation", "make it at most hard_ms"
    if connector.tries_again and not connector.repeatable:
        message = "a call that is not idempotent must not be repeated"
        yield (*path, "retries"), message, "make it 0, or say 'idempotent: true' if the service knows the key"
    if connector.idempotent is False and connector.side_effect is SideEffect.NONE:
        message = "what has no side effect is idempotent"
        yield (*path, "idempotent"), message, "add 'side_effect: reversible' or remove it"


def _consent(path: Path_, connector: ConnectorPart) -> Iterator[Finding]:
    if connector.side_effect is SideEffect.NONE:
        if connector.confirm:
            yield (*path, "confirm"), "only what has a side effect is asked for", "add 'side_effect:' or remove it"
        return
    if not connector.confirm.strip():
        message = f"a connector with the side effect {connector.side_effect.value!r} needs the caller's consent"
        yield (*path, "side_effect"), message, "add 'confirm:' with the question"
    for hole in holes(connector.confirm):
        known = connector.parameters.get(hole.path)
        if known is None:
            message = f"{{{hole.path}}}: the connector has no such parameter"
            yield (*path, "confirm"), message, nearest(hole.path, connector.parameters)
        elif not known.required:
            message = f"{{{hole.path}}}: an optional parameter may have no value"
            yield (*path, "confirm"), message, "make it required or leave it out"


def _fallback(plan: Dialplan, name: str, connector: ConnectorPart) -> Iterator[Finding]:
    path: Path_ = ("connectors", name, "fallback")
    fallback = connector.fallback
    said = [key for key in FallbackPart.model_fields if getattr(fallback, key)]
    if len(said) > 1:
        yield path, f"a fallback is one thing, not {' and '.join(said)}", "keep one of them"
    for hole in holes(fallback.answer):
        section, _, key = hole.path.partition(".")
        if key not in plan.knowledge.get(section, {}):
            message = f"{{{hole.path}}}: the knowledge does not hold it"
            yield (*path, "answer"), message, "write 'SECTION.KEY' as in 'knowledge:', or leave it out"
    if not fallback.connector:
        return
    path = (*path, "connector")
    other = plan.connectors.get(fallback.connector)
    if other is None:
        message = f"the connector {fallback.connector!r} is not declared"
        yield path, message, nearest(fallback.connector, plan.connectors)
    elif connector.side_effect is not SideEffect.NONE or other.side_effect is not SideEffect.NONE:
        yield path, "what has a side effect might be done twice", "use 'result', 'answer' or 'handoff'"
    elif fallback.connector in _before(plan, name):
        yield path, "the fallbacks lead round in a circle", "let one of them end otherwise"
    else:
        yield from _same_arguments(path, connector, other)


def _before(plan: Dialplan, name: str) -> Collection[str]:
    """Return the connectors whose fallbacks lead to `name`, and itself."""
    found = {name}
    while more := {one for one, part in plan.connectors.items() if part.fallback.connector in found} - found:
        found |= more
    return found


def _same_arguments(path: Path_, connector: ConnectorPart, other: ConnectorPart) -> Iterator[Finding]:
    for key, parameter in other.parameters.items():
        given = connector.parameters.get(key)
        if parameter.required and (given is None or not given.required):
            yield path, f"it needs the argument {key!r}, which this one does not always have", "make it required here"
    for key in connector.parameters:
        if key not in other.parameters:
            yield path, f"it has no parameter {key!r}", "add it there"


def _secrets(path: Path_, connector: ConnectorPart) -> Iterator[Finding]:
    places: list[tuple[Path_, str]] = [((*path, "settings", key), value) for key, value in connector.settings.items()]
    if (http := connector.http) is not None:
        places.append(((*path, "http", "url"), http.url))
        places += [((*path, "http", "headers", key), value) for key, value in http.headers.items()]
        places += [((*path, "http", "body"), text) for text in _texts(http.body)]
    if (mcp := connector.mcp) is not None:
        places += [((*path, "mcp", "url"), mcp.url), ((*path, "mcp", "command"), mcp.command)]
        places += [((*path, "mcp", "args", index), value) for index, value in enumerate(mcp.args)]
        places += [((*path, "mcp", "env", key), value) for key, value in mcp.env.items()]
        places += [((*path, "mcp", "headers", key), value) for key, value in mcp.headers.items()]
    for place, text in places:
        try:
            resolve(text, os.environ)
        except SecretMissingError as error:
            message, _, remedy = str(error).partition(" (")
            yield place, message, remedy.rstrip(")")


def _lookup(plan: Dialplan, path: Path_, lookup: LookupPart) -> Iterator[Finding]:
    connector = plan.connectors.get(lookup.connector)
    if connector is None:
        message = f"the connector {lookup.connector!r} is not declared"
        yield (*path, "connector"), message, nearest(lookup.connector, plan.connectors)
        return
    if connector.side_effect is not SideEffect.NONE:
        message = "nobody has agreed to a side effect as the call begins"
        yield (*path, "connector"), message, "name a connector that only reads"
    for key, text in lookup.arguments.items():
        if key not in connector.parameters:
            message = f"the connector {lookup.connector!r} has no parameter {key!r}"
            yield (*path, "arguments", key), message, nearest(key, connector.parameters)
        for name in PLACE.findall(text):
            if name != "caller":
                message = f"{{{name}}}: only the caller's number is known as the call begins"
                yield (*path, "arguments", key), message, "write '{caller}'"
    for key, parameter in connector.parameters.items():
        if parameter.required and key not in lookup.arguments:
            message = f"the connector {lookup.connector!r} needs the argument {key!r}"
            yield (*path, "connector"), message, f"add 'arguments: {{{key}: ...}}'"


def _cache(plan: Dialplan, path: Path_, connector: ConnectorPart) -> Iterator[Finding]:
    cache = connector.cache
    if cache.ttl_s and connector.changes_something:
        yield (*path, "ttl_s"), "results of a connector with side effects are not kept", "remove it"
    elif cache.ttl_s and cache.sensitivity == "secret":
        yield (*path, "ttl_s"), "what is secret is not kept", "add 'sensitivity: personal' or 'public', or remove it"
    elif cache.ttl_s and not cache.outcomes:
        yield (*path, "ttl_s"), "no outcome may be kept", "list them as 'outcomes: [shipped]'; [default] for none"
    if cache.invalidates and not connector.changes_something:
        yield (*path, "invalidates"), "a connector without side effects makes nothing untrue", "remove it"
    for index, other in enumerate(cache.invalidates):
        if other not in plan.connectors:
            remedy = nearest(other, plan.connectors)
            yield (*path, "invalidates", index), f"the connector {other!r} is not declared", remedy


def _unusable_entry(module: str, function: str) -> tuple[str, str] | None:
    """Return what is wrong with a connector's function, and the remedy; None when it can be called."""
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as error:
        missing = error.name or module
        needed = "" if missing == module or module.startswith(f"{missing}.") else f", which {module!r} needs"
        return f"there is no module {missing!r}{needed}", "install it or correct the name"
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything while it is imported
        return f"the module {module!r} cannot be imported: {error!r}", "mend it"
    if found is None:
        return f"the module {module!r} has no {function!r}", "correct the name"
    return None if callable(found) else (f"{function!r} in {module!r} is not a function", "name one")
