"""What a dialog tells its user: a closed union of facts."""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.testing.phone import sdp
from voicebot.testing.phone.message import Request, Response


@dataclass(frozen=True, slots=True)
class Progress:
    """A provisional response to our INVITE other than 100."""

    code: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The call is up. `remote` is the peer's media, with the codecs that both have."""

    remote: sdp.Media
    response: Response


@dataclass(frozen=True, slots=True)
class Refused:
    """Our INVITE got no 2xx, and the call never was; 408 also stands for no response at all."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class MediaChanged:
    """Either side's re-INVITE was answered."""

    remote: sdp.Media


@dataclass(frozen=True, slots=True)
class Asked:
    """A request inside the dialog. A REFER waits for `Dialog.respond`; the others are answered already."""

    request: Request


@dataclass(frozen=True, slots=True)
class Replied:
    """The final response to a request of ours inside the dialog."""

    method: str
    code: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over."""

    by_peer: bool


Notice = Progress | Answered | Refused | MediaChanged | Asked | Replied | Ended
