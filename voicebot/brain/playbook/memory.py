"""What the playbook knows of a call between two runs. It travels through the core as JSON."""

from __future__ import annotations

from collections.abc import Mapping

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
    asking: str = ""
    partial: str = ""
    tries: int = 0
    said: tuple[Said, ...] = ()


def remember(memory: Memory) -> str:
    """Write a memory as JSON: the same memory gives the same bytes."""
    return memory.model_dump_json(exclude_defaults=True)


def recall(text: str) -> Memory:
    """Read what `remember` wrote. Anything else, such as the memory of another brain, is forgotten."""
    try:
        return Memory.model_validate_json(text) if text else Memory()
    except ValidationError:
        return Memory()
