"""The caller's audio on its way to the core: frames to edges of speech, utterances to the recogniser."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from voicebot.asr.protocol import NO_HINTS, AsrEngine, AsrResult, AsrStream, Hints
from voicebot.core.commands import CloseUtterance, Decode, OpenUtterance
from voicebot.core.events import SpeechPaused, SpeechStarted
from voicebot.core.policy import TurnTaking
from voicebot.media.echo import EchoGate
from voicebot.media.playout import PlayoutRing
from voicebot.media.vad import SpeechDetector
from voicebot.runtime.inbox import Frame

KEPT_FRAMES = 60
"""1.2 s of audio from before an utterance opens: pre-roll plus the detector's delay. Overflow policy: `drop_oldest`."""

UTTERANCE_FRAMES = 2000
"""40 s of one utterance, for another recogniser to hear. Overflow policy: `drop_newest`; utterances end before it."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A result of the recogniser for one utterance; its text is not redacted yet."""

    utterance: int
    result: AsrResult
    engine: str = ""
    """Who heard it, by its name in the chain."""


class Hearing:
    """Used on the call's driver thread only; results come through `post` from the engine's threads.

    What left `ring` and comes back from the caller's phone is taken out before anybody hears it. `known` is what the
    dialplan tells of its callers' words.
    """

    def __init__(
        self,
        engines: Mapping[str, AsrEngine],
        taking: TurnTaking,
        ring: PlayoutRing,
        post: Callable[[Recognised], None],
        known: Hints = NO_HINTS,
    ) -> None:
        self._engines = engines
        self._ring = ring
        self._echo = EchoGate()
        self._detector = SpeechDetector(taking)
        self._post = post
        self._known = known
        self._kept: deque[Frame] = deque(maxlen=KEPT_FRAMES)
        self._stream: AsrStream | None = None
        self._name = ""
        self._hints = known
        self._utterance: list[bytes] = []
        """All of the open utterance, for the next recogniser of the chain."""

    def hear(self, frame: Frame) -> SpeechStarted | SpeechPaused | None:
        """Take a frame; return the edge of speech that it revealed, if any."""
        for left in self._ring.take_left():
            self._echo.played(left.tick, left.audio)
        cleaned = self._echo.clean(frame.audio, frame.tick)
        self._kept.append(replace(frame, audio=cleaned.speech))
        if self._stream is not None:
            self._feed(self._stream, cleaned.speech)
        return self._detector.feed(cleaned.gated, frame.at_ms)

    def open(self, command: OpenUtterance) -> None:
        """Start an utterance with the audio that was kept since the command's time."""
        self._drop()
        self._hints = replace(self._known, expects=command.expects)
        stream = self._listen(command.engine, command.utterance)
        for frame in self._kept:
            if frame.at_ms > command.since_ms:
                self._feed(stream, frame.audio)

    def decode(self, command: Decode) -> None:
        """Ask for the text so far; a recogniser that takes over is given all that was said first."""
        if self._stream is None:
            return
        if command.engine != self._name:
            self._stream.close()
            stream = self._listen(command.engine, command.utterance)
            for audio in self._utterance:
                stream.feed(audio)
        self._stream.decode(command.decode)

    def _listen(self, engine: str, utterance: int) -> AsrStream:
        post = self._post
        self._name = engine
        hear = self._engines[engine].open
        self._stream = hear(lambda result: post(Recognised(utterance, result, engine)), self._hints)
        return self._stream

    def _feed(self, stream: AsrStream, audio: bytes) -> None:
        stream.feed(audio)
        if len(self._engines) > 1 and len(self._utterance) < UTTERANCE_FRAMES:
            self._utterance.append(audio)

    def close(self, _command: CloseUtterance | None = None) -> None:
        """End the utterance."""
        self._drop()

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._utterance.clear()
