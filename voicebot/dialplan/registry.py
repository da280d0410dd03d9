"""The dialplans in force: loaded as a whole, replaced as a whole, or left as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from voicebot.dialplan.loading import Rule, load_dialplan
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.routes import ROUTES_FILE, Routes, match, read_routes
from voicebot.dialplan.rules import nearest
from voicebot.dialplan.source import Fault, Mark, read_source


@dataclass(frozen=True, slots=True)
class Routed:
    """What a number leads to, by which rule of `routes.yaml`, and why."""

    dialplan: str
    rule: str
    why: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one reading of a folder found. It is usable when there are no faults."""

    policies: Mapping[str, Policy]
    routes: Routes
    faults: tuple[Fault, ...]


def load_folder(folder: Path, default: str = "", *more: Rule) -> Loaded:
    """Read every dialplan of a folder, under `more` rules than its own, and its routes.

    Never raises for what the files hold: see `Loaded.faults`.
    """
    if not folder.is_dir():
        message = "there is no such folder of dialplans"
        return _unusable(Fault(Mark(str(folder)), "", message, "create it or correct dialplans.path"))
    files = [file for file in sorted(folder.glob("*.yaml")) if file.name != ROUTES_FILE]
    names = [file.stem for file in files]
    if default and default not in names:
        message = f"there is no dialplan {default!r} to be the default"
        return _unusable(Fault(Mark(str(folder)), "", message, f"correct dialplans.default: {nearest(default, names)}"))
    policies: dict[str, Policy] = {}
    faults: list[Fault] = []
    for file in files:
        policy, wrong = load_dialplan(file, *more)
        faults += wrong
        if policy is not None:
            policies[policy.name] = policy
    routes, wrong = read_routes(read_source(folder / ROUTES_FILE), names)
    if routes is None:
        return _unusable(*faults, *wrong)
    return Loaded(policies, routes.model_copy(update={"default": default or routes.default}), tuple(faults))


def _unusable(*faults: Fault) -> Loaded:
    return Loaded({}, Routes(version=1), faults)


class Dialplans:
    """The registry. `route` may be called from any thread; a reload takes effect at once, for calls that start then."""

    def __init__(self, folder: Path, default: str, loaded: Loaded) -> None:
        """Use `load` instead."""
        self._folder = folder
        self._default = default
        self._loaded = loaded

    @classmethod
    def load(cls, folder: Path, default: str = "") -> tuple[Self | None, tuple[Fault, ...]]:
        """Read a folder; `default`, unless empty, takes the place of the default in its routes.

        Returns the registry, or None with every fault.
        """
        loaded = load_folder(folder, default)
        return (None, loaded.faults) if loaded.faults else (cls(folder, default, loaded), ())

    def policies(self) -> tuple[Policy, ...]:
        """Return the policies in force, in the order of their names."""
        return tuple(self._loaded.policies[name] for name in sorted(self._loaded.policies))

    def reload(self, prepare: Callable[[Iterable[Policy]], None] | None = None) -> tuple[Fault, ...]:
        """Read the folder again. With any fault nothing changes, and the faults are returned.

        `prepare` gets the new policies before the swap, so that no call waits for what they need; what it raises leaves
        the old ones in force too.
        """
        loaded = load_folder(self._folder, self._default)
        if loaded.faults:
            return loaded.faults
        if prepare is not None:
            prepare(tuple(loaded.policies.values()))
        self._loaded = loaded
        return ()

    def route(self, number: str) -> Routed | None:
        """Return what a call to `number`, which may be a SIP or tel URI, gets; None when no rule takes it."""
        loaded = self._loaded
        found = match(loaded.routes, number)
        if found is None:
            return None
        return Routed(found.dialplan, found.rule, found.why, loaded.policies[found.dialplan])
