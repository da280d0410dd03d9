"""What can happen in a call.

An event is a fact that reached the driver: it has already happened and nothing in the core can refuse it. The union is
closed (at most 25 members), every member is a frozen dataclass of plain values, and text in it is already redacted, so
that the journal may hold events as they are. Times are whole milliseconds on the call's own monotonic clock, which
starts at 0 when the INVITE arrives; the time at which an event is handled travels beside it, as `now_ms`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

FRAME_MS = 20
"""Length of every audio frame inside the bot, in ms. `Played` and `SpeechRendered` count in these."""


class Attempt(NamedTuple):
    """Names one run of the brain. Results of an attempt whose epoch is over are ignored."""

    epoch: int
    number: int


class EndCause(StrEnum):
    """Why the leg to the caller ended."""

    CALLER_HUNG_UP = "caller_hung_up"
    CANCELLED = "cancelled"
    BOT_HUNG_UP = "bot_hung_up"
    TRANSFERRED = "transferred"
    MEDIA_LOST = "media_lost"
    DRAINED = "drained"
    ERROR = "error"


class MediaState(StrEnum):
    """Whether the caller's audio arrives."""

    FLOWING = "flowing"
    HELD = "held"
    LOST = "lost"


class Role(StrEnum):
    """The external parts that a call leans on."""

    ASR = "asr"
    BRAIN = "brain"
    TTS = "tts"
    TOOL = "tool"


class Category(StrEnum):
    """What kind of failure it was. Together with `permanent` it decides whether another attempt makes sense."""

    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    GARBAGE = "garbage"
    INTERNAL = "internal"


class BrainOutcome(StrEnum):
    """How a run of the brain ended."""

    ANSWERED = "answered"
    WAITING_FOR_TOOLS = "waiting_for_tools"
    NO_MATCH = "no_match"
    HANDOFF = "handoff"
    GOODBYE = "goodbye"


class TransferReport(StrEnum):
    """Where a report about a REFER came from (RFC 3515)."""

    RESPONSE = "response"
    """The final response to the REFER request itself."""
    NOTIFY = "notify"
    """A NOTIFY that was really received; `code` is its sipfrag's status, 0 when the sipfrag is not valid."""
    TERMINATED = "terminated"
    """A NOTIFY ended the subscription without a final status."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """An INVITE was admitted. Carries all that core may know of the outside world."""

    call_id: str
    sip_call_id: str
    caller: str
    called: str
    started_at: str
    """Wall time, ISO 8601 with offset."""
    time_zone: str
    weekday: str
    """English name of the caller-facing day in `time_zone`, in lower case."""
    open_now: bool
    policy_hash: str
    asr: tuple[str, ...] = ("",)
    """The names of the engines of this role, the one to ask first."""
    brain: tuple[str, ...] = ("",)
    tts: tuple[str, ...] = ("",)
    sick: tuple[str, ...] = ()
    """Engines that are not well as the call begins, as `role:name`."""
    early_media: bool = False
    """Whether the caller hears the bot before the call is answered."""


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The 200 was acknowledged and media flows."""

    codec: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The leg to the caller is gone, whoever ended it. `code` is the SIP status, 0 when there was none."""

    cause: EndCause
    code: int


@dataclass(frozen=True, slots=True)
class MediaChanged:
    """Hold, unhold, RTP that stopped (15 s), RTP that came back."""

    media: MediaState


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The VAD heard the caller speak for its start time. `resumed`: the pause before was within one utterance."""

    voiced_at_ms: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """The caller has been quiet for the VAD's pause time. The last voiced sample is where silence time starts."""

    last_voiced_ms: int


@dataclass(frozen=True, slots=True)
class Transcribed:
    """Text of an utterance so far. `decode` numbers the Decode command that it answers, 0 for an unasked partial.

    `finality` is how sure the recogniser is that the sentence is over, 0..1; 0.5 when it cannot tell.
    """

    utterance: int
    decode: int
    text: str
    confidence: float
    finality: float = 0.5


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A DTMF key went down. Which one is not said here: digits are collected and redacted first."""


@dataclass(frozen=True, slots=True)
class DtmfEntered:
    """A run of DTMF digits is complete (`#`, full slot or inter-digit time-out); redacted like speech."""

    digits: str


@dataclass(frozen=True, slots=True)
class BrainClause:
    """The next speakable clause of an answer and where its facts come from (`tool:…`, `dialplan:…`, `caller`)."""

    attempt: Attempt
    index: int
    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrainToolWanted:
    """The brain asks for a connector. `arguments` is a JSON object as text; vault tokens stand for sensitive values.

    `confirm` is what the caller is asked before a connector with a side effect is called.
    """

    attempt: Attempt
    name: str
    arguments: str
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class BrainFinished:
    """A run of the brain is over. `memory` is handed back, unread, with the next StartBrain.

    `expects` names what the answer asks the caller for, so that the end of the next turn is recognised: `digits:5`,
    `yes_no`, `email` ..., with `@` and its name for a slot that has delays of its own; empty when it is nothing in
    particular. `whole`: the turn is one that the brain knows, as far as a recogniser gets words right, and none that it
    knows goes on from there. `withheld` are the sentences that were not spoken for lack of evidence, each after its
    reason and ` | `. `tokens` is what a language model read, read from its server's cache (of that) and wrote, empty
    when that is not known; `cost_micro` what that cost, in millionths of a currency.
    """

    attempt: Attempt
    outcome: BrainOutcome
    reason_code: str
    memory: str
    expects: str = ""
    whole: bool = False
    withheld: tuple[str, ...] = ()
    tokens: tuple[int, ...] = ()
    cost_micro: int = 0


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A connector's result, as JSON text. Never ignored, however late."""

    call: int
    result: str


@dataclass(frozen=True, slots=True)
class ToolFailed:
    """One attempt of a connector call failed. `retry_after_ms`: the service wants no other before that."""

    call: int
    category: Category
    permanent: bool
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class SpeechRendered:
    """Audio of a `Speak` was queued: `frames` in all so far. `final`: no more will come."""

    speech: int
    frames: int
    final: bool


@dataclass(frozen=True, slots=True)
class Played:
    """Frames of a `Speak` that have left the ring towards the wire, cumulative."""

    speech: int
    frames: int


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """An engine could not do what was asked. `ref` is the utterance, attempt number or speech concerned.

    `engine` is its name in the chain of its role where `ref` does not tell; empty: the one that was asked last.
    """

    role: Role
    ref: int
    category: Category
    permanent: bool
    engine: str = ""


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """An engine of one of the call's chains fell ill, or is well again; told by whoever watches all calls."""

    role: Role
    engine: str
    well: bool


@dataclass(frozen=True, slots=True)
class TransferReported:
    """News of a REFER. `code` is a SIP status."""

    transfer: int
    report: TransferReport
    code: int


@dataclass(frozen=True, slots=True)
class DrainOrdered:
    """The process is going away: finish by `limit_ms`, then say goodbye and hang up."""

    limit_ms: int


@dataclass(frozen=True, slots=True)
class SafetyFlagged:
    """A safety rule found something in what was said or fetched."""

    rule: str


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """`now_ms` has reached `next_deadline(state)`."""


Event = (
    CallStarted
    | CallAnswered
    | CallEnded
    | MediaChanged
    | SpeechStarted
    | SpeechPaused
    | Transcribed
    | KeyPressed
    | DtmfEntered
    | BrainClause
    | BrainToolWanted
    | BrainFinished
    | ToolReturned
    | ToolFailed
    | SpeechRendered
    | Played
    | EngineFailed
    | EngineHealth
    | TransferReported
    | DrainOrdered
    | SafetyFlagged
    | DeadlineReached
)
