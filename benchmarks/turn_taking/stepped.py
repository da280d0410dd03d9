"""Trials in stepped time: a caller at one end of a G.711 line, the bot's own parts at the other, no clock between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.turn_taking.stimuli import PER_MS, line_noise
from voicebot.asr.moonshine import MoonshineEngine
from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.core.commands import Speak
from voicebot.core.policy import CallPolicy
from voicebot.dialplan.loading import load_dialplan
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, SILENCE
from voicebot.media.g711 import mulaw_decode, mulaw_encode
from voicebot.media.resample import Resampler
from voicebot.testing.speech import SAMPLE_RATE as LINE_RATE
from voicebot.testing.speech import Pcm, as_int16
from voicebot.testing.stepped_asr import Decoder
from voicebot.testing.stepped_call import Parts, SteppedCall, Voice
from voicebot.tts.piper import PiperTts

DIALPLAN = Path("dialplans/harbor-lane.yaml")
LINE_FRAME = 160
"""Samples of 20 ms at 8 kHz."""


class DialplanBroken(Exception):
    """The benchmark's dialplan does not load."""


def load_parts() -> Parts:
    """Return what every trial shares: the bot's recogniser, voice and playbook, and the demo's dialplan, ungreeted.

    Raises DialplanBroken.
    """
    policy, faults = load_dialplan(DIALPLAN)
    if policy is None:
        raise DialplanBroken("\n".join(map(str, faults)))
    brain = PlaybookBrain(policy)
    brain.warm_up()
    rules = replace(policy.call, phrases=replace(policy.call.phrases, greeting=""))
    voice = Voice(PiperTts())
    return Parts(policy, Decoder(MoonshineEngine()), brain, voice, rules=rules, sentences=brain.usual_turns())


def with_rules(parts: Parts, rules: CallPolicy) -> Parts:
    """Return the same with other rules."""
    return replace(parts, rules=rules)


class Trial:
    """One call. The caller's end is 8 kHz; `heard` is what came out of the line there, silence included."""

    def __init__(self, parts: Parts, rng: np.random.Generator) -> None:
        self.call = SteppedCall(parts)
        self.heard: list[Pcm] = []
        self.audible: list[bool] = []
        """For each of `heard`, whether the bot had something to say."""
        self._rng = rng
        self._up = Resampler(LINE_RATE, SAMPLE_RATE)
        self._down = Resampler(SAMPLE_RATE, LINE_RATE)
        self._incoming = b""
        self._outgoing: Pcm = np.zeros(0, np.int16)
        self.call.start()

    @property
    def now_ms(self) -> int:
        """The call's time."""
        return self.call.now_ms

    def say(self, pcm: Pcm, echo_gain_db: float | None = None, echo_ms: int = 150) -> tuple[int, int]:
        """Let the caller speak; return the times of the first and one past the last sample as the bot gets them.

        With `echo_gain_db`, the phone sends the bot's own voice back as well, at that level and `echo_ms` later.
        """
        start_ms = self.now_ms
        padded = np.concatenate([pcm, line_noise(-(-len(pcm) // LINE_FRAME) * 20 - len(pcm) // PER_MS, self._rng)])
        for at in range(0, len(pcm), LINE_FRAME):
            frame = padded[at : at + LINE_FRAME]
            if echo_gain_db is not None:
                frame = self._with_echo(frame, echo_gain_db, echo_ms)
            self._tick(frame)
        return start_ms, start_ms + len(pcm) // PER_MS

    def listen(self, length_ms: int) -> None:
        """Let time pass on a quiet line."""
        self.say(line_noise(length_ms, self._rng))

    def listen_until_bot_speaks(self, limit_ms: int = 4_000) -> bool:
        """Wait for the bot's next sound."""
        for _ in range(limit_ms // 20):
            self._tick(line_noise(20, self._rng))
            if self.audible[-1]:
                return True
        return False

    def listen_until_quiet(self, quiet_ms: int = 400, limit_ms: int = 30_000) -> None:
        """Wait until the bot has nothing more to say."""
        for _ in range(limit_ms // 20):
            self._tick(line_noise(20, self._rng))
            if not any(self.audible[-quiet_ms // 20 :]):
                return

    def turns(self) -> list[tuple[int, int]]:
        """Return when each turn was taken as over and when the detector heard its last voiced sample, ms."""
        return [(at_ms, int(dict(note.fields)["ended_ms"])) for at_ms, note in self.call.notes("turn")]

    def spoken(self) -> list[tuple[int, Speak]]:
        """Return what the bot was to say, and when."""
        return [(at_ms, command) for at_ms, command in self.call.commands if isinstance(command, Speak)]

    def noted(self, mark: str, since_ms: int = 0) -> list[int]:
        """Return when the core made a note."""
        return [at_ms for at_ms, _ in self.call.notes(mark) if at_ms >= since_ms]

    def _tick(self, line_frame: Pcm) -> None:
        self._incoming += self._up.process(mulaw_decode(mulaw_encode(line_frame))).astype("<i2").tobytes()
        if len(self._incoming) < FRAME_BYTES:  # the filter's own delay, once
            self._incoming += bytes(FRAME_BYTES - len(self._incoming))
        frame, self._incoming = self._incoming[:FRAME_BYTES], self._incoming[FRAME_BYTES:]
        out = self.call.tick(frame)
        self.audible.append(out is not None)
        narrow = self._down.process(np.frombuffer(out or SILENCE, "<i2"))
        self._outgoing = np.concatenate([self._outgoing, mulaw_decode(mulaw_encode(narrow))])[-LINE_RATE:]
        self.heard.append(np.frombuffer(out or SILENCE, "<i2"))

    def _with_echo(self, frame: Pcm, gain_db: float, delay_ms: int) -> Pcm:
        late = delay_ms * PER_MS
        end = len(self._outgoing) - late + LINE_FRAME
        echo = np.zeros(LINE_FRAME, np.float64)
        if end >= LINE_FRAME:
            echo = self._outgoing[end - LINE_FRAME : end].astype(np.float64) * 10 ** (gain_db / 20)
        return as_int16(frame + echo)
