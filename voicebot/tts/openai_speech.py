"""Speech from any server with OpenAI's /v1/audio/speech, streamed as raw PCM.

The response format `pcm` is int16 little-endian mono at 24 kHz without a header. Every piece is passed on the moment it
arrives. Two deadlines are ours: the first piece, counted from the request, and the gap between pieces, not counting the
time that the consumer takes. How loud the voice is cannot be asked: it is learned.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import openai
from openai import APIResponse

from voicebot.core.events import Category
from voicebot.media.loudness import VoiceLevel
from voicebot.remote.link import Endpoint, Exchange, ExchangeError, LinkError, LinkPool
from voicebot.tts.protocol import Pcm, SpeakingFailed

RATE = 24_000
"""Hz, fixed by the API for `response_format=pcm`."""
REVISION = 1
"""Counts changes in how texts are rendered; cached speech of another revision is not used."""
SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """What to ask for, and how long to wait for it in seconds."""

    endpoint: Endpoint = field(default_factory=Endpoint)
    model: str = "gpt-4o-mini-tts"
    voice: str = "alloy"
    speed: float = 1.0
    first_s: float = 2.5
    gap_s: float = 1.0


class OpenAiSpeech:
    """A TtsEngine over HTTP. Holds as many warm connections as the endpoint's `links`."""

    name = "openai"
    rate = RATE

    def __init__(self, settings: SpeechSettings) -> None:
        self.voice = settings.voice
        self.version = f"{settings.model}+{REVISION}"
        self.speed = settings.speed
        self._level = VoiceLevel()
        self._settings = settings
        self._pool = LinkPool(settings.endpoint, "tts")

    @property
    def refused(self) -> int:
        """Number of streams that were refused because all links were in use."""
        return self._pool.refused

    def warm_up(self) -> None:
        """Open the connections. Raises SpeakingFailed when nobody is there."""
        try:
            self._pool.warm_up()
        except LinkError as error:
            raise _speaking_failed(error) from error

    def open(self, text: str) -> OpenAiSpeechStream:
        """Prepare to render `text`."""
        return OpenAiSpeechStream(self._settings, Exchange(self._pool), self._level, text)

    def close(self) -> None:
        """Cut running streams and release the connections."""
        self._pool.close()


class OpenAiSpeechStream:
    """One text being rendered by the server."""

    def __init__(self, settings: SpeechSettings, exchange: Exchange, level: VoiceLevel, text: str) -> None:
        self._settings = settings
        self._exchange = exchange
        self._level = level
        self._text = text

    def cancel(self) -> None:
        """Cut the connection; a blocked read returns at once."""
        self._exchange.cancel()

    def chunks(self) -> Iterator[Pcm]:
        """Yield samples as they arrive. Raises SpeakingFailed; ends quietly after `cancel`."""
        exchange = self._exchange
        try:
            with exchange, contextlib.ExitStack() as responses:
                exchange.within(self._settings.first_s)
                response = exchange.request(lambda client: responses.enter_context(self._send(client)))
                yield from self._level.applied(self._samples(response), RATE)
        except (*ExchangeError, LinkError) as error:
            if exchange.cancelled:
                return
            raise _speaking_failed(exchange.failure(error)) from error

    def _send(self, client: openai.OpenAI) -> contextlib.AbstractContextManager[APIResponse[bytes]]:
        return client.audio.speech.with_streaming_response.create(
            input=self._text,
            model=self._settings.model,
            voice=self._settings.voice,
            response_format="pcm",
            speed=self._settings.speed,
        )

    def _samples(self, response: APIResponse[bytes]) -> Iterator[Pcm]:
        exchange = self._exchange
        kind = response.headers.get("content-type", "")
        if kind.startswith(("text/", "application/json")):
            raise LinkError(Category.GARBAGE, permanent=False, detail="the body is not audio")
        odd = b""
        empty = True
        for piece in response.iter_bytes():
            if exchange.cancelled:
                return
            raw = odd + piece
            whole = len(raw) // SAMPLE_BYTES * SAMPLE_BYTES
            odd = raw[whole:]
            if whole:
                empty = False
                exchange.rest()
                yield np.frombuffer(raw[:whole], dtype="<i2").astype(np.int16, copy=False)
                exchange.within(self._settings.gap_s)
        # Where a server marks the end by closing, a cut connection looks like a good end.
        exchange.check()
        if empty:
            raise LinkError(Category.GARBAGE, permanent=False, detail="the body held no audio")


def _speaking_failed(error: LinkError) -> SpeakingFailed:
    return SpeakingFailed(error.category, error.permanent, str(error))
