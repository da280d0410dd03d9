"""The shells of one call: each command of the core, handed to whoever carries it out.

Nothing here waits. Results come back as entries of the call's inbox, from the engines' own threads.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from voicebot.asr.protocol import AsrEngine
from voicebot.brain.protocol import Brain, BrainRun
from voicebot.core.commands import (
    Answer,
    CallTool,
    CancelBrain,
    CancelTool,
    CloseUtterance,
    Command,
    Decode,
    FlushPlayout,
    Hangup,
    Note,
    OpenUtterance,
    PausePlayout,
    Prepare,
    Refer,
    ResumePlayout,
    Speak,
    StartBrain,
)
from voicebot.core.events import Attempt, EngineHealth, Event, Role, TransferReport, TransferReported
from voicebot.core.tooling import reads_only
from voicebot.dialplan.policy import Policy, SecretMissingError, resolve
from voicebot.journal.writer import CallJournal
from voicebot.media.playout import PlayoutRing
from voicebot.runtime.health import Health
from voicebot.runtime.hearing import Hearing, Recognised
from voicebot.runtime.inbox import CallClock
from voicebot.runtime.speaking import Speaking
from voicebot.safety.vault import Vault
from voicebot.store.records import AuditRecord
from voicebot.telemetry import metrics
from voicebot.tools.audit import outcome_of, redacted
from voicebot.tools.protocol import Toolbox, ToolResult, ToolRun
from voicebot.tts.diction import PLAIN, Diction
from voicebot.tts.speaker import Speaker

_LOG = logging.getLogger(__name__)

UNNAMED = "unnamed"
"""Stands in logs and metrics for an engine whose work nobody was waiting for any more."""


class LegControl(Protocol):
    """What a call asks of its SIP leg; thread-safe and never blocking."""

    def answer(self, leg: int) -> None:
        """Send the 200."""

    def hangup(self, leg: int, code: int = 0, reason: str = "") -> None:
        """End the leg."""

    def refer(self, leg: int, transfer: int, target: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Send REFER."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One call's own leg."""

    control: LegControl
    key: int

    def answer(self) -> None:
        """Send the 200."""
        self.control.answer(self.key)

    def hangup(self, code: int = 0, reason: str = "") -> None:
        """End it."""
        self.control.hangup(self.key, code, reason)

    def refer(self, transfer: int, target: str, headers: tuple[tuple[str, str], ...]) -> None:
        """Send REFER."""
        self.control.refer(self.key, transfer, target, headers)


@dataclass(frozen=True, slots=True)
class CallEngines:
    """A policy, and what its calls are conducted with; shared by them."""

    policy: Policy
    asr: Mapping[str, AsrEngine]
    """By name in the chain, the one to ask first before the others; likewise the other two."""
    brains: Mapping[str, Brain]
    speakers: Mapping[str, Speaker]
    toolbox: Toolbox
    health: Mapping[tuple[Role, str], Health]
    diction: Diction = PLAIN

    def sick(self) -> tuple[str, ...]:
        """Return the engines that are not well, as the core wants to hear of them."""
        return tuple(f"{role}:{name}" for (role, name), health in self.health.items() if not health.well)


@dataclass(frozen=True, slots=True)
class CallParts:
    """What belongs to one call alone. `post` puts an entry into its inbox, from any thread."""

    leg: Leg
    clock: CallClock
    vault: Vault
    journal: CallJournal
    post: Callable[[Event | Recognised], None]


class Shells:
    """Used on the call's driver thread only."""

    def __init__(self, parts: CallParts, engines: CallEngines) -> None:
        self.ring = PlayoutRing()
        dialplan = engines.policy.dialplan
        self.hearing = Hearing(engines.asr, engines.policy.call.turn_taking, self.ring, parts.post, dialplan.asr.hints)
        patience_s = engines.policy.call.budgets.tts_first_ms / 1000
        self.speaking = Speaking(self.ring, engines.speakers, patience_s, parts.journal, parts.post, engines.diction)
        self._leg = parts.leg
        self._clock = parts.clock
        self._vault = parts.vault
        self._post = parts.post
        self._engines = engines
        self._journal = parts.journal
        self._turn = 0
        self._runs: dict[Attempt, tuple[str, BrainRun]] = {}
        self._tools: dict[int, tuple[str, ToolRun]] = {}

    def carry_out(self, command: Command) -> None:  # noqa: C901, PLR0912 - one arm a command, nothing else
        """Hand a command to its shell."""
        match command:
            case Answer():
                self._leg.answer()
            case Hangup():
                self._leg.hangup()
            case OpenUtterance():
                self.hearing.open(command)
            case Decode():
                self.hearing.decode(command)
            case CloseUtterance():
                self.hearing.close()
            case StartBrain():
                self._start_brain(command)
            case CancelBrain():
                self._runs.pop(command.attempt)[1].cancel()
            case CallTool():
                self._call_tool(command)
            case CancelTool():
                self._cancel_tool(command)
            case Speak():
                self.speaking.speak(command)
            case Prepare():
                self.speaking.prepare(command)
            case PausePlayout():
                self.ring.pause()
            case ResumePlayout():
                self.ring.resume()
            case FlushPlayout():
                self.speaking.flush(command)
            case Refer():
                self._refer(command)
            case Note():
                self._count(command)
            case _:
                assert_never(command)

    def watch_health(self) -> None:
        """Let the core know when an engine falls ill or is well again, until the call is closed."""
        for (role, name), health in self._engines.health.items():
            health.watch(self, functools.partial(self._tell_health, role, name))

    def _tell_health(self, role: Role, name: str, well: bool) -> None:  # noqa: FBT001 - a listener's shape
        self._post(EngineHealth(role, name, well))

    def worked(self, role: Role, engine: str) -> None:
        """An engine has answered in good order."""
        health = self._engines.health.get((role, engine))
        if health is not None:
            health.worked()

    def brain_over(self, attempt: Attempt) -> None:
        """Forget a run that has ended by itself, in good order."""
        engine, _ = self._runs.pop(attempt, ("", None))
        self.worked(Role.BRAIN, engine)

    def tool_over(self, number: int, outcome: str) -> None:
        """Count how an attempt of a connector call ended."""
        name, _ = self._tools.get(number, ("unknown", None))
        metrics.tool_called(name, outcome)

    def close(self) -> None:
        """Stop whatever still works for this call."""
        for health in self._engines.health.values():
            health.unwatch(self)
        for _, run in self._runs.values():
            run.cancel()
        for name, tool in self._tools.values():
            if reads_only(self._engines.policy.call, name):  # what does something runs on, into the audit
                tool.cancel()
        self.hearing.close()
        self.speaking.close()

    def _start_brain(self, command: StartBrain) -> None:
        self._turn = command.turn
        run = self._engines.brains[command.engine].start(command, self._post)
        self._runs[command.attempt] = (command.engine, run)

    def _engine_failed(self, role: Role, engine: str, category: str) -> None:
        """Count a failure, and hold it against the engine if a call was waiting for it."""
        health = self._engines.health.get((role, engine))
        if health is not None:
            health.failed()
        metrics.engine_failed(role, engine or UNNAMED, category)
        _LOG.warning("engine failed", extra={"role": role, "engine": engine or UNNAMED, "category": category})

    def _call_tool(self, command: CallTool) -> None:
        seconds = max(0.0, (command.deadline_ms - self._clock.now_ms()) / 1000)
        revealed = replace(command, arguments=self._vault.reveal(command.arguments))
        run = self._engines.toolbox.start(revealed, seconds, self._audited(command))
        self._tools[command.call] = (command.name, run)

    def _audited(self, command: CallTool) -> Callable[[ToolResult], None]:
        """Return where a connector's results go, on its own thread: to the audit, and to the call."""
        part = self._engines.policy.dialplan.connectors.get(command.name)
        now_ms, turn, call_id = self._clock.now_ms(), self._turn, self._journal.call_id
        arguments = redacted(command.arguments, part.redact if part else ())

        def post(result: ToolResult) -> None:
            record = AuditRecord(
                call_id=call_id,
                turn=turn,
                connector=command.name,
                key=command.key,
                at_ms=now_ms,
                arguments=arguments,
                outcome=outcome_of(result),
                took_ms=self._clock.now_ms() - now_ms,
                side_effect=part.side_effect if part else "unknown",
            )
            self._journal.audit(record)
            self._post(result)

        return post

    def _cancel_tool(self, command: CancelTool) -> None:
        running = self._tools.get(command.call)
        if running is not None:
            running[1].cancel()

    def _refer(self, command: Refer) -> None:
        try:
            target = resolve(command.target)
            headers = tuple((name, resolve(value)) for name, value in command.headers)
        except SecretMissingError as error:
            _LOG.error("transfer cannot be sent", extra={"remedy": str(error)})
            self._post(TransferReported(command.transfer, TransferReport.RESPONSE, 500))
            return
        self._leg.refer(command.transfer, target, headers)

    def _count(self, note: Note) -> None:
        fields = dict(note.fields)
        if note.mark == "turn":
            self._turn = int(fields["number"])
        elif note.mark == "slow_connector":
            metrics.connector_slow(str(fields["name"]))
        elif note.mark == "engine_failed":
            self._engine_failed(Role(str(fields["role"])), str(fields.get("engine", "")), str(fields["category"]))
        elif note.mark == "switched":
            role, engine = str(fields["role"]), str(fields["engine"])
            metrics.engine_switched(role, engine)
            _LOG.warning("switched to another engine", extra={"role": role, "engine": engine})
        elif note.mark == "handoff_ended":
            metrics.transfer_ended(str(fields["outcome"]))
