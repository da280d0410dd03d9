"""From arguments to a request, and from an answer to a result."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

import jmespath

from voicebot.core.events import Category
from voicebot.dialplan.policy import resolve
from voicebot.tools.contract import Arguments, ConnectorError, Result

_PLACE: Final = re.compile(r"(?<!\$)\{([a-z][a-z0-9_]*)\}")
_MISSING: Final = object()


def filled_url(template: str, arguments: Arguments) -> str:
    """Return a URL with arguments in it. Raises ConnectorError for one that would climb to another resource."""

    def fill(match: re.Match[str]) -> str:
        text = _text(arguments[match.group(1)])
        if text in {"", ".", ".."}:
            raise ConnectorError(Category.REJECTED, permanent=True, detail=f"{match.group(1)} cannot be in a URL")
        return quote(text, safe="")

    return _with_environment(template, fill)


def filled_body(template: object, arguments: Arguments) -> object:
    """Return JSON with arguments in its texts. A text that is one argument becomes its value, or is left out."""
    found = _filled(template, arguments)
    return None if found is _MISSING else found


def _filled(template: object, arguments: Arguments) -> object:
    match template:
        case str():
            whole = _PLACE.fullmatch(template)
            if whole is not None:
                return arguments.get(whole.group(1), _MISSING)
            return _with_environment(template, lambda place: _text(arguments.get(place.group(1), "")))
        case Mapping():
            inner = {key: _filled(value, arguments) for key, value in template.items()}
            return {key: value for key, value in inner.items() if value is not _MISSING}
        case list() | tuple():
            return [value for value in (_filled(one, arguments) for one in template) if value is not _MISSING]
        case _:
            return template


def _with_environment(template: str, fill: Callable[[re.Match[str]], str]) -> str:
    """Fill the places between the references to the environment: neither sees what the other put there."""
    parts, at = [], 0
    for match in _PLACE.finditer(template):
        parts += [resolve(template[at : match.start()]), fill(match)]
        at = match.end()
    return "".join((*parts, resolve(template[at:])))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Shape:
    """What a connector makes of an answer."""

    def __init__(self, queries: Mapping[str, str]) -> None:
        self._queries = {name: jmespath.compile(query) for name, query in queries.items()}

    def of(self, answer: object) -> Result:
        """Return the result. Raises ConnectorError for an answer that is no object where one is needed."""
        if self._queries:
            found = {name: query.search(answer) for name, query in self._queries.items()}
            return {name: value for name, value in found.items() if value is not None}
        if not isinstance(answer, dict):
            raise ConnectorError(Category.GARBAGE, permanent=False, detail="the answer is no JSON object")
        return answer
