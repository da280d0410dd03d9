"""Whisper: more accurate and slower than the embedded default, and without partials.

An utterance of any length costs a whole window of 30 s in the encoder, so decoding it again and again for partials
would take more than a core.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from voicebot.asr.decode_pool import DecodePool
from voicebot.asr.failures import failure
from voicebot.asr.protocol import NO_HINTS, SAMPLE_RATE, AsrResult, Heard, HearingFailed, Hints
from voicebot.asr.utterance import UtteranceAudio
from voicebot.asr.whisper_model import Recognised, WhisperModel
from voicebot.core.events import Category
from voicebot.media.frames import Pcm
from voicebot.media.silero import speech_windows

_MIN_SPEECH_WINDOWS = 2
"""With less speech than that Whisper makes sentences up."""
_SILENCE = Recognised("", 1.0)


class WhisperEngine:
    """One model a process, shared by its calls through a small pool of threads."""

    name = "whisper"

    def __init__(self, folder: Path, workers: int = 1, deadline_s: float = 2.5) -> None:
        self._folder = folder
        self._workers = workers
        self._deadline_s = deadline_s
        self._loading = threading.Lock()
        self._model: WhisperModel | None = None
        self.pool = DecodePool("asr-whisper", workers)

    def warm_up(self) -> None:
        """Load the model and run it once. Raises EngineUnavailableError."""
        self._loaded().transcribe(np.zeros(SAMPLE_RATE, np.int16))

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> WhisperStream:
        """Start an utterance whose results go to `post`."""
        return WhisperStream(self, post, hints, self._deadline_s)

    def close(self) -> None:
        """Stop the threads."""
        self.pool.close()

    def transcribe(self, pcm: Pcm, hints: Hints = NO_HINTS) -> Recognised:
        """Return the text of one utterance, "" when it holds no speech."""
        if speech_windows(pcm) < _MIN_SPEECH_WINDOWS:
            return _SILENCE
        recognised = self._loaded().transcribe(pcm, hints)
        return recognised if any(letter.isalnum() for letter in recognised.text) else _SILENCE

    def _loaded(self) -> WhisperModel:
        with self._loading:
            if self._model is None:
                self._model = WhisperModel(self._folder, self._workers)
            return self._model


class WhisperStream:
    """One utterance. Its methods are called on the call's driver thread, its decodes run on the pool's."""

    def __init__(
        self, engine: WhisperEngine, post: Callable[[AsrResult], None], hints: Hints, deadline_s: float
    ) -> None:
        self._engine = engine
        self._post = post
        self._hints = hints
        self._deadline_s = deadline_s
        self._audio = UtteranceAudio()
        self._newest = 0
        self._closed = False

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes."""
        self._audio.append(frame)

    def decode(self, number: int) -> None:
        """Ask for the text of everything fed so far; a decode that waits is superseded."""
        pcm = self._audio.snapshot()
        self._newest = number
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

    def _final(self, number: int, pcm: Pcm) -> None:
        # Read without a lock: late by one decode at worst.
        if self._closed or number != self._newest:
            return
        recognised = self._engine.transcribe(pcm, self._hints)
        self._post(Heard(number, recognised.text, recognised.confidence))
