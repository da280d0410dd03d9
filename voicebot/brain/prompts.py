"""What a language model is told of a dialplan: parts that are the same bytes in every call of a policy.

A server keeps what it has computed for a prompt's beginning, so everything of the moment comes elsewhere (`messages`).
Assembled prompts are kept by tenant and policy hash; the cache is bounded and counted.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from voicebot.brain.messages import ToolSpec
from voicebot.cache.shelf import Kind, Outcome
from voicebot.cache.tally import Tally
from voicebot.core.commands import StartBrain
from voicebot.core.policy import SideEffect
from voicebot.dialplan.hours import spoken_openings, spoken_week
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.templates import render

MANNERS: Final = (
    "You are on the telephone. Everything you write is spoken aloud: use short plain sentences, no lists, no markup, no"
    " links. Say nothing as a fact that you were not told here or by a tool. When you cannot help, hand the caller to a"
    " human."
)
"""Stands before a dialplan's own instructions."""

CONSENT: Final = (
    "Never ask the caller to confirm before you use a tool, and never say that something is done before a tool has said"
    " so: the caller is asked for you, and you are told when there was no yes."
)
"""Stands behind them where a tool does something."""

ANYTHING_ELSE: Final = "Shall I go ahead?"
"""Asked before a connector whose own question cannot be filled in."""

CAPACITY: Final = 64
"""Prompts that are kept; the one that was not used for the longest time makes room."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The parts in their order, and the tools. `text` is all of the parts."""

    parts: tuple[tuple[str, str], ...]
    tools: tuple[ToolSpec, ...]

    @property
    def text(self) -> str:
        """The system prompt."""
        return "\n\n".join(part for _, part in self.parts)


def assemble(policy: Policy) -> Prompt:
    """Write the prompt of a dialplan."""
    plan = policy.dialplan
    acts = any(part.side_effect is not SideEffect.NONE for part in plan.connectors.values())
    parts = (
        ("manners", MANNERS),
        ("instructions", plan.brain.instructions),
        ("consent", CONSENT if acts else ""),
        ("knowledge", _knowledge(policy)),
        ("hours", _hours(policy)),
    )
    tools = tuple(ToolSpec(name, part.description, part.json_schema()) for name, part in plan.connectors.items())
    return Prompt(tuple((name, text) for name, text in parts if text), tools)


class PromptCache:
    """Prompts by tenant and policy hash. Thread-safe; `tally` counts its use."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.tally = Tally()
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], Prompt] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, policy: Policy) -> Prompt:
        """Return the prompt of a policy."""
        key = (policy.dialplan.tenant, policy.sha256)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._count(policy, Outcome.HIT)
                self._kept.move_to_end(key)
                return kept
            self._count(policy, Outcome.MISS)
            prompt = self._kept[key] = assemble(policy)
            while len(self._kept) > self._capacity:
                (tenant, _), _ = self._kept.popitem(last=False)
                self.tally.count(Kind.PROMPT, tenant, Outcome.EVICTED)
            return prompt

    def held(self) -> Mapping[str, tuple[int, int]]:
        """Return the prompts of each tenant and their length in bytes."""
        found: dict[str, tuple[int, int]] = {}
        with self._lock:
            for (tenant, _), prompt in self._kept.items():
                count, size = found.get(tenant, (0, 0))
                found[tenant] = (count + 1, size + len(prompt.text.encode()))
        return found

    def clear(self, tenant: str | None = None) -> int:
        """Forget those of a tenant, or all; return how many."""
        with self._lock:
            gone = [key for key in self._kept if tenant in {None, key[0]}]
            for key in gone:
                del self._kept[key]
        return len(gone)

    def _count(self, policy: Policy, outcome: Outcome) -> None:
        self.tally.count(Kind.PROMPT, policy.dialplan.tenant, outcome)


PROMPTS: Final = PromptCache()
"""The prompts of this process."""


def moment(policy: Policy, clock: Callable[[], datetime] | None = None) -> Callable[[StartBrain], str]:
    """Return what tells a model of the time and of what was looked up as the call began."""
    zone = policy.dialplan.zone

    def tell(request: StartBrain) -> str:
        now = clock() if clock is not None else datetime.now(zone)
        openings = spoken_openings(policy.hours.on(now.date()))
        told = f"It is {now:%A}, {now.date().isoformat()}, {now:%H:%M}. Hours today: {openings}."
        known = "".join(f" Looked up for this call, {name}: {result}." for name, result in request.known)
        return told + known

    return tell


def confirmation(policy: Policy) -> Callable[[str, str], str]:
    """Return what asks the caller before a connector with a side effect is called; empty for the others."""
    plan = policy.dialplan

    def question(name: str, arguments: str) -> str:
        part = plan.connectors.get(name)
        if part is None or part.side_effect is SideEffect.NONE:
            return ""
        values = {key: value for key, value in json.loads(arguments).items() if isinstance(value, str | int | float)}
        try:
            return render(part.confirm, values, plan.currency) or ANYTHING_ELSE
        except (KeyError, ValueError):
            return ANYTHING_ELSE

    return question


def _knowledge(policy: Policy) -> str:
    facts = policy.dialplan.model_dump(mode="json", include={"time_zone", "currency", "knowledge"})
    return f"What you know, as JSON: {json.dumps(facts, separators=(',', ':'))}"


def _hours(policy: Policy) -> str:
    """Write the opening hours with what is noted of the days and the dates that differ."""
    hours = policy.hours
    if not any(day.openings for day in hours.week.values()) and not hours.exceptions:
        return ""
    lines = [f"Opening hours: {spoken_week(hours)}."]
    lines += [f"On {day.capitalize()}: {each.note}" for day, each in hours.week.items() if each.note]
    for on, each in hours.exceptions.items():
        name = f" ({each.names[0]})" if each.names else ""
        lines.append(f"On {on.isoformat()}{name}: {spoken_openings(each)}. {each.note}".strip())
    return "\n".join(lines)
