"""What the playbook knows of a call between two runs. It travels through the core as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError


class Said(BaseModel):
    """One clause as it was said, with its evidence, so that it can be said again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    evidence: tuple[str, ...]


class Memory(BaseModel):
    """`intent` is under way, or was the last one; `asking` names the slot that the caller was asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    intent: str = ""
    slots: Mapping[str, str] = {}
    """In the order in which they were filled."""
    asking: str = ""
    confirming: str = ""
    """The slot whose value was read back."""
    confirmed: tuple[str, ...] = ()
    """Slots whose values the caller agreed to."""
    wished: bool = False
    """Whether the intent's connector was wanted. Memory that comes back with a turn: it was not called."""
    declined: bool = False
    """Whether the caller said no to it, and has not said yet what else."""
    offering: str = ""
    """The slot whose offers are being looked up."""
    offered_for: str = ""
    """The arguments, as JSON, that `offered` holds for."""
    offered: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    """Those that were told."""
    partial: str = ""
    tries: int = 0
    said: tuple[Said, ...] = ()
    held: Mapping[str, str] = {}
    """Slots that need not be asked for any more in this call."""
    suspended: Memory | None = None
    """What the caller digressed from; at most one thing."""

    @property
    def open(self) -> bool:
        """Whether something is to be answered, or was declined and may yet be changed."""
        return bool(self.asking or self.confirming or self.wished)

    def but(self, **changes: object) -> Self:
        """Return the memory with some of it changed."""
        return self.model_copy(update=changes)

    def closed(self) -> Self:
        """Return it without an open question."""
        return self.but(asking="", confirming="", wished=False, declined=False, offering="", partial="", tries=0)

    def fresh(self, intent: str = "") -> Memory:
        """Return a memory with another intent, of which nothing is known but what holds for the whole call."""
        return Memory(intent=intent, said=self.said, held=self.held, suspended=self.suspended)


def remember(memory: Memory) -> str:
    """Write a memory as JSON: the same memory gives the same bytes."""
    return memory.model_dump_json(exclude_defaults=True)


def recall(text: str) -> Memory:
    """Read what `remember` wrote. Anything else, such as the memory of another brain, is forgotten."""
    try:
        return Memory.model_validate_json(text) if text else Memory()
    except ValidationError:
        return Memory()
