"""From a file to a policy, or to every fault that is in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from voicebot.dialplan import connector_rules, flow_rules, harmless, prompts
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.rules import Finding, findings
from voicebot.dialplan.source import Fault, Path_, Source, Value, read_source
from voicebot.dialplan.validation import explain

INCLUDE = "include"

PYDANTIC_KEY = "[key]"
"""What pydantic adds to the path when the key of a mapping is wrong."""


Rule = Callable[[Dialplan], Iterable[Finding]]
"""Finds what is wrong with a dialplan whose values are each right by themselves."""


def load_dialplan(file: Path, *more: Rule) -> tuple[Policy | None, tuple[Fault, ...]]:
    """Read one dialplan, under its own rules and `more`.

    Returns its policy, or None with every fault, in the order of the lines.
    """
    sources = [read_source(file)]
    merged = _with_includes(file, sources)
    if merged is None:
        return None, tuple(sorted(fault for source in sources for fault in source.faults))
    marked = _Marks(sources)
    name = merged.setdefault("name", file.stem)
    if name != file.stem:
        return None, (marked.fault(("name",), "must be the file's name", f"write {file.stem!r} or leave it out"),)
    try:
        plan = Dialplan.model_validate_json(json.dumps(merged), strict=True)
    except ValidationError as error:
        told = (
            marked.fault(path, message, remedy, of_key=key) for path, message, remedy, key in explain(error, Dialplan)
        )
        return None, tuple(sorted(told))
    own: tuple[Rule, ...] = (findings, connector_rules.findings, flow_rules.findings, harmless.findings)
    rules = (*own, lambda plan: prompts.findings(plan, file.parent), *more)
    faults = tuple(sorted(marked.fault(*finding) for rule in rules for finding in rule(plan)))
    return (None, faults) if faults else (Policy.of(plan, file.parent), ())


def _with_includes(file: Path, sources: list[Source]) -> dict[str, Value] | None:
    """Return the file's values over those of the files that it includes; None when one of them cannot be used."""
    source = sources[0]
    if not isinstance(source.value, dict):
        if not source.faults:
            source.faults.append(source.fault((), "must be a mapping of keys", "begin with 'version: 1'"))
        return None
    values = dict(source.value)
    merged: dict[str, Value] = {}
    for included in _included(file, source, values.pop(INCLUDE, [])):
        if isinstance(included.value, dict) and INCLUDE not in included.value:
            merged = _overlaid(merged, included.value)
        elif not included.faults:
            message = "an included file must be a mapping of keys without an 'include' of its own"
            included.faults.append(included.fault((INCLUDE,), message, "include it from the dialplan", of_key=True))
        sources.append(included)
    if any(source.faults for source in sources):
        return None
    return _overlaid(merged, values)


def _included(file: Path, source: Source, names: Value) -> Iterator[Source]:
    if not isinstance(names, list):
        source.faults.append(source.fault((INCLUDE,), "must be a list of files", "write '- policies/budgets.yaml'"))
        return
    for index, name in enumerate(names):
        path = (INCLUDE, index)
        relative = PurePosixPath(str(name))
        if relative.is_absolute() or ".." in relative.parts:
            message = f"{str(name)!r} leaves the folder of the dialplans"
            source.faults.append(source.fault(path, message, "name a file below it"))
        elif not (file.parent / relative).is_file():
            message = f"there is no file {str(name)!r} beside this one"
            source.faults.append(source.fault(path, message, "create it or correct the name"))
        else:
            yield read_source(file.parent / relative)


def _overlaid(below: dict[str, Value], above: dict[str, Value]) -> dict[str, Value]:
    """Merge mappings key by key; anything else in `above` replaces what is below."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _overlaid(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


class _Marks:
    """Finds the file that a value came from: the dialplan itself, or the last file included that holds it."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = [sources[0], *reversed(sources[1:])]

    def fault(self, path: Path_, message: str, remedy: str, *, of_key: bool = False) -> Fault:
        plain = tuple(part for part in path if part != PYDANTIC_KEY)
        source = max(self._sources, key=lambda source: source.depth(plain))
        return source.fault(plain, message, remedy, of_key=of_key)
