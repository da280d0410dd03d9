"""A remote recogniser in OpenAI's dialect: one POST of the utterance as WAV for each decode, no partials.

Requests run as tasks of one event loop on a thread of its own, because that is what makes a cancel and an absolute
deadline real: a blocked read ends at once, and the socket with it.
"""

from __future__ import annotations

import asyncio
import io
import threading
import wave
from collections import Counter
from collections.abc import Callable

import httpx2
import numpy as np
import openai
from openai import DefaultAsyncHttpxClient, Timeout, omit

from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import NO_HINTS, READ_OUT, SAMPLE_RATE, AsrResult, Heard, HearingFailed, Hints
from voicebot.asr.utterance import UtteranceAudio
from voicebot.core.events import Category
from voicebot.media.frames import Pcm

DEFAULT_MODEL = "whisper-1"

_KEEP_ALIVE_S = 300.0
_CONNECT_S = 1.0
_RATE_LIMITED = 429
_SERVER_ERROR = 500
_CLOSE_S = 5.0


class OpenAiAudioEngine:
    """`POST {base_url}/audio/transcriptions`. `base_url` and `api_key` default to OPENAI_BASE_URL and OPENAI_API_KEY.

    Overflow policy: decodes beyond `capacity` at once are refused (`reject_newest`), counted in `counts`.
    """

    name = "openai"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        base_url: str | None = None,
        api_key: str | None = None,
        deadline_s: float = 2.5,
        capacity: int = 64,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._model = model
        self._deadline_s = deadline_s
        self._capacity = capacity
        self._under_way: set[asyncio.Task[None]] = set()
        limits = httpx2.Limits(
            max_connections=capacity, max_keepalive_connections=capacity, keepalive_expiry=_KEEP_ALIVE_S
        )
        timeout = Timeout(connect=_CONNECT_S, read=deadline_s, write=deadline_s, pool=_CONNECT_S)
        try:
            self._client = openai.AsyncOpenAI(
                api_key=api_key,
                base_url=base_url,
                max_retries=0,
                timeout=timeout,
                http_client=DefaultAsyncHttpxClient(limits=limits, timeout=timeout),
            )
        except openai.OpenAIError as error:
            raise EngineUnavailableError(
                "asr.engine openai needs a key: set OPENAI_API_KEY (any text for a local server)"
            ) from error
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="asr-openai", daemon=True)
        self._thread.start()

    def warm_up(self) -> None:
        """Open a connection and load what the client loads late, 15 ms of it.

        A server that is not there yet is no error: its callers will hear of it.
        """

        async def connect() -> None:
            await self._rehearse()
            try:
                async with asyncio.timeout(self._deadline_s):
                    await self._client.models.list()
            except (openai.OpenAIError, TimeoutError):
                self.counts["warm_up_failed"] += 1

        asyncio.run_coroutine_threadsafe(connect(), self._loop).result()

    async def _rehearse(self) -> None:
        """Send a request that never leaves the process."""
        transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json={"text": ""}))
        async with httpx2.AsyncClient(transport=transport) as nowhere:
            await self._client.with_options(http_client=nowhere).audio.transcriptions.create(
                model=self._model,
                file=("utterance.wav", wav(np.zeros(0, np.int16)), "audio/wav"),
                response_format="json",
            )

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> OpenAiAudioStream:
        """Start an utterance whose results go to `post`. The hints become the request's `prompt`."""
        return OpenAiAudioStream(self, post, prompt(hints))

    def close(self) -> None:
        """Cancel what is under way, close the connections and join the thread."""

        async def finish() -> None:
            for task in tuple(self._under_way):
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            await self._client.close()

        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(_CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        self._loop.close()

    def begin(self, stream: OpenAiAudioStream, number: int, pcm: Pcm) -> None:
        """Queue the request for `decode`; called on a driver thread."""
        if self._loop.is_closed():
            stream.post(HearingFailed(number, Category.UNAVAILABLE, permanent=True, detail="the engine is closed"))
        else:
            self._loop.call_soon_threadsafe(self._begin, stream, number, pcm)

    def cancel(self, stream: OpenAiAudioStream) -> None:
        """Stop the stream's request; called on a driver thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(stream.cancel_task)

    def _begin(self, stream: OpenAiAudioStream, number: int, pcm: Pcm) -> None:
        stream.cancel_task()
        if len(self._under_way) >= self._capacity:
            self.counts["reject_newest"] += 1
            stream.post(HearingFailed(number, Category.UNAVAILABLE, permanent=False, detail="too many decodes at once"))
            return
        task = self._loop.create_task(self._answer(stream, number, pcm))
        stream.task = task
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, stream: OpenAiAudioStream, number: int, pcm: Pcm) -> None:
        stream.post(await self._transcribe(number, pcm, stream.prompt))

    async def _transcribe(self, number: int, pcm: Pcm, prompt: str) -> AsrResult:
        try:
            async with asyncio.timeout(self._deadline_s):
                reply = await self._client.audio.transcriptions.create(
                    model=self._model,
                    file=("utterance.wav", wav(pcm), "audio/wav"),
                    response_format="json",
                    prompt=prompt or omit,
                )
        except (openai.OpenAIError, TimeoutError, ValueError) as error:
            category, permanent = classify(error)
            return HearingFailed(number, category, permanent, type(error).__name__)
        text = getattr(reply, "text", None)
        if not isinstance(text, str):
            return HearingFailed(number, Category.GARBAGE, permanent=False, detail="the reply holds no text")
        return Heard(number, text.strip(), 1.0)


class OpenAiAudioStream:
    """One utterance. A newer decode supersedes the one under way."""

    def __init__(self, engine: OpenAiAudioEngine, post: Callable[[AsrResult], None], prompt: str) -> None:
        self.post = post
        self.prompt = prompt
        self.task: asyncio.Task[None] | None = None
        self._engine = engine
        self._audio = UtteranceAudio()

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes."""
        self._audio.append(frame)

    def decode(self, number: int) -> None:
        """Send everything fed so far."""
        self._engine.begin(self, number, self._audio.snapshot())

    def close(self) -> None:
        """Cancel the request under way."""
        self._engine.cancel(self)

    def cancel_task(self) -> None:
        """Cancel the request; on the engine's loop only."""
        if self.task is not None:
            self.task.cancel()
            self.task = None


def prompt(hints: Hints) -> str:
    """Return the text that the utterance may be a continuation of; "" when nothing is known."""
    names = f"{', '.join(hints.phrases)}." if hints.phrases else ""
    return " ".join(part for part in (names, "" if hints.digits is None else READ_OUT) if part)


def wav(pcm: Pcm) -> bytes:
    """Return 16 kHz int16 mono samples as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(pcm.tobytes())
    return file.getvalue()


def classify(error: Exception) -> tuple[Category, bool]:
    """Return what kind of failure an exception of the client is, and whether it is permanent."""
    match error:
        case openai.APITimeoutError() | TimeoutError():
            return Category.TIMEOUT, False
        case openai.APIConnectionError():
            return Category.UNAVAILABLE, False
        case openai.APIStatusError(status_code=code):
            if code == _RATE_LIMITED:
                return Category.RATE_LIMITED, False
            return (Category.UNAVAILABLE, False) if code >= _SERVER_ERROR else (Category.REJECTED, True)
        case _:
            return Category.GARBAGE, False
