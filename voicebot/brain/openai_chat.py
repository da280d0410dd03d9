"""A language model behind any OpenAI-compatible server, streamed.

One run is one streamed chat completion. Its tokens become clauses, its tool calls become wishes, its end becomes the
outcome. Runs have threads and connections that exist before they are needed, and are cut when they must stop.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import openai
from openai import APIResponse
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from voicebot.brain.chat_memory import Round, answered, recall, remember
from voicebot.brain.chat_stream import ChatReader, completion_chunks
from voicebot.brain.clauses import SENTENCE_MARKS
from voicebot.brain.messages import END_CALL, HAND_TO_HUMAN, Message, ToolSpec, messages, offered_tools
from voicebot.brain.protocol import BrainResult
from voicebot.core.commands import StartBrain
from voicebot.core.events import (
    FRAME_MS,
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    Category,
    EngineFailed,
    Role,
)
from voicebot.core.spoken_length import frames_of
from voicebot.remote.link import Endpoint, Exchange, ExchangeError, LinkError, LinkPool

DRAIN_S = 0.5
"""How long the end of a body is waited for after the completion is over."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in the currency of the one who pays: read, read from the server's cache, written."""

    read: float = 0.0
    cached: float = 0.0
    written: float = 0.0

    def cost_micro(self, tokens: tuple[int, ...]) -> int:
        """Return what a run cost, in millionths of the currency. What came from the cache is part of what was read."""
        if not tokens:
            return 0
        read, cached, written = tokens
        return round((read - cached) * self.read + cached * self.cached + written * self.written)


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Which model, what it is told, what it may ask for, and how long it may take in seconds."""

    model: str
    system_prompt: str = ""
    tools: tuple[ToolSpec, ...] = ()
    reason_codes: tuple[str, ...] = ("CALLER_ASKED",)
    """What `hand_to_human` may give as its reason; the first one stands in for anything else."""
    endpoint: Endpoint = field(default_factory=Endpoint)
    first_s: float = 3.0
    """From the request to the first token."""
    gap_s: float = 2.0
    """Between two tokens."""
    max_tokens: int = 400
    max_speech_s: float = 0.0
    """An answer ends with the sentence before it would take longer to say; 0 for no limit."""
    confirm: Callable[[str, str], str] = lambda name, arguments: ""  # noqa: ARG005 - nothing has a side effect
    """Returns the question to the caller before a connector is called with these arguments, JSON."""
    moment: Callable[[StartBrain], str] = lambda request: ""  # noqa: ARG005 - nothing to tell
    """Returns what is true only now, such as the time."""
    prices: Prices = Prices()


class OpenAiBrain:
    """A Brain over HTTP. As many runs at once as the endpoint has links; further ones fail as unavailable."""

    name = "openai"

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        self._tools = offered_tools(settings.tools, settings.reason_codes)
        self._pool = LinkPool(settings.endpoint, "brain")
        self._free = threading.Semaphore(settings.endpoint.links)
        self._threads = ThreadPoolExecutor(settings.endpoint.links, thread_name_prefix="brain")

    @property
    def refused(self) -> int:
        """Number of runs that were refused because all links were in use."""
        return self._pool.refused

    def warm_up(self) -> None:
        """Start the threads and open the connections. A server that is not there yet is a warning: it may come."""
        count = self._settings.endpoint.links
        together = threading.Barrier(count)
        for started in [self._threads.submit(together.wait) for _ in range(count)]:
            started.result()
        self._pool.preload(lambda client: client.chat.completions.with_streaming_response)
        try:
            self._pool.warm_up()
        except LinkError as error:
            _LOG.warning("model server not reached yet", extra={"model": self._settings.model, "reason": str(error)})

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> ChatRun:
        """Begin a run and return at once."""
        run = ChatRun(self._settings, self._tools, Exchange(self._pool), request, post)
        if self._free.acquire(blocking=False):
            self._threads.submit(self._carry_out, run)
        else:
            self._pool.refused += 1
            run.fail(LinkError(Category.UNAVAILABLE, permanent=False, detail="all links are in use"))
        return run

    def close(self) -> None:
        """Cut running runs and release threads and connections."""
        self._pool.close()
        self._threads.shutdown()

    def _carry_out(self, run: ChatRun) -> None:
        try:
            run.carry_out()
        except Exception as error:  # noqa: BLE001 - the root of a pool thread, where it would vanish
            # The message of an unforeseen error may quote what was said, its type cannot.
            _LOG.error("brain run failed unexpectedly", extra={"error": type(error).__name__})
            run.fail(LinkError(Category.INTERNAL, permanent=False, detail=type(error).__name__))
        finally:
            self._free.release()


class ChatRun:
    """One run."""

    def __init__(
        self,
        settings: ChatSettings,
        tools: list[Message],
        exchange: Exchange,
        request: StartBrain,
        post: Callable[[BrainResult], None],
    ) -> None:
        self._settings = settings
        self._tools = tools
        self._exchange = exchange
        self._request = request
        self._post = post
        self._evidence = tuple(dict.fromkeys(f"tool:{name}" for name, _ in request.results))
        self._clauses = 0
        self._rounds: tuple[Round, ...] = ()
        self._frames = 0
        """How long what was posted takes to say."""
        self._sentence_over = True
        self._full = False

    def cancel(self) -> None:
        """Cut the connection. Nothing is posted afterwards but what is being posted right now."""
        self._exchange.cancel()

    def carry_out(self) -> None:
        """Run to the end on this thread and post what comes."""
        exchange = self._exchange
        if exchange.cancelled:
            return
        reader = ChatReader()
        try:
            self._rounds = self._recalled()
            moment = self._settings.moment(self._request)
            sent = messages(self._settings.system_prompt, self._request, self._rounds, moment)
            with exchange, contextlib.ExitStack() as responses:
                exchange.within(self._settings.first_s)
                response = exchange.request(lambda client: responses.enter_context(self._send(client, sent)))
                lines = response.iter_lines()
                self._read(lines, reader)
                self._conclude(reader)
                self._drain(lines)
        except (*ExchangeError, LinkError) as error:
            if not exchange.cancelled:
                self.fail(exchange.failure(error))

    def _recalled(self) -> tuple[Round, ...]:
        """Return what was asked of connectors so far, with the results that have just come.

        The memory of another brain, which has answered in between, is forgotten.
        """
        try:
            rounds = recall(self._request.memory)
        except ValueError:
            rounds = ()
        if self._request.results:
            rounds = answered(rounds, self._request.results, len(self._request.history))
        return rounds

    def _read(self, lines: Iterator[str], reader: ChatReader) -> None:
        exchange = self._exchange
        for chunk in completion_chunks(lines):
            exchange.check()
            if reader.take(chunk):
                exchange.within(self._settings.gap_s)
            self._say(reader.clauses())
        # Where a server marks the end by closing, a cut connection looks like a good end.
        exchange.check()
        reader.finish(frozenset(tool.name for tool in self._settings.tools))
        self._say(reader.clauses())

    def _drain(self, lines: Iterator[str]) -> None:
        """Read to the end of the body: only then does the connection stay open for the next turn."""
        self._exchange.within(DRAIN_S)
        with contextlib.suppress(*ExchangeError):
            collections.deque(lines, maxlen=0)

    def fail(self, failure: LinkError) -> None:
        """Post the run's failure."""
        number = self._request.attempt.number
        self._post(EngineFailed(Role.BRAIN, number, failure.category, failure.permanent))

    def _send(
        self, client: openai.OpenAI, sent: list[Message]
    ) -> contextlib.AbstractContextManager[APIResponse[openai.Stream[ChatCompletionChunk]]]:
        return client.chat.completions.with_streaming_response.create(
            model=self._settings.model,
            messages=cast("list[ChatCompletionMessageParam]", sent),
            tools=cast("list[ChatCompletionToolParam]", self._tools),
            max_tokens=self._settings.max_tokens,
            stream=True,
            stream_options={"include_usage": True},
        )

    def _say(self, clauses: list[str]) -> None:
        limit = int(self._settings.max_speech_s * 1000 / FRAME_MS)
        for clause in clauses:
            frames = frames_of(clause)
            if limit and self._sentence_over and self._clauses and self._frames + frames > limit:
                self._full = True
            if self._full:
                return
            self._frames += frames
            self._sentence_over = clause.rstrip("\"'\u201d\u2019)")[-1:] in SENTENCE_MARKS
            self._post(BrainClause(self._request.attempt, self._clauses, clause, self._evidence))
            self._clauses += 1

    def _conclude(self, reader: ChatReader) -> None:
        asked = {call.name: call for call in reader.calls}
        if HAND_TO_HUMAN in asked:
            reason = self._reason(reader.argument(asked[HAND_TO_HUMAN], "reason"))
            self._finish(reader, BrainOutcome.HANDOFF, reason)
        elif END_CALL in asked:
            self._finish(reader, BrainOutcome.GOODBYE)
        elif reader.calls:
            for call in reader.calls:
                question = self._settings.confirm(call.name, call.arguments)
                self._post(BrainToolWanted(self._request.attempt, call.name, call.arguments, question))
            asked_now = Round(reader.said, tuple(reader.calls), at=len(self._request.history))
            self._rounds = (*self._rounds, asked_now)
            self._finish(reader, BrainOutcome.WAITING_FOR_TOOLS)
        else:
            self._finish(reader, BrainOutcome.ANSWERED if self._clauses else BrainOutcome.NO_MATCH)

    def _finish(self, reader: ChatReader, outcome: BrainOutcome, reason_code: str = "") -> None:
        cost = self._settings.prices.cost_micro(reader.tokens)
        memory = remember(self._rounds)
        attempt, tokens = self._request.attempt, reader.tokens
        self._post(BrainFinished(attempt, outcome, reason_code, memory, tokens=tokens, cost_micro=cost))

    def _reason(self, named: str) -> str:
        known = self._settings.reason_codes
        if named in known or not known:
            return named
        return known[0]
