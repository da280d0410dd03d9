"""One call from a WAV into a WAV, without SIP or threads, in virtual time.

    .venv/bin/python examples/offline_call.py OUT.wav

The parts that decide and that carry audio are the real ones: the core, the voice detector, the playout ring. The parts
that take long are played by a few lines each: a recogniser that knows what will be said, a brain that looks for a word,
a synthesiser that beeps once a syllable or so. Whoever can read this file knows how the bot works.
"""

from __future__ import annotations

import sys
import wave
from collections import deque
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from voicebot.core.call import begin, next_deadline, step
from voicebot.core.commands import (
    Answer,
    Command,
    Decode,
    FlushPlayout,
    Hangup,
    PausePlayout,
    ResumePlayout,
    Speak,
    StartBrain,
)
from voicebot.core.events import (
    FRAME_MS,
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
    SpeechRendered,
    Transcribed,
)
from voicebot.core.policy import CallPolicy, Phrases
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, SILENCE, whole_frames
from voicebot.media.playout import PlayoutRing, Popped
from voicebot.media.vad import SpeechDetector

POLICY = CallPolicy(phrases=Phrases(greeting="Hello, this is the automated assistant."))

CALLER = {
    "hours_saturday": "What are your opening hours on Saturday?",
    "shipping_express": "And how much does express shipping cost?",
    "goodbye": "Thank you, goodbye.",
}

ANSWERS = {
    "saturday": "On Saturday we are open from nine to four.",
    "shipping": "Express shipping costs nine dollars fifty.",
    "goodbye": "",
}

PATIENCE_MS = 600
"""How long the bot has to be quiet before the caller says the next line."""

CALL_LIMIT_MS = 60_000
"""The longest that this call can last."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the caller says: text, and frames of 640 bytes."""

    text: str
    frames: tuple[bytes, ...]


def caller_line(name: str) -> Line:
    """Load a line that the project ships (8 kHz, int16 mono), at the rate of the bot's frames."""
    with files("voicebot.testing").joinpath("speech", f"{name}.wav").open("rb") as file, wave.open(file) as wav:
        pcm = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
        rate = wav.getframerate()
    # Linear interpolation is good enough for a voice detector; calls use voicebot.media.resample.
    times = np.arange(len(pcm) * SAMPLE_RATE // rate) * rate / SAMPLE_RATE
    audio = whole_frames(np.interp(times, np.arange(len(pcm)), pcm).astype(np.int16))
    frames = tuple(audio[start : start + FRAME_BYTES] for start in range(0, len(audio), FRAME_BYTES))
    return Line(CALLER[name], frames)


def beeps(text: str) -> bytes:
    """Render text as one short tone for every three letters."""
    times = np.arange(SAMPLE_RATE * 18 // 100) / SAMPLE_RATE
    beep = np.where(times < 0.12, 6000 * np.sin(2 * np.pi * 330 * times), 0)  # noqa: PLR2004 - seconds of tone
    return whole_frames(np.tile(beep, max(1, len(text) // 3)).astype(np.int16))


class OfflineCall:
    """A call whose clock is moved by `tick`, 20 ms at a time."""

    def __init__(self, lines: list[Line]) -> None:
        self.outgoing = bytearray()
        self._now_ms = 0
        self._state = begin(POLICY)
        self._detector = SpeechDetector(POLICY.turn_taking)
        self._ring = PlayoutRing()
        self._lines = deque(lines)
        self._saying: deque[bytes] = deque()
        self._said = ""
        self._quiet_ms = 0
        self._answered = False
        self._events: deque[Event] = deque()

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self._state.ended or self._now_ms > CALL_LIMIT_MS

    def start(self) -> None:
        """Let the call arrive."""
        self._take(
            CallStarted(
                call_id="call-1",
                sip_call_id="sip-1",
                caller="caller",
                called="100",
                started_at="2026-01-03T10:00:00+00:00",
                time_zone="UTC",
                weekday="saturday",
                open_now=True,
                policy_hash="none",
            )
        )

    def tick(self) -> None:
        """Move 20 ms of audio each way, then handle whatever came of it."""
        self._now_ms += FRAME_MS
        edge = self._detector.feed(self._caller_frame(), self._now_ms)
        if edge is not None:
            self._take(edge)
        frame = self._ring.pop()
        self._quiet_ms = 0 if frame else self._quiet_ms + FRAME_MS
        self._answered = self._answered or frame is not None
        self.outgoing += frame or SILENCE
        for entry in self._ring.take_log():
            if isinstance(entry, Popped):
                self._take(Played(entry.speech, entry.first_frame + entry.frames))
        due_ms = next_deadline(self._state)
        if due_ms is not None and due_ms <= self._now_ms:
            self._take(DeadlineReached())

    def _caller_frame(self) -> bytes:
        if self._lines and self._answered and self._quiet_ms >= PATIENCE_MS:
            line = self._lines.popleft()
            self._saying.extend(line.frames)
            self._said = line.text
            self._answered = False
            print(f"{self._now_ms:6} ms  caller: {line.text}")
        return self._saying.popleft() if self._saying else SILENCE

    def _take(self, event: Event) -> None:
        """Step the core; what the commands bring about at once is handled before the next frame."""
        self._events.append(event)
        while self._events:
            self._state, commands = step(self._state, self._events.popleft(), self._now_ms)
            for command in commands:
                self._events.extend(self._carry_out(command))

    def _carry_out(self, command: Command) -> list[Event]:
        match command:
            case Answer():
                return [CallAnswered("PCMU")]
            case Decode():
                return [Transcribed(command.utterance, command.decode, self._said, 1.0)]
            case StartBrain():
                return answer(command)
            case Speak():
                print(f"{self._now_ms:6} ms  bot:    {command.text}")
                audio = beeps(command.text)
                frames = self._ring.push(command.speech, command.epoch, audio)
                return [SpeechRendered(command.speech, frames, final=True)]
            case PausePlayout():
                self._ring.pause()
            case ResumePlayout():
                self._ring.resume()
            case FlushPlayout():
                self._ring.flush(command.epoch)
            case Hangup():
                return [CallEnded(EndCause.BOT_HUNG_UP, 0)]
        return []


def answer(request: StartBrain) -> list[Event]:
    """Answer by the first word that is known."""
    topic = next((word for word in ANSWERS if word in request.text.lower()), None)
    if topic is None:
        return [BrainFinished(request.attempt, BrainOutcome.NO_MATCH, "", "")]
    if not ANSWERS[topic]:
        return [BrainFinished(request.attempt, BrainOutcome.GOODBYE, "", "")]
    clause = BrainClause(request.attempt, 0, ANSWERS[topic], (f"example:{topic}",))
    return [clause, BrainFinished(request.attempt, BrainOutcome.ANSWERED, "", "")]


def main(arguments: list[str]) -> int:
    """Hold the call and write what the caller heard."""
    if len(arguments) != 1:
        print("usage: offline_call.py OUT.wav", file=sys.stderr)
        return 2
    call = OfflineCall([caller_line(name) for name in CALLER])
    call.start()
    while not call.over:
        call.tick()
    with wave.open(str(Path(arguments[0])), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(bytes(call.outgoing))
    print(f"{len(call.outgoing) // FRAME_BYTES * FRAME_MS / 1000:.1f} s of call in {arguments[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
