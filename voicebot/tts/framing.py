"""From an engine's chunks to what the playout ring takes: 16 kHz, no leading silence, whole frames of 20 ms."""

from __future__ import annotations

import numpy as np

from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE
from voicebot.media.levels import LeadingSilenceTrim
from voicebot.media.loudness import levelled
from voicebot.media.resample import Resampler
from voicebot.tts.protocol import Pcm, TtsEngine


class FrameMaker:
    """Takes the chunks of one text at `rate` Hz. What does not fill a frame waits for the next chunk."""

    def __init__(self, rate: int) -> None:
        self._resampler = Resampler(rate, SAMPLE_RATE)
        self._trim = LeadingSilenceTrim()
        self._held = b""

    def push(self, chunk: Pcm) -> bytes:
        """Return the whole frames of 640 bytes that are ready, perhaps none."""
        self._take(self._trim.process(self._resampler.process(chunk)))
        whole = len(self._held) // FRAME_BYTES * FRAME_BYTES
        ready, self._held = self._held[:whole], self._held[whole:]
        return ready

    def finish(self) -> bytes:
        """Return the rest, the last frame padded with silence."""
        self._take(self._trim.process(self._resampler.flush()))
        self._take(self._trim.flush())
        return self._held + bytes(-len(self._held) % FRAME_BYTES)

    def _take(self, pcm: Pcm) -> None:
        self._held += pcm.astype("<i2", copy=False).tobytes()


def render(engine: TtsEngine, text: str) -> bytes:
    """Render a whole text at once, on this thread, as whole frames. Raises SpeakingFailed."""
    stream = engine.open(text)
    maker = FrameMaker(engine.rate)
    frames = [maker.push(chunk) for chunk in stream.chunks()]
    return b"".join((*frames, maker.finish()))


def levelled_frames(frames: bytes) -> bytes:
    """Bring a whole text to the level of all speech: an engine that streams may have missed it in its first words."""
    return levelled(np.frombuffer(frames, "<i2")).astype("<i2", copy=False).tobytes()
