"""What the core can ask for.

A command is a request to a shell; the core learns that it was carried out only through a later event. The union is
closed (at most 20 members). Commands are compared byte for byte by `voicebot replay`, so they hold plain values only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voicebot.core.events import Attempt


class Layer(StrEnum):
    """Which layer of two-layer speech an utterance of the bot belongs to."""

    GREETING = "greeting"
    SCAFFOLDING = "scaffolding"
    """Harmless: never a fact, never a completion."""
    ANSWER = "answer"
    PROMPT = "prompt"
    """A question back to the caller, a reprompt."""
    APOLOGY = "apology"
    ANNOUNCEMENT = "announcement"
    """A legal notice, or what is said before a transfer; protected from barge-in."""
    GOODBYE = "goodbye"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the dialogue as both sides heard it. `speaker` is `caller`, `bot` or `tool`."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Send the 200 to the INVITE."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the leg to the caller: BYE, or the status `code` when it was not answered yet."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class OpenUtterance:
    """Start feeding the ASR called `engine`, beginning with the audio kept since `since_ms`.

    `expects` is what the bot has asked for, as in BrainFinished.
    """

    utterance: int
    since_ms: int
    expects: str = ""
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Decode:
    """Ask for the text of all that the utterance holds so far.

    `engine` is the ASR to ask. One that has not heard this utterance is given all of it first, and the audio to come.
    """

    utterance: int
    decode: int
    engine: str = ""


@dataclass(frozen=True, slots=True)
class CloseUtterance:
    """The utterance is over; its audio and pending partials are no longer wanted."""

    utterance: int


@dataclass(frozen=True, slots=True)
class StartBrain:
    """Run the brain on a turn of the caller, or on the results of the tools that it asked for.

    `history` is what was said before this turn, as heard. `results` are (tool name, JSON) pairs of this turn, in the
    order of the calls. `memory` is what the last finished run returned. The first clause must come by `deadline_ms`.
    `engine` is the brain to run. `known` are (name, JSON) pairs of what was looked up as the call began.
    """

    attempt: Attempt
    turn: int
    text: str
    history: tuple[Line, ...]
    results: tuple[tuple[str, str], ...]
    memory: str
    deadline_ms: int
    engine: str = ""
    known: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CancelBrain:
    """Stop a run; whatever it still posts will be ignored."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class CallTool:
    """One attempt of a connector call. The shell gives up at `deadline_ms`. `key` is the idempotency key."""

    call: int
    name: str
    arguments: str
    key: str
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class CancelTool:
    """Stop a connector call if it can be stopped; its outcome is reported either way."""

    call: int


@dataclass(frozen=True, slots=True)
class Speak:
    """Render `text` with `engine` and append it to the playout ring, after whatever is queued, under `epoch`."""

    speech: int
    epoch: int
    text: str
    layer: Layer
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Render `text` ahead and hold it back: a Speak with the same text then starts at once. Replaces the last one."""

    text: str
    engine: str = ""


@dataclass(frozen=True, slots=True)
class PausePlayout:
    """Stop on the wire with the frame that is already out; keep what is queued."""


@dataclass(frozen=True, slots=True)
class ResumePlayout:
    """Go on from the exact sample where PausePlayout stopped."""


@dataclass(frozen=True, slots=True)
class FlushPlayout:
    """Drop all queued audio older than `epoch`, then stop the workers that render it. Ends a pause."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Refer:
    """Send REFER to the caller's side. `headers` are extra (name, value) pairs."""

    transfer: int
    target: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A mark for the trace and the metrics: nothing is carried out. `fields` are (name, value) pairs in fixed order."""

    mark: str
    fields: tuple[tuple[str, str | int], ...]


Command = (
    Answer
    | Hangup
    | OpenUtterance
    | Decode
    | CloseUtterance
    | StartBrain
    | CancelBrain
    | CallTool
    | CancelTool
    | Speak
    | Prepare
    | PausePlayout
    | ResumePlayout
    | FlushPlayout
    | Refer
    | Note
)
