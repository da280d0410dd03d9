"""Which engine of a role is asked: the first of its chain that is well and has not failed in this turn.

The chain of each role, in order, comes with the call. News of the engines' health comes from outside, what fails in a
turn is seen here; an engine that failed is not asked again in the same turn as long as there is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voicebot.core.events import CallStarted, EngineHealth, Role

Engine = tuple[Role, str]
"""A role and the name of an engine in its chain."""


@dataclass(frozen=True, slots=True)
class Failover:
    """The chains, and what is known against their engines."""

    asr: tuple[str, ...] = ("",)
    brain: tuple[str, ...] = ("",)
    tts: tuple[str, ...] = ("",)
    sick: tuple[Engine, ...] = ()
    failed: tuple[Engine, ...] = ()
    """In this turn."""

    def choose(self, role: Role) -> str:
        """Return the engine to ask. Where all have something against them, one that has not failed in this turn."""
        return self._best(role, self._chain(role))

    def fallback(self, role: Role, engine: str) -> str | None:
        """Return the engine to ask when `engine` fails now; None when each of the others has failed in this turn."""
        others = [name for name in self._chain(role) if name != engine and (role, name) not in self.failed]
        return self._best(role, others) if others else None

    def told(self, event: EngineHealth) -> Failover:
        """Take news of an engine's health."""
        engine = (event.role, event.engine)
        sick = tuple(known for known in self.sick if known != engine)
        return replace(self, sick=sick if event.well else (*sick, engine))

    def after(self, role: Role, engine: str) -> Failover:
        """Remember for this turn that an engine failed."""
        failed = tuple(known for known in self.failed if known != (role, engine))
        return replace(self, failed=(*failed, (role, engine)))

    def next_turn(self) -> Failover:
        """Forget what failed: in a new turn the first of the chain is asked again, unless it is sick."""
        return replace(self, failed=())

    def _chain(self, role: Role) -> tuple[str, ...]:
        return {Role.ASR: self.asr, Role.BRAIN: self.brain}.get(role, self.tts)

    def _best(self, role: Role, names: Sequence[str]) -> str:
        return min(names, key=lambda name: ((role, name) in self.failed, (role, name) in self.sick))


def begun(event: CallStarted) -> Failover:
    """Return what is known as a call begins."""
    pairs = (text.partition(":") for text in event.sick)
    sick = tuple((Role(role), name) for role, _, name in pairs)
    return Failover(event.asr, event.brain, event.tts, sick)
