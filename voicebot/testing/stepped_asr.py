"""The embedded recogniser in virtual time: it decodes on the spot, and its answer comes when the clock is there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from voicebot.asr.moonshine import MoonshineEngine
from voicebot.asr.protocol import NO_HINTS, SAMPLE_RATE, AsrResult, Heard, Hints
from voicebot.asr.utterance import UtteranceAudio
from voicebot.media.frames import Pcm

PARTIAL_FRAMES = 20
"""A partial is decoded every 400 ms of speech, as in the engine itself."""


class VirtualClock(Protocol):
    """Whoever keeps the time."""

    def later(self, delay_ms: int, deliver: Callable[[], None]) -> None:
        """Call `deliver` when `delay_ms` more have passed."""


class Decoder:
    """Texts of utterances by their samples, each decoded once however many calls hear it."""

    def __init__(self, engine: MoonshineEngine) -> None:
        self._engine = engine
        self._known: dict[tuple[bytes, bool, Hints], Heard] = {}

    def heard(self, pcm: Pcm, *, partial: bool, hints: Hints = NO_HINTS) -> Heard:
        """Return what is heard in int16 mono samples of 16 kHz, as decode 0. A partial is not judged for its end."""
        key = (hashlib.sha256(pcm.tobytes()).digest(), partial, NO_HINTS if partial else hints)
        if key not in self._known:
            self._known[key] = self._decoded(pcm, partial=partial, hints=key[2])
        return self._known[key]

    def _decoded(self, pcm: Pcm, *, partial: bool, hints: Hints) -> Heard:
        recognised = self._engine.transcribe(pcm, lambda: False, hints=hints)
        if recognised is None:
            raise AssertionError("nothing asked the decoder to stop")
        finality = 0.5 if partial else self._engine.finality(recognised)
        return Heard(0, recognised.text, recognised.confidence, finality)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a decode takes: a fixed part, and a part for each second of the utterance, in ms."""

    fixed_ms: int = 35
    per_second_ms: int = 15

    def of(self, pcm: Pcm) -> int:
        """Return the time for these samples."""
        return self.fixed_ms + self.per_second_ms * len(pcm) // SAMPLE_RATE


class SteppedAsr:
    """An `AsrEngine` whose results come by the virtual clock."""

    name = "moonshine"

    def __init__(self, decoder: Decoder, clock: VirtualClock, latency: Latency | None = None) -> None:
        self.decoder = decoder
        self.clock = clock
        self.latency = latency or Latency()

    def warm_up(self) -> None:
        """The decoder is warm."""

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> SteppedStream:
        """Start an utterance."""
        return SteppedStream(self, post, hints)

    def close(self) -> None:
        """Nothing is held."""


class SteppedStream:
    """One utterance. A partial that is under way gives way to a decode that is asked for, as in the engine's pool."""

    def __init__(self, engine: SteppedAsr, post: Callable[[AsrResult], None], hints: Hints) -> None:
        self._hints = hints
        self._engine = engine
        self._post = post
        self._audio = UtteranceAudio()
        self._frames = 0
        self._partial = 0
        """Number of the partial that may still be given; 0 for none."""
        self._closed = False

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes."""
        self._audio.append(frame)
        self._frames += 1
        if self._frames % PARTIAL_FRAMES == 0:
            self._partial = number = self._frames
            pcm = self._audio.snapshot()
            self._engine.clock.later(self._engine.latency.of(pcm), lambda: self._give_partial(number, pcm))

    def decode(self, number: int) -> None:
        """Ask for the text of everything fed so far."""
        self._partial = 0
        pcm = self._audio.snapshot()
        self._engine.clock.later(self._engine.latency.of(pcm), lambda: self._give(number, pcm))

    def close(self) -> None:
        """Forget the utterance."""
        self._closed = True

    def _give_partial(self, number: int, pcm: Pcm) -> None:
        if self._closed or self._partial != number:
            return
        heard = self._engine.decoder.heard(pcm, partial=True)
        if heard.text:
            self._post(heard)

    def _give(self, number: int, pcm: Pcm) -> None:
        if not self._closed:
            heard = self._engine.decoder.heard(pcm, partial=False, hints=self._hints)
            self._post(replace(heard, decode=number))
