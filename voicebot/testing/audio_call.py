"""A scenario aloud: the caller's words by a voice over a telephone line, the real recogniser, the bot's voice."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from voicebot.asr.moonshine import MoonshineEngine
from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.core.commands import Command, Layer, Refer, Speak
from voicebot.core.conversation import State
from voicebot.core.events import FRAME_MS, CallEnded
from voicebot.core.mouth import State as MouthState
from voicebot.dialplan.policy import Policy
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, whole_frames
from voicebot.media.resample import Resampler
from voicebot.testing.scenario import Scenario
from voicebot.testing.simulation import moment
from voicebot.testing.stepped_asr import Decoder
from voicebot.testing.stepped_call import Parts, SteppedCall, Voice
from voicebot.testing.text_call import Moment, NoAnswer, fetched
from voicebot.tools.protocol import Toolbox
from voicebot.tts.framing import render
from voicebot.tts.piper import PiperTts
from voicebot.tts.spoken import spoken

LINE_RATE: Final = 8_000
NOISE: Final = 8
"""Peak of the noise on the line, of int16."""
QUIET_MS, THINKING_MS, PATIENCE_MS = 300, 600, 120_000
"""How long the bot must be quiet to have finished, the caller waits before speaking, and a turn may last."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The recogniser and the voices, loaded once for any number of calls."""

    decoder: Decoder
    voice: Voice
    caller: PiperTts


@functools.cache
def engines() -> Engines:
    """Load the embedded engines; they stay for the life of the process."""
    voice = PiperTts(steady=True)
    voice.warm_up()
    return Engines(Decoder(MoonshineEngine()), Voice(voice), voice)


class AudioCall:
    """One call, with the methods that a scenario is run by."""

    def __init__(self, policy: Policy, toolbox: Toolbox, at: Moment) -> None:
        self._at = at
        self._engines = engines()
        self._noise = np.random.default_rng(3)
        self._brain = PlaybookBrain(policy, lambda: at.at + timedelta(milliseconds=self._call.now_ms))
        self._brain.warm_up()
        parts = Parts(
            policy,
            self._engines.decoder,
            self._brain,
            self._engines.voice,
            fetch=lambda command: fetched(toolbox, command),
            sentences=self._brain.usual_turns(),
        )
        self._call = SteppedCall(parts)

    @property
    def commands(self) -> list[tuple[int, Command]]:
        """All that the core asked for, each with its time in ms."""
        return self._call.commands

    @property
    def ended(self) -> bool:
        """Whether the call is over, or was handed over."""
        over = any(isinstance(event, CallEnded) for _, event in self._call.events)
        return over or any(isinstance(command, Refer) for _, command in self._call.commands)

    def start(self) -> None:
        """Let the call arrive, and hear the greeting out."""
        self._call.start(self._at.at)
        self._settle()

    def say(self, text: str) -> None:
        """Let the caller say something, and hear out what the bot has to say to it."""
        self._listen(THINKING_MS)
        pcm = np.frombuffer(render(self._engines.caller, spoken(text)), np.int16)
        narrow = Resampler(SAMPLE_RATE, LINE_RATE).process(pcm)
        noisy = narrow + self._noise.integers(-NOISE, NOISE + 1, len(narrow)).astype(np.int16)
        audio = whole_frames(Resampler(LINE_RATE, SAMPLE_RATE).process(noisy))
        for at in range(0, len(audio), FRAME_BYTES):
            self._call.tick(audio[at : at + FRAME_BYTES])
        self._settle()

    def press(self, keys: str) -> None:
        """Let the caller press keys."""
        self._listen(THINKING_MS)
        self._call.press(keys)
        self._settle()

    def wait(self, seconds: float) -> None:
        """Let the caller say nothing."""
        self._listen(round(seconds * 1000))
        self._settle()

    def said(self, since: int = 0) -> list[str]:
        """Return what the bot has said since a command's number, without what only fills a wait."""
        return [
            command.text
            for _, command in self.commands[since:]
            if isinstance(command, Speak) and command.layer is not Layer.SCAFFOLDING
        ]

    def _settle(self) -> None:
        """Listen until the bot has finished."""
        quiet_ms = 0
        until_ms = self._call.now_ms + PATIENCE_MS
        while quiet_ms < QUIET_MS and not self.ended:
            self._listen(FRAME_MS)
            state = self._call.state
            listening = state.conversation.state is State.LISTENING and state.mouth.state is MouthState.SILENT
            quiet_ms = quiet_ms + FRAME_MS if listening and not state.ear.open else 0
            if self._call.now_ms > until_ms:
                raise NoAnswer(f"the bot has not finished after {PATIENCE_MS / 1000:.0f} s")

    def _listen(self, duration_ms: int) -> None:
        for _ in range(duration_ms // FRAME_MS):
            noise = self._noise.integers(-NOISE, NOISE + 1, FRAME_BYTES // 2).astype(np.int16)
            self._call.tick(noise.tobytes())


@contextmanager
def audio_call(scenario: Scenario, policy: Policy, toolbox: Toolbox) -> Iterator[AudioCall]:
    """Begin a call aloud, with the playbook."""
    call = AudioCall(policy, toolbox, moment(scenario, policy))
    with closing(call._brain):  # noqa: SLF001 - made for this call
        call.start()
        yield call
