"""Speech that is rendered before it is known whether it will be said: held back here until it is."""

from __future__ import annotations

import threading

from voicebot.tts.protocol import SpeakingFailed
from voicebot.tts.speaker import SpeechSink


class Prepared:
    """Takes the audio of one text; `release` hands over what came so far and lets the rest through.

    It holds one clause, so it is bounded by what the brain gives out as one. Fed by a renderer's thread, released or
    dropped by the call's.
    """

    def __init__(self, text: str, engine: str = "") -> None:
        self.text = text
        self.engine = engine
        """Who renders it, by its name in the chain."""
        self.over = False
        """Whether the renderer is through with it."""
        self._lock = threading.Lock()
        self._held: list[bytes] = []
        self._failure: SpeakingFailed | None = None
        self._sink: SpeechSink | None = None
        self._dropped = False

    def frames(self, pcm: bytes) -> bool:
        """Hold whole frames back, or pass them on; False when nobody wants them any more."""
        with self._lock:
            if self._sink is None:
                if not self._dropped:
                    self._held.append(pcm)
                return not self._dropped
            sink = self._sink
        return sink.frames(pcm)

    def done(self) -> None:
        """Say that all of it was rendered."""
        with self._lock:
            self.over = True
            sink = self._sink
        if sink is not None:
            sink.done()

    def failed(self, error: SpeakingFailed) -> None:
        """Say that no more will come."""
        with self._lock:
            self.over, self._failure = True, error
            sink = self._sink
        if sink is not None:
            sink.failed(error)

    def release(self, sink: SpeechSink) -> None:
        """Let it be heard through `sink`."""
        with self._lock:
            for pcm in self._held:
                sink.frames(pcm)
            self._held.clear()
            self._sink = sink
            over, failure = self.over, self._failure
        if failure is not None:
            sink.failed(failure)
        elif over:
            sink.done()

    def drop(self) -> None:
        """Forget it."""
        with self._lock:
            self._dropped = True
            self._held.clear()
