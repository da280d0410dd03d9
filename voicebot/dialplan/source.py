"""YAML with a place for every key: what is wrong is told as `file:line:column: key: message (remedy)`.

The text is composed into nodes and converted here, not by the library's constructor, because a person who edits a file
wants all of its errors at once: the constructor stops at the first duplicate key and forgets where values came from.
Scalars follow YAML 1.2, so `no` and `09:00` stay strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]
Path_ = tuple[str | int, ...]

MAX_NODES: Final = 50_000
"""Nodes of one file after its aliases are followed: bounds what a file of nested aliases can cost."""

_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9][0-9_]*")


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file. Lines and columns count from 1; 0 stands for the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong, where, and what to do about it."""

    mark: Mark
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.mark}: {key}{self.message} ({self.remedy})"


@dataclass(slots=True)
class Source:
    """A YAML file as plain values.

    `keys` and `values` say where each stands, by its path from the top; a mapping or list stands where its key does.
    """

    file: str
    value: Value = None
    keys: dict[Path_, Mark] = field(default_factory=dict)
    values: dict[Path_, Mark] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def mark(self, path: Path_, *, of_key: bool = False) -> Mark:
        """Return where `path` stands, or the nearest thing around it that stands in the file."""
        while path:
            if of_key and path in self.keys:
                return self.keys[path]
            if path in self.values:
                return self.values[path]
            path = path[:-1]
        return Mark(self.file, 1, 1)

    def depth(self, path: Path_) -> int:
        """Return how much of `path` stands in this file."""
        return max((length for length in range(1, len(path) + 1) if path[:length] in self.values), default=0)

    def fault(self, path: Path_, message: str, remedy: str, *, of_key: bool = False) -> Fault:
        """Return a fault that stands at `path`."""
        return Fault(self.mark(path, of_key=of_key), dotted(path), message, remedy)


def dotted(path: Iterable[str | int]) -> str:
    """Write a path the way people say it: `intents.hours.examples[2]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_source(file: Path, shown: str | None = None) -> Source:
    """Read a YAML file. Never raises for what is in the file or for its absence: see `Source.faults`."""
    name = shown or str(file)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        fault = Fault(Mark(name), "", "the file does not exist", "create it or correct the path")
        return Source(name, faults=[fault])
    except UnicodeDecodeError:
        return Source(name, faults=[Fault(Mark(name), "", "the file is not UTF-8 text", "save it as UTF-8")])
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Source(name, faults=[Fault(Mark(name), "", f"cannot read it: {reason}", "make the file readable")])
    return parse_source(text, name)


def parse_source(text: str, file: str) -> Source:
    """Parse YAML text; `file` is the name that faults show."""
    source = Source(file)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        source.faults.append(_syntax_fault(error, text, file))
        return source
    except YAMLError:
        line, column, character = _first_control_character(text)
        message = f"the character U+{ord(character):04X} is not allowed in YAML"
        source.faults.append(Fault(Mark(file, line, column), "", message, "delete it"))
        return source
    if root is None:
        source.faults.append(Fault(Mark(file, 1, 1), "", "the file is empty", "write the settings into it"))
        return source
    _Conversion(source).run(root)
    return source


def _syntax_fault(error: MarkedYAMLError, text: str, file: str) -> Fault:
    problem = error.problem_mark or error.context_mark
    line, column = (problem.line + 1, problem.column + 1) if problem else (1, 1)
    message = str(error.problem or error.context or "the YAML cannot be parsed")
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    if "\\t" in message or "\t" in here[: len(here) - len(here.lstrip())]:
        return Fault(Mark(file, line, here.find("\t") + 1 or column), "", "a tab indents this line", "use spaces")
    remedies = {
        "mapping values are not allowed here": "quote a text that holds ': ', or correct the indentation",
        "found unexpected end of stream": "close the quotation mark",
        "but found another document": "keep one document in a file: delete the '---'",
    }
    remedy = next((text for start, text in remedies.items() if message.startswith(start)), "correct the YAML here")
    return Fault(Mark(file, line, column), "", message, remedy)


def _first_control_character(text: str) -> tuple[int, int, str]:
    for number, line in enumerate(text.split("\n"), start=1):
        for column, character in enumerate(line, start=1):
            if not character.isprintable() and character not in "\t\r":
                return number, column, character
    return 1, 1, "\0"


class _Conversion:
    """Turns nodes into values, keeping every place and every fault."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._open: set[int] = set()
        self._count = 0

    def run(self, root: Node) -> None:
        self._source.value = self._convert(root, ())

    def _fault(self, node: Node, path: Path_, message: str, remedy: str) -> None:
        self._source.faults.append(Fault(self._place(node), dotted(path), message, remedy))

    def _place(self, node: Node) -> Mark:
        return Mark(self._source.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _convert(self, node: Node, path: Path_) -> Value:
        self._count += 1
        self._source.values[path] = self._place(node)
        if self._count == MAX_NODES:
            self._fault(node, path, f"the file holds more than {MAX_NODES} values", "remove aliases or split the file")
        if self._count >= MAX_NODES:
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._fault(node, path, "an alias refers to what it is part of", "write the value out")
            return None
        self._open.add(id(node))
        value = self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return value

    def _sequence(self, node: Node, path: Path_) -> Value:
        return [self._convert(child, (*path, index)) for index, child in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: Path_) -> Value:
        mapping: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or str(key_node.tag) == _TAG + "merge":
                self._fault(key_node, path, "a key must be a plain word", "write the keys out one by one")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in mapping:
                first = self._source.keys[here]
                self._fault(key_node, here, f"the key is there twice, first in line {first.line}", "keep one of them")
                continue
            self._source.keys[here] = self._place(key_node)
            mapping[key] = self._convert(value_node, here)
            if not isinstance(value_node, ScalarNode):
                self._source.values[here] = self._source.keys[here]
        return mapping

    def _scalar(self, node: ScalarNode, path: Path_) -> Value:
        tag, text = str(node.tag).removeprefix(_TAG), str(node.value)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            return int(text.replace("_", ""), 10) if _INT.fullmatch(text) else int(text, 0)
        if tag == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        if tag not in {"str", "timestamp"}:
            self._fault(node, path, f"the tag {node.tag} is not known", "remove the tag")
        return text
