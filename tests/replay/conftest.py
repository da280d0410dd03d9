from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from voicebot.core.call import begin, next_deadline, step
from voicebot.core.commands import (
    Command,
    Decode,
    FlushPlayout,
    PausePlayout,
    ResumePlayout,
    Speak,
    StartBrain,
)
from voicebot.core.events import (
    BrainClause,
    BrainFinished,
    BrainOutcome,
    CallAnswered,
    CallEnded,
    CallStarted,
    DeadlineReached,
    EndCause,
    Event,
    Played,
    SpeechPaused,
    SpeechRendered,
    SpeechStarted,
    Transcribed,
)
from voicebot.core.policy import CallPolicy, Endpointing, Phrases
from voicebot.journal.recording import Ending
from voicebot.journal.writer import CallJournal, JournalWriter
from voicebot.media.playout import PlayoutRing, Popped

POLICY = CallPolicy(
    endpointing=Endpointing(min_delay_ms=350, delay_ms=500), phrases=Phrases(greeting="Hello, what can I do for you?")
)
POLICY_HASH = "f" * 64
FRAMES_PER_CHARACTER = 3


def tone(frames: int) -> bytes:
    time = np.arange(frames * 320) / 16_000
    return (8000 * np.sin(2 * np.pi * 440 * time)).astype("<i2").tobytes()


class SteppedCall:
    """A driver in virtual time: the real core, ring and journal; engines that answer after fixed delays."""

    def __init__(self, journal: CallJournal, started: CallStarted) -> None:
        self.journal = journal
        self.ring = PlayoutRing()
        self.state = begin(POLICY)
        self.now_ms = 0
        self._seq = 0
        self._order = count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._spoken: dict[int, int] = {}
        self.handle(started)
        self.handle(CallAnswered("PCMU"))

    def at(self, time_ms: int, event: Event) -> None:
        heappush(self._due, (time_ms, next(self._order), lambda: self.handle(event)))

    def run_to(self, end_ms: int) -> None:
        while self.now_ms < end_ms:
            self.now_ms += 10
            if self.now_ms % 20 == 0:
                self.ring.pop()
            if self.now_ms % 60 == 0:
                self._progress()
            while self._due and self._due[0][0] <= self.now_ms:
                heappop(self._due)[2]()
            deadline = next_deadline(self.state)
            if deadline is not None and deadline <= self.now_ms:
                self.handle(DeadlineReached())

    def finish(self, disposition: str = "caller_hung_up") -> None:
        self.handle(CallEnded(EndCause.CALLER_HUNG_UP, 0))
        self._progress()
        self.journal.finish(Ending(disposition, ""))

    def handle(self, event: Event) -> None:
        self.state, commands = step(self.state, event, self.now_ms)
        self._seq += 1
        self.journal.step(self._seq, self.now_ms, event, commands)
        for command in commands:
            self._carry_out(command)

    def _progress(self) -> None:
        entries = self.ring.take_log()
        if entries:
            self.journal.playout(self.now_ms, self.ring.ticks, entries)
        for entry in entries:
            if isinstance(entry, Popped):
                self.handle(Played(entry.speech, entry.first_frame + entry.frames))

    def _carry_out(self, command: Command) -> None:
        match command:
            case Speak():
                heappush(self._due, (self.now_ms + 80, next(self._order), lambda: self._render(command)))
            case PausePlayout():
                self.ring.pause()
            case ResumePlayout():
                self.ring.resume()
            case FlushPlayout():
                self.ring.flush(command.epoch)
            case Decode():
                heard = Transcribed(command.utterance, command.decode, "when are you open", 0.9, finality=0.9)
                self.at(self.now_ms + 60, heard)
            case StartBrain():
                answer = BrainClause(command.attempt, 0, "We are open from nine to five.", ("dialplan:hours",))
                self.at(self.now_ms + 100, answer)
                self.at(self.now_ms + 110, BrainFinished(command.attempt, BrainOutcome.ANSWERED, "", "{}"))
            case _:
                pass

    def _render(self, command: Speak) -> None:
        pcm = tone(len(command.text) * FRAMES_PER_CHARACTER)
        accepted = self.ring.push(command.speech, command.epoch, pcm)
        if accepted:
            self.journal.queued_audio(command.speech, pcm[: accepted * 640])
            self.handle(SpeechRendered(command.speech, accepted, final=True))


def started(call_id: str) -> CallStarted:
    return CallStarted(
        call_id=call_id,
        sip_call_id="f00@127.0.0.1",
        caller="+15550100",
        called="500",
        started_at="2026-11-22T10:00:00+00:00",
        time_zone="UTC",
        weekday="sunday",
        open_now=True,
        policy_hash=POLICY_HASH,
    )


def ask_and_interrupt(call: SteppedCall) -> None:
    """A question, whose answer the caller interrupts with another one, and waits for its answer."""
    call.run_to(3000)
    for at_ms in (3000, 5500):
        call.at(at_ms + 120, SpeechStarted(at_ms, resumed=False))
        call.at(at_ms + 1160, SpeechPaused(at_ms + 1000))
    call.run_to(12_000)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path, None)
    yield writer
    writer.close()


@pytest.fixture
def policy() -> CallPolicy:
    return POLICY


@pytest.fixture
def record(writer: JournalWriter) -> Callable[[str], SteppedCall]:
    def begin_call(call_id: str) -> SteppedCall:
        opening = started(call_id)
        return SteppedCall(writer.open(opening, "shop", "{}"), opening)

    return begin_call


@pytest.fixture
def recorded(record: Callable[[str], SteppedCall], writer: JournalWriter, tmp_path: Path) -> Path:
    """A data directory with one finished call, `c1`."""
    call = record("c1")
    ask_and_interrupt(call)
    call.finish()
    writer.close()
    return tmp_path
