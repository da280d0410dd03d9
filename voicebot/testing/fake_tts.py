"""A synthesiser that renders a tone: the same text is always the same audio, and its length follows from the text.

It can be told to fail, and to hang until it is cancelled or released, without any clock.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator

import numpy as np

from voicebot.core.events import Category
from voicebot.media.loudness import SPEECH_DBFS
from voicebot.tts.protocol import Pcm, SpeakingFailed

RATE = 16_000
"""Hz."""
CHUNK_SAMPLES = RATE // 10
MS_PER_CHARACTER = 20
PEAK = 32_768 * 10 ** (SPEECH_DBFS / 20) * 2**0.5


class FakeTts:
    """A TtsEngine. `texts` lists what was asked for, `cancelled` what was cancelled."""

    name = "fake"
    voice = "tone"
    version = "1"
    rate = RATE
    speed = 1.0

    def __init__(self, *, fail: Category | None = None, hang_after: int | None = None, deaf: bool = False) -> None:
        self.fail = fail
        self.hang_after = hang_after
        """Hang before this chunk (0: before the first)."""
        self.deaf = deaf
        """Do not react to `cancel` while hanging, as a library that is stuck."""
        self.released = threading.Event()
        self.hanging = threading.Semaphore(0)
        """Released once whenever a stream begins to hang."""
        self.texts: list[str] = []
        self.cancelled: list[str] = []

    def warm_up(self) -> None:
        """Do nothing; it is always warm."""

    def open(self, text: str) -> FakeTtsStream:
        """Prepare a tone for `text`."""
        self.texts.append(text)
        return FakeTtsStream(self, text)

    def close(self) -> None:
        """Let go of whatever hangs."""
        self.released.set()


class FakeTtsStream:
    """One text as a tone of -18 dBFS whose pitch is a function of the text."""

    def __init__(self, engine: FakeTts, text: str) -> None:
        self._engine = engine
        self._text = text
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop; ends a hang unless the engine is deaf."""
        self._engine.cancelled.append(self._text)
        self._cancelled.set()
        if not self._engine.deaf:
            self._engine.released.set()

    def chunks(self) -> Iterator[Pcm]:
        """Yield 100 ms at a time."""
        engine = self._engine
        tone = tone_of(self._text)
        for index, start in enumerate(range(0, len(tone), CHUNK_SAMPLES)):
            if engine.hang_after == index:
                engine.hanging.release()
                engine.released.wait()
            if self._cancelled.is_set():
                return
            if engine.fail is not None:
                raise SpeakingFailed(engine.fail, permanent=False, detail="told to fail")
            yield tone[start : start + CHUNK_SAMPLES]


def tone_of(text: str) -> Pcm:
    """Return the tone that stands for `text`: 20 ms a character, 300 to 1299 Hz."""
    pitch = 300 + zlib.crc32(text.encode()) % 1000
    samples = np.arange(len(text) * MS_PER_CHARACTER * RATE // 1000)
    wave = PEAK * np.sin(2 * np.pi * pitch / RATE * samples)
    return np.asarray(wave, dtype=np.int16)
