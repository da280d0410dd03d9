"""Reads the chunks of one streamed chat completion: text into clauses, fragments into tool calls.

The chunks are read here and not by the client's own stream class, because that one drops the connection after `[DONE]`,
so that every turn would pay for a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import BaseModel

from voicebot.brain.chat_memory import WantedCall
from voicebot.brain.clauses import ClauseSplitter
from voicebot.brain.messages import END_CALL, HAND_TO_HUMAN
from voicebot.core.events import Category
from voicebot.remote.link import LinkError

DONE = "[DONE]"
_DATA = "data:"


class Function(BaseModel):
    """A piece of a call's name and arguments."""

    name: str | None = None
    arguments: str | None = None


class ToolPiece(BaseModel):
    """A fragment of a tool call; only the first one of an index carries the id."""

    index: int = 0
    id: str | None = None
    function: Function | None = None


class Delta(BaseModel):
    """What is new."""

    content: str | None = None
    tool_calls: list[ToolPiece] | None = None


class Choice(BaseModel):
    """One candidate; only one is asked for."""

    delta: Delta | None = None
    finish_reason: str | None = None


class Cached(BaseModel):
    """How much of a prompt the server had read before."""

    cached_tokens: int | None = None


class Usage(BaseModel):
    """What a completion cost, in tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: Cached | None = None


class Chunk(BaseModel):
    """What is read of a `chat.completion.chunk`. The one that reports usage has no choices."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: object = None


def completion_chunks(lines: Iterator[str]) -> Iterator[Chunk]:
    """Yield the chunks among the lines of a text/event-stream, up to `[DONE]`.

    Raises ValueError for what is not a chunk, LinkError for an error that the server reports in the stream.
    """
    for line in lines:
        data = line.removeprefix(_DATA).strip()
        if not line.startswith(_DATA) or not data:
            continue
        if data == DONE:
            return
        chunk = Chunk.model_validate_json(data)
        if chunk.error:
            raise LinkError(Category.UNAVAILABLE, permanent=False, detail="the server reported an error in the stream")
        yield chunk


class ChatReader:
    """Collects one completion. `said` is its text so far, `calls` are complete after `finish`.

    `tokens` is what the server says of its cost: read, of that from its cache, written; empty when it says nothing.
    """

    def __init__(self) -> None:
        self.said = ""
        self.calls: list[WantedCall] = []
        self.tokens: tuple[int, ...] = ()
        self._splitter = ClauseSplitter()
        self._ready: list[str] = []
        self._fragments: dict[int, list[str]] = {}
        self._finish_reason = ""

    def take(self, chunk: Chunk) -> bool:
        """Take one chunk; True when it held text, a piece of a tool call, or the end."""
        if chunk.usage is not None:
            details = chunk.usage.prompt_tokens_details
            cached = (details.cached_tokens or 0) if details is not None else 0
            self.tokens = (chunk.usage.prompt_tokens, cached, chunk.usage.completion_tokens)
        if not chunk.choices:
            return False
        choice = chunk.choices[0]
        useful = bool(choice.finish_reason)
        if choice.finish_reason:
            self._finish_reason = choice.finish_reason
        if choice.delta is not None:
            useful = self._take_delta(choice.delta) or useful
        return useful

    def clauses(self) -> list[str]:
        """Return the clauses that are complete and were not returned before."""
        ready, self._ready = self._ready, []
        return ready

    def finish(self, known_tools: frozenset[str]) -> None:
        """Close the completion. Raises LinkError (GARBAGE) for one that is empty of meaning or asks for nonsense."""
        self._ready += self._splitter.flush()
        for index in sorted(self._fragments):
            call_id, name, arguments = self._fragments[index]
            call = WantedCall(call_id or f"call_{index}", name, arguments or "{}")
            if name not in known_tools | {HAND_TO_HUMAN, END_CALL}:
                raise LinkError(Category.GARBAGE, permanent=False, detail="the model asked for a tool it was not given")
            if not isinstance(json.loads(call.arguments), dict):
                raise LinkError(Category.GARBAGE, permanent=False, detail="a tool's arguments are not a JSON object")
            self.calls.append(call)
        if not (self.said or self.calls or self._finish_reason):
            raise LinkError(Category.GARBAGE, permanent=False, detail="the completion was empty")

    def argument(self, call: WantedCall, name: str) -> str:
        """Return one argument of a call as text, empty when it is missing."""
        return str(json.loads(call.arguments).get(name, ""))

    def _take_delta(self, delta: Delta) -> bool:
        if delta.content:
            self.said += delta.content
            self._ready += self._splitter.feed(delta.content)
        # Fragments of a call share its index; only the first carries id and name.
        for piece in delta.tool_calls or ():
            fragment = self._fragments.setdefault(piece.index, ["", "", ""])
            fragment[0] = fragment[0] or piece.id or ""
            if piece.function is not None:
                fragment[1] += piece.function.name or ""
                fragment[2] += piece.function.arguments or ""
        return bool(delta.content or delta.tool_calls)
