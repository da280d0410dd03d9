"""The embedded recogniser: Moonshine, with partials about every 400 ms of speech."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voicebot.asr.decode_pool import DecodePool, Stop
from voicebot.asr.failures import failure
from voicebot.asr.moonshine_model import MoonshineModel, Recognised
from voicebot.asr.protocol import NO_HINTS, SAMPLE_RATE, AsrResult, Heard, HearingFailed, Hints
from voicebot.asr.utterance import UtteranceAudio
from voicebot.core.events import FRAME_MS, Category
from voicebot.media.frames import Pcm
from voicebot.media.levels import voiced_span
from voicebot.media.silero import speech_windows

_LEAD = SAMPLE_RATE * 50 // 1000
"""Kept before the first voiced sample. More misleads the model: on G.711 WER is 17 % with 300 ms, 7 % with 50 ms."""
_TRAIL = SAMPLE_RATE * 200 // 1000
"""Silence put behind the audio, so that a decode at a short pause still closes the last word."""
_PEAK = 0.5
_MAX_GAIN = 30.0
_MIN_PEAK = 0.003
"""-50 dBFS: nothing that loud is silence, whatever the model makes of it."""
_DOUBTFUL = 0.65
"""Below this confidence the VAD is asked whether there was speech at all."""
_SHORT_WORDS = 2
"""So few words may be what the model says to tones and noise ("You"), however sure it is."""
_MIN_SPEECH_WINDOWS = 2
_SILENCE = Recognised("", 1.0)


class MoonshineEngine:
    """One model a process, shared by its calls through a small pool of threads."""

    name = "moonshine"

    def __init__(self, workers: int = 1, partial_ms: int = 400, deadline_s: float = 2.5) -> None:
        self._workers = workers
        self._partial_frames = max(1, partial_ms // FRAME_MS)
        self._deadline_s = deadline_s
        self._loading = threading.Lock()
        self._model: MoonshineModel | None = None
        self.pool = DecodePool("asr-moonshine", workers)

    def warm_up(self) -> None:
        """Load the model and run it once. Raises EngineUnavailableError."""
        self.transcribe(np.zeros(SAMPLE_RATE, np.int16), lambda: False, gated=False)

    def learn(self, sentences: tuple[str, ...]) -> None:
        """Make ready for what callers are known to say. Raises EngineUnavailableError."""
        self._loaded().learn(sentences)

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> MoonshineStream:
        """Start an utterance whose results go to `post`. Of the hints, expected digits and known sentences are used."""
        return MoonshineStream(self, post, hints, self._partial_frames, self._deadline_s)

    def close(self) -> None:
        """Stop the threads."""
        self.pool.close()

    def transcribe(self, pcm: Pcm, stop: Stop, *, gated: bool = True, hints: Hints = NO_HINTS) -> Recognised | None:
        """Return the text of one utterance, "" when it holds no speech; None when `stop()` became true."""
        audio = prepared(pcm)
        if audio is None and gated:
            return _SILENCE
        heard = np.zeros(SAMPLE_RATE, np.float32) if audio is None else audio
        recognised = self._loaded().transcribe(heard, stop, hints)
        if recognised is None:
            return None
        if not any(letter.isalnum() for letter in recognised.text):
            return _SILENCE
        if recognised.confidence >= _DOUBTFUL and len(recognised.text.split()) > _SHORT_WORDS:
            return recognised
        return recognised if speech_windows(pcm) >= _MIN_SPEECH_WINDOWS else _SILENCE

    def finality(self, recognised: Recognised) -> float:
        """Return the probability that the sentence is over, 0.5 when there are no words."""
        return self._loaded().finality(recognised) if recognised.words else 0.5

    def _loaded(self) -> MoonshineModel:
        with self._loading:
            if self._model is None:
                self._model = MoonshineModel()
            return self._model


class MoonshineStream:
    """One utterance. Its methods are called on the call's driver thread, its decodes run on the pool's."""

    def __init__(
        self,
        engine: MoonshineEngine,
        post: Callable[[AsrResult], None],
        hints: Hints,
        partial_frames: int,
        deadline_s: float,
    ) -> None:
        self._engine = engine
        self._post = post
        self._hints = hints
        self._partial_frames = partial_frames
        self._deadline_s = deadline_s
        self._audio = UtteranceAudio()
        self._frames = 0
        self._closed = False

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes; every 400 ms of them ask for a partial."""
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

    def _partial(self, pcm: Pcm, stop: Stop) -> None:
        recognised = self._engine.transcribe(pcm, lambda: self._closed or stop())
        if recognised is not None and recognised.text and not self._closed:
            self._post(Heard(0, recognised.text, recognised.confidence))

    def _final(self, number: int, pcm: Pcm) -> None:
        recognised = self._engine.transcribe(pcm, lambda: self._closed, hints=self._hints)
        if recognised is not None:
            finality = self._engine.finality(recognised)
            self._post(Heard(number, recognised.text, recognised.confidence, finality))


def prepared(pcm: Pcm) -> NDArray[np.float32] | None:
    """Trim, level and pad an utterance for the model; None when it is silence."""
    span = voiced_span(pcm)
    if span is None:
        return None
    audio = pcm[max(0, span[0] - _LEAD) :].astype(np.float32) / 32_768.0
    peak = float(np.abs(audio).max())
    if peak < _MIN_PEAK:
        return None
    audio *= min(_MAX_GAIN, _PEAK / peak)
    return np.pad(audio, (max(0, _LEAD - span[0]), _TRAIL))
