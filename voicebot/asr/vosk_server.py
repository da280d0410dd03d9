"""A remote Vosk over its WebSocket protocol: streams, with partials.

All connections are tasks of one event loop on a thread of its own, so that a deadline or a close ends a read that
blocks. An utterance keeps its audio until it is over: when a connection breaks, the next decode sends again what was
not yet answered, over a new one.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.uri import parse_uri

from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import NO_HINTS, AsrResult, Heard, HearingFailed, Hints, Word
from voicebot.asr.utterance import UtteranceAudio
from voicebot.asr.vosk_model import SoFar
from voicebot.asr.vosk_server_link import GarbledReplyError, Segment, SegmentText
from voicebot.core.events import FRAME_MS, Category
from voicebot.media.frames import Pcm

DEFAULT_URL = "ws://127.0.0.1:2700"
"""Where vosk-server listens unless told otherwise."""

_MESSAGE_FRAMES = 100 // FRAME_MS
_CONNECT_S = 1.0
_CLOSE_S = 5.0
_ROUNDS = 3


class VoskServerEngine:
    """A vosk-server at `url` (ws or wss).

    Overflow policy: connections beyond `capacity` at once are refused (`reject_newest`), counted in `counts`.
    """

    name = "vosk-server"

    def __init__(self, url: str = DEFAULT_URL, deadline_s: float = 2.5, capacity: int = 64) -> None:
        try:
            parse_uri(url)
        except InvalidURI as error:
            raise EngineUnavailableError(f"asr.model: {url!r} is no WebSocket address; write {DEFAULT_URL}") from error
        # At DEBUG it logs what callers said.
        logging.getLogger("websockets").setLevel(logging.WARNING)
        self.counts: Counter[str] = Counter()
        self._url = url
        self._deadline_s = deadline_s
        self._capacity = capacity
        self._under_way: set[asyncio.Task[SegmentText]] = set()
        self._farewells: set[asyncio.Task[None]] = set()
        self._answers: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="asr-vosk-server", daemon=True)
        self._thread.start()

    def warm_up(self) -> None:
        """Ask for the text of nothing. A server that is not there yet is no error: its callers will hear of it."""

        async def ask_nothing() -> None:
            segment = Segment(0, lambda _text: None)
            segment.push(UtteranceAudio().snapshot(), last=True)
            try:
                async with asyncio.timeout(self._deadline_s):
                    await segment.run(self._url, _CONNECT_S, self._farewells)
            except (OSError, WebSocketException, GarbledReplyError):
                self.counts["warm_up_failed"] += 1

        asyncio.run_coroutine_threadsafe(ask_nothing(), self._loop).result()

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> VoskServerStream:  # noqa: ARG002
        """Start an utterance whose results go to `post`.

        The protocol takes a list of words, but then hears nothing else: the hints are not used.
        """
        return VoskServerStream(self, post)

    def close(self) -> None:
        """Cut the connections and join the thread."""

        async def finish() -> None:
            tasks = (*self._answers, *self._under_way)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *self._farewells, return_exceptions=True)
            # A connection that was aborted lets its socket go in one of the loop's next rounds.
            for _ in range(_ROUNDS):
                await asyncio.sleep(0)

        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(_CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        self._loop.close()

    def call(self, work: Callable[[], None]) -> bool:
        """Do `work` on the engine's loop; False when the engine is closed. Called on a driver thread."""
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            return False
        return True

    def converse(self, segment: Segment) -> asyncio.Task[SegmentText] | None:
        """Connect for a segment, or refuse; on the loop only."""
        if len(self._under_way) >= self._capacity:
            self.counts["reject_newest"] += 1
            return None
        task = self._loop.create_task(segment.run(self._url, _CONNECT_S, self._farewells))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def answer(
        self, stream: VoskServerStream, number: int, end: int, conversation: asyncio.Task[SegmentText]
    ) -> asyncio.Task[None]:
        """Answer a decode of the first `end` samples within the deadline; on the loop only."""

        async def within_deadline() -> None:
            try:
                async with asyncio.timeout(self._deadline_s):
                    heard = await stream.text_until(end, conversation)
            except (OSError, WebSocketException, GarbledReplyError) as error:
                category, permanent = classify(error)
                stream.post(HearingFailed(number, category, permanent, type(error).__name__))
            else:
                stream.post(Heard(number, heard.text, heard.confidence, words=heard.words))

        task = self._loop.create_task(within_deadline())
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)
        return task

    def _ended(self, task: asyncio.Task[SegmentText]) -> None:
        self._under_way.discard(task)
        # Retrieved here, because a stream that was closed asks nobody; asyncio would complain at its end.
        if not task.cancelled() and task.exception() is not None:
            self.counts["broken"] += 1


class VoskServerStream:
    """One utterance. `feed`, `decode` and `close` are called on the driver thread; the rest lives on the loop."""

    def __init__(self, engine: VoskServerEngine, post: Callable[[AsrResult], None]) -> None:
        self.post = post
        self._engine = engine
        self._audio = UtteranceAudio()
        self._frames = 0
        self._closed = False
        self._segment: Segment | None = None
        self._conversation: asyncio.Task[SegmentText] | None = None
        self._answering: asyncio.Task[None] | None = None
        self._next: tuple[int, Pcm] | None = None
        """The decode that waits for the one under way."""
        self._settled = 0
        """Samples whose text is known."""
        self._texts: list[str] = []
        self._words: list[Word] = []

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes; every 100 ms of them are sent."""
        self._audio.append(frame)
        self._frames += 1
        if self._frames % _MESSAGE_FRAMES == 0:
            pcm = self._audio.snapshot()
            self._engine.call(lambda: self._send(pcm))

    def decode(self, number: int) -> None:
        """Ask for the text of everything fed so far."""
        pcm = self._audio.snapshot()
        if not self._engine.call(lambda: self._ask(number, pcm)):
            self.post(HearingFailed(number, Category.UNAVAILABLE, permanent=True, detail="the engine is closed"))

    def close(self) -> None:
        """Cut the connection."""
        self._engine.call(self._drop)

    async def text_until(self, end: int, conversation: asyncio.Task[SegmentText]) -> SoFar:
        """Return the text of the first `end` samples.

        Raises what a conversation raises; what it was sent goes over a new one at the next decode.
        """
        try:
            text, words = await conversation
        finally:
            self._segment = self._conversation = None
        self._settled = end
        if text:
            self._texts.append(text)
        self._words += words
        return SoFar.of(" ".join(self._texts), self._words)

    def _send(self, pcm: Pcm) -> None:
        if self._closed or self._answering is not None:
            return
        if self._conversation is None:
            self._connect()
        # One that broke is left alone until a decode asks: a server that is gone is not called ten times a second.
        if self._segment is not None:
            self._segment.push(pcm, last=False)

    def _ask(self, number: int, pcm: Pcm) -> None:
        if self._closed:
            return
        if self._answering is not None:
            self._next = (number, pcm)
            return
        if self._conversation is None or self._conversation.done():
            self._connect()
        if self._segment is None or self._conversation is None:
            self.post(HearingFailed(number, Category.UNAVAILABLE, permanent=False, detail="too many connections"))
            return
        self._segment.push(pcm, last=True)
        self._answering = self._engine.answer(self, number, len(pcm), self._conversation)
        self._answering.add_done_callback(self._answered)

    def _answered(self, answer: asyncio.Task[None]) -> None:
        self._answering = None
        if answer.cancelled():
            return
        following, self._next = self._next, None
        if following is not None:
            self._ask(*following)

    def _connect(self) -> None:
        segment = Segment(self._settled, self._partial)
        self._conversation = self._engine.converse(segment)
        self._segment = None if self._conversation is None else segment

    def _partial(self, text: str) -> None:
        if not self._closed and self._answering is None:
            self.post(Heard(0, " ".join((*self._texts, text)), 1.0))

    def _drop(self) -> None:
        self._closed = True
        for task in (self._answering, self._conversation):
            if task is not None:
                task.cancel()


def classify(error: Exception) -> tuple[Category, bool]:
    """Return what kind of failure an exception of a conversation is, and whether it is permanent."""
    match error:
        case TimeoutError():
            return Category.TIMEOUT, False
        case InvalidStatus(response=response) if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Category.REJECTED, True
        case InvalidStatus() | OSError():
            return Category.UNAVAILABLE, False
        case ConnectionClosed(sent=sent, rcvd_then_sent=later) if sent is not None and not later:
            # Only a peer that breaks the protocol makes this side end the connection.
            return Category.GARBAGE, False
        case ConnectionClosed():
            return Category.UNAVAILABLE, False
        case _:
            return Category.GARBAGE, False
