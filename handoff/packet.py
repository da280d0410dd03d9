"""What a human knows of a call when taking it over: one document, versioned, small, and the same for the same call.

Everything in it is redacted before it gets here: tokens such as `[CARD#1]` stand for what must not travel. It holds no
more than MAX_BYTES; what does not fit is the oldest part of the transcript.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

VERSION = 1
MAX_BYTES = 8_192
"""Of the JSON in UTF-8."""
SUMMARY_WORDS = 35


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `name` is empty unless it is verified."""

    number: str
    name: str = ""
    identity: str = "unverified"
    """unverified, number_known or verified."""
    method: str = ""
    """How it was verified: the connector that did."""


@dataclass(frozen=True, slots=True)
class Entity:
    """Something that the caller named. `kind` is its class, as the dialplan's slot says: digits, date, name ..."""

    name: str
    value: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One connector call and what came of it. `result` is its JSON, as evidence."""

    name: str
    arguments: str
    outcome: str
    """done, failed, declined, pending or unknown: pending may still happen, unknown may have happened."""
    side_effect: str = "none"
    result: str = ""
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the dialogue as both sides heard it."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Mood:
    """Signs of trouble, counted over the call."""

    repeats: int = 0
    corrections: int = 0
    interruptions: int = 0
    asked_for_human: int = 0


@dataclass(frozen=True, slots=True)
class Packet:
    """A handoff. `docs/handoff.md` tells what each key means to the agent who reads it."""

    handoff_id: str
    call_id: str
    sip_call_id: str
    tenant: str
    at: str
    """Wall time at which the handoff began, ISO 8601 with offset."""
    caller: Caller
    called: str
    reason: str
    reason_text: str
    intent: str = ""
    summary: str = ""
    wants: str = ""
    """What the caller wants next."""
    entities: tuple[Entity, ...] = ()
    actions: tuple[Action, ...] = ()
    mood: Mood = Mood()
    language: str = "en"
    transcript: tuple[Said, ...] = ()
    recording: str = ""
    recording_consent: bool = False
    mode: str = ""
    queue: str = ""
    skills: tuple[str, ...] = ()
    priority: int = 5
    policy_hash: str = ""
    version: int = VERSION

    def to_json(self) -> str:
        """Return canonical JSON of at most MAX_BYTES; the oldest lines of the transcript give way."""
        packet, text = self, _canonical(self)
        while len(text.encode()) > MAX_BYTES and packet.transcript:
            packet = replace(packet, transcript=packet.transcript[1:])
            text = _canonical(packet)
        return text


def _canonical(packet: Packet) -> str:
    return json.dumps(asdict(packet), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def handoff_id(call_id: str, transfer: int) -> str:
    """Name the handoff number `transfer` of a call. As hard to guess as the call's own id."""
    return f"{call_id}-{transfer}"
