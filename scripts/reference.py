"""Render a JSON Schema, as pydantic writes it, as a reference in Markdown.

One section for each object, headed by the path of keys that leads to it; one row for each key: the values it takes, its
default and its meaning. A list's items are written `key[]`, a mapping's values `key.NAME`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

Schema = dict[str, Any]

CELL = 100
"""Characters of a default that still fit a table."""


WORDS = {
    "boolean": "`true`, `false`",
    "integer": "integer",
    "null": "nothing",
    "number": "number",
    "string": "text",
}


class Section(NamedTuple):
    """An object of the schema, and where it stands."""

    path: str
    schema: Schema


def _resolve(schema: Schema, root: Schema) -> Schema:
    """Follow a reference to its definition; what stands beside the reference wins."""
    if "$ref" not in schema:
        return schema
    definition: Schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    return {**_resolve(definition, root), **{key: value for key, value in schema.items() if key != "$ref"}}


def _options(schema: Schema, root: Schema) -> list[Schema]:
    """Resolve a schema into its alternatives: itself, when it has none."""
    schema = _resolve(schema, root)
    alternatives = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return [_resolve(alternative, root) for alternative in alternatives]


def _bounds(schema: Schema) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f" {low}..{high}"
    if low is not None:
        return f" from {low}"
    return f" up to {high}" if high is not None else ""


def _scalar(schema: Schema) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "")
    return f"{WORDS.get(kind, 'anything')}{_bounds(schema)}"


def _items(schema: Schema) -> Schema | None:
    """Give the schema of a list's items, or of a mapping's values."""
    patterns = schema.get("patternProperties", {})
    inner = schema.get("items", schema.get("additionalProperties") or next(iter(patterns.values()), None))
    return inner if isinstance(inner, dict) else None


def _values(schema: Schema, root: Schema, path: str) -> str:
    """Say which values a key takes, in a few words."""
    found = []
    for option in _options(schema, root):
        inner = _items(option)
        if option.get("properties"):
            found.append(f"[section](#{anchor(path)})")
        elif option.get("type") == "array":
            found.append(f"list of {_values(inner, root, path + '[]')}" if inner else "list")
        elif option.get("type") == "object":
            found.append(f"mapping to {_values(inner, root, path + '.NAME')}" if inner else "mapping")
        else:
            found.append(_scalar(option))
    return " or ".join(dict.fromkeys(found))


def anchor(path: str) -> str:
    """Give the anchor that Markdown renderers make of a section's heading."""
    return "".join(letter for letter in path.lower() if letter.isalnum() or letter in "_-")


def _default(schema: Schema, *, required: bool) -> str:
    if required:
        return "required"
    default = schema.get("default")
    if default in (None, "", [], {}):
        return ""
    if isinstance(default, dict):
        return "as in its section"
    text = json.dumps(default, ensure_ascii=False)
    return f"`{text}`" if len(text) <= CELL else f"`{text[:CELL]}...`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(section: Section, root: Schema) -> str:
    required = set(section.schema.get("required", ()))
    rows = ["| key | values | default | meaning |", "|---|---|---|---|"]
    for key, raw in section.schema["properties"].items():
        path = f"{section.path}.{key}" if section.path else key
        meaning = raw.get("description") or _resolve(raw, root).get("description", "")
        default = _default(raw, required=key in required)
        rows.append(f"| `{key}` | {_cell(_values(raw, root, path))} | {_cell(default)} | {_cell(meaning)} |")
    return "\n".join(rows)


def _inner(schema: Schema, root: Schema, path: str, above: tuple[str, ...]) -> Iterator[Section]:
    """Yield the objects inside a key's schema, outermost first. A type inside itself is described once."""
    for option in _options(schema, root):
        inner = _items(option)
        if option.get("properties") and option.get("title") not in above:
            yield from _sections(Section(path, option), root, above)
        elif inner is not None:
            suffix = "[]" if option.get("type") == "array" else ".NAME"
            yield from _inner(inner, root, path + suffix, above)


def _sections(section: Section, root: Schema, above: tuple[str, ...] = ()) -> Iterator[Section]:
    yield section
    within = (*above, section.schema.get("title", ""))
    for key, schema in section.schema["properties"].items():
        yield from _inner(schema, root, f"{section.path}.{key}" if section.path else key, within)


def reference(root: Schema) -> str:
    """Render every section of a schema whose root is an object."""
    parts: list[str] = []
    for section in _sections(Section("", root), root):
        heading = f"## {section.path}" if section.path else ""
        parts += [heading, _cell(section.schema.get("description", "")), _table(section, root)]
    return "\n\n".join(part for part in parts if part) + "\n"
