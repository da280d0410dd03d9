"""What is kept of a call when it is over: plain records, no database types."""

from __future__ import annotations

from dataclasses import dataclass

ACTIVE = "active"
"""Disposition of a call that is still running."""

INTERRUPTED = "interrupted"
"""Disposition of a call whose process died under it."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call. Times are ISO 8601 with offset, None when it never came to that; numbers are kept as they came."""

    id: str
    sip_call_id: str
    tenant: str
    caller: str
    called: str
    started_at: str
    policy_hash: str
    journal: str
    """Path of the journal, relative to the data directory."""
    disposition: str = ACTIVE
    reason_code: str = ""
    answered_at: str | None = None
    ended_at: str | None = None
    duration_ms: int = 0
    """From the INVITE to the end of the leg."""
    turns: int = 0
    replayable: bool = False
    interrupted: bool = False
    recording: str = ""
    """Path of the recording, relative to the data directory; empty when there is none."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One attempt of a connector call and what came of it; a second one of an attempt is of what came too late."""

    call_id: str
    turn: int
    """The caller's turn that it served; 0 for a look-up as the call began."""
    connector: str
    key: str
    """Idempotency key, the same for all attempts at one thing."""
    at_ms: int
    """When it was sent, on the call's clock."""
    arguments: str
    """JSON, redacted."""
    outcome: str
    """What the result calls itself, `returned`, or a category of failure."""
    took_ms: int
    side_effect: str


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn: what the caller said, what was heard of the reply, and where the silence between them went.

    The stages are in ms and sum to `silence_ms`, which is None when no reply was heard.
    """

    call_id: str
    number: int
    caller_text: str
    bot_text: str
    layer: str
    """Of the speech that ended the silence: `answer`, `scaffolding` ..."""
    last_voiced_ms: int
    endpointing_ms: int
    asr_ms: int
    brain_ms: int
    tts_ms: int
    playout_ms: int
    silence_ms: int | None
    barge_in: bool
    """The caller interrupted the reply for good."""
    barge_in_stop_ms: int | None
    """From the first voiced sample of the interruption to the last frame of the bot."""
    gaps_ms: tuple[int, ...] = ()
    """Stretches inside the reply without audible sound, longer than 400 ms."""
