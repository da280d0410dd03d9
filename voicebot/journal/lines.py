"""What a journal holds, line by line.

A journal is one file a call: a `Header`, then steps, audio references and playout logs in the order in which they were
recorded, then an `End`. The audio of the bot lies beside it as mu-law at 16 kHz (one byte a sample, ITU-T G.711), so a
frame of 20 ms is 320 bytes. A call that was killed has no `End`, and its last line may be torn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from voicebot.core.commands import Command
from voicebot.core.events import Event
from voicebot.core.policy import CallPolicy
from voicebot.journal.codec import Codec
from voicebot.media.playout import PlayoutEntry

FORMAT = 1
"""Version of the lines below; a reader refuses any other."""

ULAW_FRAME = 320
"""Bytes of one frame of 20 ms in the audio beside a journal: 16 kHz, mu-law."""

ULAW_SILENCE = b"\xff" * ULAW_FRAME
"""A frame in which nothing left the playout ring."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. `core` is the SHA-256 of the core's sources, `policy_hash` that of the resolved policy."""

    format: int
    core: str
    call_id: str
    sip_call_id: str
    tenant: str
    caller: str
    called: str
    started_at: str
    """Wall time, ISO 8601 with offset."""
    policy_hash: str


@dataclass(frozen=True, slots=True)
class Step:
    """One event, the time on the call's clock at which the core took it, and all that the core asked for."""

    seq: int
    now_ms: int
    event: Event
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Audio:
    """The next bytes of a speech that the playout ring accepted, at `offset` in the audio file."""

    speech: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Playout:
    """What happened in the playout ring since the last such line. At `now_ms` it had been popped `ticks` times."""

    now_ms: int
    ticks: int
    entries: tuple[PlayoutEntry, ...]


@dataclass(frozen=True, slots=True)
class End:
    """The last line. `audio_sha256` is over the outgoing audio: `ticks` frames of mu-law, silence included.

    `ticks` is how far the playout log reaches: pops after its last entry are not in it.
    """

    disposition: str
    reason_code: str
    ticks: int
    audio_sha256: str
    replayable: bool


Line = Header | Step | Audio | Playout | End

LINES = Codec(get_args(Line))
"""The codec of journals."""

EVENTS = Codec(get_args(Event))
"""The codec of events by themselves."""

COMMANDS = Codec(get_args(Command))
"""The codec of commands by themselves: what replay compares."""

POLICIES = Codec([CallPolicy])
"""The codec of the part of a policy that the core decides by."""
