"""The driver: one thread a call, the only one that steps its core.

Everything that happens to the call comes through the inbox in one order. Each entry becomes at most one event, is
stepped and journalled, and the commands that it gives are handed to shells, which never wait. The thread sleeps until
the next entry or the core's next deadline.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from handoff.machine import Outcome
from voicebot.asr.protocol import Heard
from voicebot.core import call
from voicebot.core.commands import FlushPlayout, Hangup, ResumePlayout, Speak
from voicebot.core.events import (
    BrainFinished,
    CallAnswered,
    CallEnded,
    CallStarted,
    DeadlineReached,
    DrainOrdered,
    DtmfEntered,
    EndCause,
    EngineFailed,
    Event,
    KeyPressed,
    MediaChanged,
    MediaState,
    Role,
    SpeechRendered,
    ToolFailed,
    ToolReturned,
    Transcribed,
)
from voicebot.dialplan.hours import WEEKDAYS
from voicebot.journal.recording import Ending
from voicebot.journal.writer import JournalWriter
from voicebot.runtime.hearing import Recognised
from voicebot.runtime.inbox import CallClock, Frame, Inbox
from voicebot.runtime.recorder import Recorder
from voicebot.runtime.shells import CallEngines, CallParts, Leg, LegControl, Shells
from voicebot.runtime.tape import Tape
from voicebot.safety.dtmf import DtmfRun
from voicebot.safety.vault import Vault
from voicebot.sip.legs import DtmfDigit, FrameSink, FrameSource, IncomingCall
from voicebot.telemetry import metrics

_LOG = logging.getLogger(__name__)

PROGRESS_MS = 60
"""How often what was played is reported while the bot speaks."""

IDLE_MS = 250
"""Longest sleep of a driver."""

HANGUP_GRACE_MS = 5_000
"""After this the call is given up even if the SIP side never confirms its end."""

Entry = Event | Recognised | DtmfDigit


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker lends to its calls. `on_over` is called on the call's thread when its record is complete."""

    legs: LegControl
    journals: JournalWriter
    recorder: Recorder
    on_over: Callable[[CallDriver], None]


class CallDriver:
    """One call from INVITE to its record. It owns the SIP leg's audio and news (`LegOwner`)."""

    def __init__(self, call_id: str, incoming: IncomingCall, engines: CallEngines, surroundings: Surroundings) -> None:
        policy = engines.policy
        self.call_id = call_id
        self._leg = Leg(surroundings.legs, incoming.leg)
        self._on_over = surroundings.on_over
        self._clock = CallClock()
        self._inbox: Inbox[Entry] = Inbox(self._clock)
        lengths = policy.number_lengths
        self._vault = Vault(lengths)
        self._dtmf = DtmfRun(self._vault, lengths, policy.call.dtmf)
        self._started = _opening(call_id, incoming, engines)
        self._journal = surroundings.journals.open(self._started, policy.dialplan.tenant, policy.to_json())
        parts = CallParts(self._leg, self._clock, self._vault, self._journal, self._inbox.post)
        self._shells = Shells(parts, engines)
        self._inbox.follow(self._shells.ring)
        self._recorder = surroundings.recorder
        self._tape: Tape | None = None
        if policy.dialplan.recording.enabled:
            self._tape = Tape(self._inbox, self._shells.ring, self._clock.now_ms)
        self._state = call.begin(policy.call)
        self._seq = 0
        self._progress_due_ms = 0
        self._gone_due_ms: int | None = None
        self._cause = EndCause.ERROR
        self._ordered = EndCause.BOT_HUNG_UP
        """What our own hangup is for."""
        self._drain_limit_ms: int | None = None
        self._line_lost = False
        self._thread = threading.Thread(target=self._run, name=f"call-{incoming.leg}", daemon=True)

    @property
    def frames(self) -> FrameSink:
        """Where the caller's audio goes."""
        return self._tape or self._inbox

    @property
    def playout(self) -> FrameSource:
        """Where the bot's audio comes from."""
        return self._tape or self._shells.ring

    def post(self, news: Entry) -> None:
        """Take news of the SIP leg."""
        if self._tape is not None and isinstance(news, CallAnswered):
            self._recorder.begin(self._tape, self.call_id, self._started.started_at)
        self._inbox.post(news, always=isinstance(news, CallEnded))

    def start(self) -> None:
        """Begin to conduct the call."""
        metrics.call_started()
        self._shells.watch_health()
        self._thread.start()

    def drain(self, limit_s: float) -> None:
        """Let the call finish within `limit_s`."""
        self._inbox.post(DrainOrdered(self._clock.now_ms() + int(limit_s * 1000)), always=True)

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the call; tell whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._step(self._started)
            while not self._state.ended:
                self._turn()
        except Exception:  # noqa: BLE001 - the thread's root: one call's failure is never another's
            _LOG.exception("call failed", extra={"call_id": self.call_id})
            self._leg.hangup(500, "Server Internal Error")
        finally:
            self._finish()

    def _turn(self) -> None:
        """Wait for one entry and deal with it, then with every deadline that has passed."""
        entry = self._inbox.take((self._wake_ms() - self._clock.now_ms()) / 1000)
        if isinstance(entry, Frame):
            edge = self._shells.hearing.hear(entry)
            if edge is not None:
                self._step(edge)
        elif entry is not None:
            self._take(entry)
        now_ms = self._clock.now_ms()
        self._dtmf.asked(self._state.conversation.wanted_keys, now_ms)
        digits = self._dtmf.take(now_ms)
        if digits:
            self._step(DtmfEntered(digits))
        if now_ms >= self._progress_due_ms:
            self._report_progress()
        due_ms = call.next_deadline(self._state)
        if due_ms is not None and due_ms <= now_ms:
            self._step(DeadlineReached())
        if self._gone_due_ms is not None and now_ms >= self._gone_due_ms and not self._state.ended:
            self._step(CallEnded(EndCause.ERROR, 0))

    def _wake_ms(self) -> int:
        dues = (call.next_deadline(self._state), self._dtmf.due_ms, self._progress_due_ms, self._gone_due_ms)
        return min(due for due in dues if due is not None)

    def _report_progress(self) -> None:
        now_ms = self._clock.now_ms()
        for played in self._shells.speaking.progress(now_ms):
            self._step(played)
        self._progress_due_ms = now_ms + (PROGRESS_MS if self._shells.ring.queued else IDLE_MS)

    def _take(self, entry: Entry) -> None:
        """Turn an entry into an event; text is redacted on the way."""
        match entry:
            case Recognised():
                self._recognised(entry)
            case DtmfDigit():
                talk = self._state.conversation
                self._dtmf.digit(entry.digit, self._clock.now_ms(), talk.wanted_keys, at_menu=talk.at_menu)
                self._step(KeyPressed())
            case ToolReturned():
                self._shells.tool_over(entry.call, "returned")
                self._step(ToolReturned(entry.call, self._vault.redact_json(entry.result)))
            case ToolFailed():
                self._shells.tool_over(entry.call, entry.category)
                self._step(entry)
            case MediaChanged():
                self._line_lost = entry.media is MediaState.LOST
                self._step(entry)
            case DrainOrdered():
                self._drain_limit_ms = entry.limit_ms
                self._step(entry)
            case BrainFinished():
                self._shells.brain_over(entry)
                self._step(entry)
            case SpeechRendered(final=True):
                self._shells.speaking.go_on()
                self._step(entry)
            case CallEnded():
                self._cause = self._ordered if entry.cause is EndCause.BOT_HUNG_UP else entry.cause
                self._report_progress()
                self._step(CallEnded(self._cause, entry.code))
            case _:
                self._step(entry)

    def _recognised(self, entry: Recognised) -> None:
        result = entry.result
        if isinstance(result, Heard):
            text = self._vault.redact(result.text)
            confidence, finality = round(result.confidence, 3), round(result.finality, 2)
            if result.decode:
                self._shells.worked(Role.ASR, entry.engine)
            self._step(Transcribed(entry.utterance, result.decode, text, confidence, finality))
        else:
            failed = EngineFailed(Role.ASR, entry.utterance, result.category, result.permanent, entry.engine)
            self._step(failed)

    def _step(self, event: Event) -> None:
        """The one place where the core is stepped."""
        now_ms = self._clock.now_ms()
        self._seq += 1
        self._state, commands = call.step(self._state, event, now_ms)
        self._journal.step(self._seq, now_ms, event, commands)
        for command in commands:
            self._shells.carry_out(command)
            if isinstance(command, Speak | ResumePlayout):
                self._progress_due_ms = min(self._progress_due_ms, now_ms + PROGRESS_MS)
            elif isinstance(command, FlushPlayout):
                self._progress_due_ms = now_ms
            elif isinstance(command, Hangup):
                self._gone_due_ms = now_ms + HANGUP_GRACE_MS
                self._ordered = self._cause_of(command, now_ms)

    def _cause_of(self, hangup: Hangup, now_ms: int) -> EndCause:
        """Tell why the bot hangs up: its goodbye on a dead line or after the drain's limit ends like any other."""
        if hangup.reason in set(EndCause):
            return EndCause(hangup.reason)
        if self._drain_limit_ms is not None and now_ms >= self._drain_limit_ms:
            return EndCause.DRAINED
        return EndCause.MEDIA_LOST if self._line_lost else EndCause.BOT_HUNG_UP

    def _finish(self) -> None:
        """Leave nothing behind, and close the record."""
        self._shells.close()
        if self._tape is not None:
            self._recorder.end(self._tape)
        self._shells.speaking.progress(self._clock.now_ms())
        handoff = self._state.handoff
        outcome = handoff.outcome
        if outcome in {Outcome.TRANSFERRED, Outcome.PRESUMED_TRANSFERRED}:
            disposition = str(outcome)
        else:
            disposition = str(self._cause)
        self._journal.finish(Ending(disposition, handoff.reason))
        metrics.call_left()
        self._on_over(self)


def _opening(call_id: str, incoming: IncomingCall, engines: CallEngines) -> CallStarted:
    policy = engines.policy
    plan = policy.dialplan
    local = datetime.now(plan.zone)
    return CallStarted(
        call_id=call_id,
        sip_call_id=incoming.sip_call_id,
        caller=incoming.caller,
        called=incoming.called,
        started_at=local.isoformat(timespec="milliseconds"),
        time_zone=plan.time_zone,
        weekday=WEEKDAYS[local.weekday()],
        open_now=policy.hours.is_open(local),
        policy_hash=policy.sha256,
        asr=tuple(engines.asr),
        brain=tuple(engines.brains),
        tts=tuple(engines.speakers),
        sick=engines.sick(),
        early_media=incoming.early_media,
    )
