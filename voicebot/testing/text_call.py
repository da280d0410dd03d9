"""A whole call in text and virtual time: the real core, brain and connectors, without audio.

Turns go in as a recogniser would give them, at a pause and for sure; what the bot says takes as long as its words do.
Brains and connectors may answer on threads of their own: they are waited for in real time and answer after a fixed
virtual one, so that the same scenario has the same timeline on any machine.
"""

from __future__ import annotations

import heapq
import itertools
import queue
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from voicebot.brain.protocol import Brain, BrainRun
from voicebot.core import call
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
    Layer,
    Note,
    OpenUtterance,
    PausePlayout,
    Prepare,
    Refer,
    ResumePlayout,
    Speak,
    StartBrain,
)
from voicebot.core.conversation import State
from voicebot.core.events import (
    FRAME_MS,
    Attempt,
    BrainFinished,
    CallAnswered,
    CallEnded,
    CallStarted,
    DeadlineReached,
    DtmfEntered,
    EndCause,
    EngineFailed,
    Event,
    KeyPressed,
    Played,
    SpeechPaused,
    SpeechRendered,
    SpeechStarted,
    ToolReturned,
    Transcribed,
    TransferReport,
    TransferReported,
)
from voicebot.core.mouth import State as MouthState
from voicebot.core.spoken_length import TRAILING_FRAMES, frames_of
from voicebot.dialplan.hours import WEEKDAYS
from voicebot.dialplan.policy import Policy
from voicebot.safety.vault import Vault
from voicebot.tools.protocol import Toolbox

ASR_MS, BRAIN_MS, TOOL_MS, FIRST_AUDIO_MS, THINKING_MS, REFER_MS = 60, 5, 50, 90, 400, 200
"""What the parts take, and how long the caller waits before speaking."""

REAL_LIMIT_S: Final = 20.0
"""How long a brain or a connector is waited for in real time."""

ACCEPTED, TRANSFERRED = 202, 200


class NoAnswer(Exception):
    """A brain or a connector did not end its work in time."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When the call is, in the zone of the business, and who calls."""

    at: datetime
    caller: str = "caller"


class TextCall:
    """One call. `commands` holds all that the core asked for, each with its time in ms."""

    def __init__(self, policy: Policy, toolbox: Toolbox, moment: Moment) -> None:
        self.now_ms = 0
        self.commands: list[tuple[int, Command]] = []
        self.ended = False
        self.state = call.begin(policy.call)
        self._policy = policy
        self._toolbox = toolbox
        self._moment = moment
        self._brain: Brain | None = None
        self._vault = Vault(policy.number_lengths)
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._runs: dict[Attempt, BrainRun] = {}
        self._text = ""
        self._voice_free_ms = 0
        self._flushed = 0

    def wall_clock(self) -> datetime:
        """Return the virtual time of the day, for a brain that asks."""
        return self._moment.at.fromtimestamp(self._moment.at.timestamp() + self.now_ms / 1000, self._moment.at.tzinfo)

    def start(self, brain: Brain) -> None:
        """Let the call arrive and be answered, and hear the greeting out."""
        self._brain = brain
        at = self._moment.at
        self._step(
            CallStarted(
                call_id="call-1",
                sip_call_id="simulated",
                caller=self._moment.caller,
                called=self._policy.name,
                started_at=at.isoformat(),
                time_zone=self._policy.dialplan.time_zone,
                weekday=WEEKDAYS[at.weekday()],
                open_now=self._policy.hours.is_open(at),
                policy_hash=self._policy.sha256,
            )
        )
        self.settle()

    def say(self, text: str) -> None:
        """Let the caller say something, and hear out what the bot has to say to it."""
        self._run_until(self.now_ms + THINKING_MS)
        self._text = text
        self._step(SpeechStarted(self.now_ms, resumed=False))
        self._run_until(self.now_ms + frames_of(text) * FRAME_MS)
        self._step(SpeechPaused(self.now_ms))
        self.settle()

    def press(self, keys: str) -> None:
        """Let the caller press keys."""
        self._run_until(self.now_ms + THINKING_MS)
        for _ in keys:
            self._step(KeyPressed())
        self._step(DtmfEntered(self._vault.redact(keys)))
        self.settle()

    def wait(self, seconds: float) -> None:
        """Let the caller say nothing, and hear out what the bot says meanwhile."""
        self._run_until(self.now_ms + round(seconds * 1000))
        self.settle()

    def said(self, since: int = 0) -> list[str]:
        """Return what the bot has said since a command's number, without what only fills a wait."""
        return [
            command.text
            for _, command in self.commands[since:]
            if isinstance(command, Speak) and command.layer is not Layer.SCAFFOLDING
        ]

    def settle(self) -> None:
        """Run until it is the caller's turn, or the call is over."""
        while not self.ended and not self._callers_turn():
            due_ms = self._next_ms()
            if due_ms is None:
                return
            self._run_until(due_ms)

    def _callers_turn(self) -> bool:
        quiet = self.state.mouth.state is MouthState.SILENT and not self._due
        return quiet and self.state.conversation.state is State.LISTENING and not self.state.ear.open

    def _next_ms(self) -> int | None:
        event_ms = self._due[0][0] if self._due else None
        deadline_ms = call.next_deadline(self.state)
        return min((at for at in (event_ms, deadline_ms) if at is not None), default=None)

    def _run_until(self, end_ms: int) -> None:
        """Deliver what is due and fire deadlines up to `end_ms`, in their order."""
        while not self.ended:
            due_ms = self._next_ms()
            if due_ms is None or due_ms > end_ms:
                break
            self.now_ms = max(self.now_ms, due_ms)
            if self._due and self._due[0][0] <= self.now_ms:
                heapq.heappop(self._due)[2]()
            else:
                self._step(DeadlineReached())
        self.now_ms = max(self.now_ms, end_ms)

    def _later(self, delay_ms: int, event: Event) -> None:
        deliver = (self.now_ms + delay_ms, next(self._order), lambda: self._step(event))
        heapq.heappush(self._due, deliver)

    def _step(self, event: Event) -> None:
        self.ended = self.ended or isinstance(event, CallEnded)
        self.state, commands = call.step(self.state, event, self.now_ms)
        for command in commands:
            self.commands.append((self.now_ms, command))
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:  # noqa: C901 - one arm a command, nothing else
        match command:
            case Answer():
                self._later(0, CallAnswered("PCMU"))
            case Hangup():
                self._later(0, CallEnded(EndCause.BOT_HUNG_UP, 0))
            case Decode():
                text = self._vault.redact(self._text)
                self._later(ASR_MS, Transcribed(command.utterance, command.decode, text, 0.95, 1.0))
            case StartBrain():
                self._start_brain(command)
            case CancelBrain():
                if command.attempt in self._runs:
                    self._runs[command.attempt].cancel()
            case CallTool():
                self._call_tool(command)
            case Speak():
                self._speak(command)
            case FlushPlayout():
                self._flushed, self._voice_free_ms = command.epoch, self.now_ms
            case Refer():
                self._later(REFER_MS, TransferReported(command.transfer, TransferReport.RESPONSE, ACCEPTED))
                self._later(REFER_MS * 2, TransferReported(command.transfer, TransferReport.NOTIFY, TRANSFERRED))
            case (
                OpenUtterance()
                | CloseUtterance()
                | CancelTool()
                | Prepare()
                | PausePlayout()
                | ResumePlayout()
                | Note()
            ):
                pass  # nobody hears audio here, and what is cancelled is over already
            case _:
                assert_never(command)

    def _start_brain(self, command: StartBrain) -> None:
        if self._brain is None:
            raise NoAnswer("the call was not started")
        posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._runs[command.attempt] = self._brain.start(command, posted.put)
        while True:
            event = _awaited(posted, "the brain")
            self._later(BRAIN_MS, event)
            if isinstance(event, BrainFinished | EngineFailed):
                return

    def _call_tool(self, command: CallTool) -> None:
        event = fetched(self._toolbox, replace(command, arguments=self._vault.reveal(command.arguments)))
        if isinstance(event, ToolReturned):
            event = replace(event, result=self._vault.redact_json(event.result))
        self._later(TOOL_MS, event)

    def _speak(self, command: Speak) -> None:
        """Say a text after what is being said; a flush later on drops it."""
        frames = frames_of(command.text) + TRAILING_FRAMES
        starts_ms = max(self.now_ms + FIRST_AUDIO_MS, self._voice_free_ms)
        self._voice_free_ms = starts_ms + frames * FRAME_MS
        for at_ms, event in (
            (starts_ms, SpeechRendered(command.speech, frames, final=True)),
            (self._voice_free_ms, Played(command.speech, frames)),
        ):
            heapq.heappush(self._due, (at_ms, next(self._order), self._heard(command.epoch, event)))

    def _heard(self, epoch: int, event: Event) -> Callable[[], None]:
        return lambda: None if epoch < self._flushed else self._step(event)


def fetched(toolbox: Toolbox, command: CallTool) -> Event:
    """Call a connector and wait for its result. Raises NoAnswer."""
    posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
    toolbox.start(command, REAL_LIMIT_S, posted.put)
    return _awaited(posted, f"the connector {command.name}")


def _awaited(posted: queue.SimpleQueue[Event], who: str) -> Event:
    try:
        return posted.get(timeout=REAL_LIMIT_S)
    except queue.Empty:
        raise NoAnswer(f"{who} has not answered for {REAL_LIMIT_S:.0f} s") from None
