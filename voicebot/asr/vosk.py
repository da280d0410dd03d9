"""Vosk: streams, with partials while the caller speaks.

When the bot has asked for digits or a yes, a second recogniser listens for nothing else. What it heard counts if it
heard no word besides; otherwise what the first one heard does, so that a caller may answer anything. A model whose
graph is fixed ignores grammars, and both hear the same.

One chunk can keep Vosk busy for as long as a second, so all of its work is done by the pool's threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from voicebot.asr.decode_pool import DecodePool, Stop
from voicebot.asr.failures import failure
from voicebot.asr.protocol import NO_HINTS, SAMPLE_RATE, AsrResult, Heard, HearingFailed, Hints
from voicebot.asr.utterance import UtteranceAudio
from voicebot.asr.vosk_model import VoskUtterance, grammar_for, load_model
from voicebot.core.events import FRAME_MS, Category
from voicebot.media.frames import Pcm


class VoskEngine:
    """One model a process, one recogniser an utterance, a small pool of threads for all of them."""

    name = "vosk"

    def __init__(self, folder: Path, workers: int = 1, partial_ms: int = 200, deadline_s: float = 2.5) -> None:
        self._folder = folder
        self._partial_frames = max(1, partial_ms // FRAME_MS)
        self._deadline_s = deadline_s
        self._loading = threading.Lock()
        self.pool = DecodePool("asr-vosk", workers)

    def warm_up(self) -> None:
        """Load the model and run it once. Raises EngineUnavailableError."""
        self.listen().finish(np.zeros(SAMPLE_RATE, np.int16), lambda: False)

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> VoskStream:
        """Start an utterance whose results go to `post`. Of the hints, what is expected is used."""
        return VoskStream(self, post, grammar_for(hints), self._partial_frames, self._deadline_s)

    def close(self) -> None:
        """Stop the threads."""
        self.pool.close()

    def listen(self, grammar: str = "") -> VoskUtterance:
        """Return a new recogniser; loads the model if `warm_up` has not. Raises EngineUnavailableError."""
        with self._loading:
            return load_model(self._folder).listen(grammar)


class VoskStream:
    """One utterance. Its methods are called on the call's driver thread, its decodes run on the pool's."""

    def __init__(
        self,
        engine: VoskEngine,
        post: Callable[[AsrResult], None],
        grammar: str,
        partial_frames: int,
        deadline_s: float,
    ) -> None:
        self._engine = engine
        self._post = post
        self._grammar = grammar
        self._partial_frames = partial_frames
        self._deadline_s = deadline_s
        self._audio = UtteranceAudio()
        self._frames = 0
        self._closed = False
        self._opening = threading.Lock()
        self._utterances: tuple[VoskUtterance, ...] = ()
        """What listens freely, and what listens by the grammar if there is one."""
        self._told = ""

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes; every 200 ms of them are decoded, and ask for a partial."""
        self._audio.append(frame)
        self._frames += 1
        if self._frames % self._partial_frames == 0:
            pcm = self._audio.snapshot()
            self._engine.pool.offer(self, lambda stop: self._partial(pcm, stop))

    def decode(self, number: int) -> None:
        """Ask for the text of everything fed so far."""
        pcm = self._audio.snapshot()
        self._engine.pool.withdraw(self)
        submitted = self._engine.pool.submit(
            lambda: self._final(number, pcm),
            time.monotonic() + self._deadline_s,
            lambda error: self._post(failure(number, error)),
        )
        if not submitted:
            self._post(HearingFailed(number, Category.UNAVAILABLE, permanent=False, detail="decode queue is full"))

    def close(self) -> None:
        """Forget the utterance."""
        self._closed = True
        self._engine.pool.withdraw(self)

    def _listening(self) -> tuple[VoskUtterance, ...]:
        with self._opening:
            if not self._utterances:
                grammars = ("", self._grammar) if self._grammar else ("",)
                self._utterances = tuple(self._engine.listen(grammar) for grammar in grammars)
            return self._utterances

    def _partial(self, pcm: Pcm, stop: Stop) -> None:
        text, *_ = [utterance.advance(pcm, lambda: self._closed or stop()) for utterance in self._listening()]
        if text and text != self._told and not self._closed:
            self._told = text
            self._post(Heard(0, text, 1.0))

    def _final(self, number: int, pcm: Pcm) -> None:
        free, *narrow = [utterance.finish(pcm, lambda: self._closed) for utterance in self._listening()]
        heard = next((each for each in narrow if each is not None and each.within_grammar), free)
        if heard is not None:
            self._told = heard.text
            self._post(Heard(number, heard.text, heard.confidence, words=heard.words))
