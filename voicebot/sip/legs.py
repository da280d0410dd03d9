"""What passes between the SIP side and the rest of the bot. Nothing here knows pjsua2.

A leg is one SIP dialog, named by an integer that is never used twice in a process. News of a leg is posted on the SIP
thread; frames cross on pjsip's clock thread, one every 20 ms in each direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from voicebot.core.events import CallAnswered, CallEnded, MediaChanged, TransferReported

RATE = 16_000
"""Hz, of every frame that crosses the bridge, whatever codec the caller speaks."""

FRAME_BYTES = 640
"""One frame: 20 ms of int16 mono at RATE."""


class DtmfMethod(StrEnum):
    """How a DTMF digit was sent."""

    RFC4733 = "rfc4733"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class DtmfDigit:
    """The caller pressed one key: 0-9, *, #, A-D."""

    digit: str
    method: DtmfMethod


LegNews = CallAnswered | CallEnded | MediaChanged | TransferReported | DtmfDigit


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """An INVITE that waits for a decision. `caller` and `called` are the user parts of the URIs beside them."""

    leg: int
    sip_call_id: str
    caller: str
    caller_uri: str
    called: str
    called_uri: str
    source: str
    """Address and port that the INVITE came from."""
    transport: str
    """UDP, TCP or TLS."""
    headers: tuple[tuple[str, str], ...]
    """All headers of the INVITE, in order, names as sent."""
    early_media: bool = False
    """Whether the caller is sent a 183, so that frames flow before the answer."""


class FrameSink(Protocol):
    """Takes what the caller says."""

    def put(self, frame: bytes) -> None:
        """Take one frame of FRAME_BYTES. Called on pjsip's clock thread: must not block and must not raise."""


class FrameSource(Protocol):
    """Gives what the bot says."""

    def pop(self) -> bytes | None:
        """Give the next frame of FRAME_BYTES, None for silence. On pjsip's clock thread: must not block or raise."""


class LegOwner(Protocol):
    """Whoever conducts the call on a leg."""

    @property
    def frames(self) -> FrameSink:
        """Where the caller's audio goes."""

    @property
    def playout(self) -> FrameSource:
        """Where the bot's audio comes from."""

    def post(self, news: LegNews) -> None:
        """Take news of the leg, in order. Called on the SIP thread: must not block and must not raise.

        CallEnded comes exactly once and last.
        """


@dataclass(frozen=True, slots=True)
class Accept:
    """Let the INVITE ring. The owner answers it later with `UserAgent.answer`."""

    owner: LegOwner


@dataclass(frozen=True, slots=True)
class Refuse:
    """Turn the INVITE away with a final status. `retry_after_s` above 0 is sent as Retry-After (RFC 3261, 20.33)."""

    code: int
    reason: str
    retry_after_s: int = 0


Admission = Accept | Refuse
