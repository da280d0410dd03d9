"""A whole call in virtual time: the real core, speech detector, echo gate, recogniser, brain and playout ring.

`tick` moves 20 ms of audio each way. What takes time in a real call (a decode, a clause, a connector, the first sound
of a sentence) takes a fixed time here and is delivered in its order, to the millisecond. So a timeline is the same on
any machine and however busy it is, and minutes of calls pass in seconds. There are no threads.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from voicebot.asr.protocol import Heard
from voicebot.brain.protocol import Brain
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
    Note,
    OpenUtterance,
    PausePlayout,
    Prepare,
    Refer,
    ResumePlayout,
    Speak,
    StartBrain,
)
from voicebot.core.events import (
    FRAME_MS,
    CallAnswered,
    CallEnded,
    CallStarted,
    Category,
    DeadlineReached,
    DtmfEntered,
    EndCause,
    EngineFailed,
    Event,
    KeyPressed,
    Played,
    Role,
    SpeechRendered,
    ToolReturned,
    Transcribed,
)
from voicebot.core.policy import CallPolicy
from voicebot.dialplan.hours import WEEKDAYS
from voicebot.dialplan.policy import Policy
from voicebot.media.frames import FRAME_BYTES
from voicebot.media.playout import PlayoutRing, Popped
from voicebot.runtime.driver import PROGRESS_MS
from voicebot.runtime.hearing import Hearing, Recognised
from voicebot.runtime.inbox import Frame
from voicebot.safety.vault import Vault
from voicebot.testing.stepped_asr import Decoder, Latency, SteppedAsr
from voicebot.tts.framing import render
from voicebot.tts.protocol import TtsEngine


class Voice:
    """The bot's voice: each text is rendered once, however many calls say it."""

    def __init__(self, engine: TtsEngine) -> None:
        self.frames: Callable[[str], bytes] = functools.cache(functools.partial(render, engine))
        """Returns a text as whole frames of 640 bytes."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """What the parts take that are not stepped, in ms."""

    asr: Latency = field(default_factory=Latency)
    brain_ms: int = 2
    first_audio_ms: int = 90
    """From Speak to the first frame, for a text that is neither prepared nor one of the dialplan's own phrases."""
    tool_ms: int = 50


@dataclass(frozen=True, slots=True)
class Parts:
    """What calls share. `results` are the connectors' results by name, JSON objects as text.

    `rules` stand in for the dialplan's own, for those who try other times.
    """

    policy: Policy
    decoder: Decoder
    brain: Brain
    voice: Voice
    results: Mapping[str, str] = field(default_factory=dict)
    fetch: Callable[[CallTool], Event] | None = None
    """Asks a real connector, in place of `results`."""
    latencies: Latencies = field(default_factory=Latencies)
    rules: CallPolicy | None = None


class SteppedCall:
    """One call. `events` and `commands` hold all that happened, each with its time in ms."""

    def __init__(self, parts: Parts) -> None:
        self.now_ms = 0
        self.events: list[tuple[int, Event]] = []
        self.commands: list[tuple[int, Command]] = []
        rules = parts.rules or parts.policy.call
        self.state = call.begin(rules)
        self.ring = PlayoutRing()
        self._parts = parts
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        asr = SteppedAsr(parts.decoder, self, parts.latencies.asr)
        phrases = parts.policy.dialplan.asr.hints
        self._hearing = Hearing({"": asr}, rules.turn_taking, self.ring, self._recognised, phrases)
        self._vault = Vault(parts.policy.number_lengths)
        self._cached = frozenset(rules.own_phrases)
        self._prepared: tuple[str, int] = ("", 0)
        self._progress_due_ms = 0
        self._voice_due_ms = 0

    def start(self, at: datetime | None = None) -> None:
        """Let the call arrive and be answered, by default on a Friday at noon."""
        at = at or datetime.fromisoformat("2026-11-20T12:00:00-05:00")
        self._step(
            CallStarted(
                call_id="call-1",
                sip_call_id="sip-1",
                caller="caller",
                called="100",
                started_at=at.isoformat(),
                time_zone=self._parts.policy.dialplan.time_zone,
                weekday=WEEKDAYS[at.weekday()],
                open_now=self._parts.policy.hours.is_open(at),
                policy_hash=self._parts.policy.sha256,
            )
        )

    def tick(self, frame: bytes) -> bytes | None:
        """Take 20 ms from the caller (640 bytes), return 20 ms for the caller, None for silence."""
        end_ms = self.now_ms + FRAME_MS
        self._run_until(end_ms)
        edge = self._hearing.hear(Frame(frame, end_ms, self.ring.ticks))
        if edge is not None:
            self._step(edge)
        if end_ms >= self._progress_due_ms:
            self._report_progress()
        self._run_until(end_ms)
        return self.ring.pop()

    def press(self, keys: str) -> None:
        """Let the caller press keys."""
        for _ in keys:
            self._step(KeyPressed())
        self._step(DtmfEntered(self._vault.redact(keys)))

    def later(self, delay_ms: int, deliver: Callable[[], None]) -> None:
        """Call `deliver` when `delay_ms` more have passed."""
        heapq.heappush(self._due, (self.now_ms + delay_ms, next(self._order), deliver))

    def notes(self, mark: str) -> list[tuple[int, Note]]:
        """Return the core's notes of one kind, with their times."""
        return [(at_ms, note) for at_ms, note in self.commands if isinstance(note, Note) and note.mark == mark]

    def _run_until(self, end_ms: int) -> None:
        """Deliver what is due and fire deadlines up to `end_ms`, in their order."""
        while True:
            deadline_ms = call.next_deadline(self.state)
            event_ms = self._due[0][0] if self._due else None
            due_ms = min((at for at in (deadline_ms, event_ms) if at is not None), default=None)
            if due_ms is None or due_ms > end_ms:
                break
            self.now_ms = max(self.now_ms, due_ms)
            if event_ms is not None and event_ms == due_ms:
                heapq.heappop(self._due)[2]()
            else:
                self._step(DeadlineReached())
        self.now_ms = end_ms

    def _recognised(self, entry: Recognised) -> None:
        heard = entry.result
        if not isinstance(heard, Heard):
            self._step(EngineFailed(Role.ASR, entry.utterance, heard.category, heard.permanent))
            return
        confidence, finality = round(heard.confidence, 3), round(heard.finality, 2)
        text = self._vault.redact(heard.text)
        self._step(Transcribed(entry.utterance, heard.decode, text, confidence, finality))

    def _report_progress(self) -> None:
        played = {e.speech: e.first_frame + e.frames for e in self.ring.take_log() if isinstance(e, Popped)}
        for speech, frames in played.items():
            self._step(Played(speech, frames))
        self._progress_due_ms = self.now_ms + PROGRESS_MS

    def _step(self, event: Event) -> None:
        self.events.append((self.now_ms, event))
        self.state, commands = call.step(self.state, event, self.now_ms)
        for command in commands:
            self.commands.append((self.now_ms, command))
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:  # noqa: C901, PLR0912 - one arm a command, nothing else
        match command:
            case Answer():
                self.later(0, lambda: self._step(CallAnswered("PCMU")))
            case Hangup():
                self.later(0, lambda: self._step(CallEnded(EndCause.BOT_HUNG_UP, 0)))
            case OpenUtterance():
                self._hearing.open(command)
            case Decode():
                self._hearing.decode(command)
            case CloseUtterance():
                self._hearing.close()
            case StartBrain():
                self._parts.brain.start(command, self._post_after(self._parts.latencies.brain_ms))
            case CallTool():
                self._call_tool(command)
            case Speak():
                self._speak(command)
            case Prepare():
                self._prepared = command.text, self.now_ms + self._parts.latencies.first_audio_ms
            case PausePlayout():
                self.ring.pause()
            case ResumePlayout():
                self.ring.resume()
            case FlushPlayout():
                self.ring.flush(command.epoch)
                self._voice_due_ms = self._progress_due_ms = self.now_ms
            case CancelBrain() | CancelTool() | Refer() | Note():
                pass  # what a cancelled run still posts is for the core to ignore; nobody follows a REFER
            case _:
                assert_never(command)

    def _post_after(self, delay_ms: int) -> Callable[[Event], None]:
        return lambda event: self.later(delay_ms, lambda: self._step(event))

    def _call_tool(self, command: CallTool) -> None:
        if self._parts.fetch is None:
            event: Event = ToolReturned(command.call, self._parts.results.get(command.name, "{}"))
        else:
            event = self._parts.fetch(replace(command, arguments=self._vault.reveal(command.arguments)))
        if isinstance(event, ToolReturned):
            event = replace(event, result=self._vault.redact_json(event.result))
        self._post_after(self._parts.latencies.tool_ms)(event)

    def _speak(self, command: Speak) -> None:
        """Queue a text when its first sound is ready; one voice renders one text after another."""
        prepared, ready_ms = self._prepared
        if command.text in self._cached:
            ready_ms = self.now_ms
        elif command.text != prepared:
            ready_ms = self.now_ms + self._parts.latencies.first_audio_ms
        self._voice_due_ms = max(self.now_ms, ready_ms, self._voice_due_ms)
        self.later(self._voice_due_ms - self.now_ms, lambda: self._queue(command))

    def _queue(self, command: Speak) -> None:
        if self.ring.is_over(command.epoch):
            return
        audio = self._parts.voice.frames(command.text)
        accepted = self.ring.push(command.speech, command.epoch, audio)
        if accepted * FRAME_BYTES < len(audio):
            self._step(EngineFailed(Role.TTS, command.speech, Category.INTERNAL, permanent=False))
        self._step(SpeechRendered(command.speech, accepted, final=True))
        self._progress_due_ms = min(self._progress_due_ms, self.now_ms + PROGRESS_MS)
