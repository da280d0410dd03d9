"""Offer and answer (RFC 3264) of one audio stream: G.711 and telephone-event, described as RFC 8866 says."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from voicebot.testing.phone.message import Address

PCMU, PCMA = 0, 8
"""Static payload types (RFC 3551)."""
DEFAULT_EVENT_TYPE = 101
_NAMES = {PCMU: "PCMU", PCMA: "PCMA"}
_NO_ADDRESS = frozenset({"0.0.0.0", "::"})  # RFC 2543 hold, which phones still send
_STATIC = {name: number for number, name in _NAMES.items()}
_DIRECTIONS = {
    (True, True): "sendrecv",
    (True, False): "sendonly",
    (False, True): "recvonly",
    (False, False): "inactive",
}
"""By (sends, receives)."""


class UnusableOffer(ValueError):
    """There is no audio stream, or none of its codecs is ours: 488."""


@dataclass(frozen=True, slots=True)
class Media:
    """One side's description. `event_type` is None without telephone-event. `direction` is that side's own view."""

    address: Address
    codecs: tuple[int, ...]
    """Payload types of G.711, in order of preference."""
    event_type: int | None = DEFAULT_EVENT_TYPE
    direction: str = "sendrecv"

    def describe(self, session: int, version: int) -> bytes:
        """Write the description; `version` grows with every change in one session."""
        host, port = self.address
        family = "IP6" if ":" in host else "IP4"
        types = [*self.codecs, *([self.event_type] if self.event_type is not None else [])]
        lines = [
            "v=0",
            f"o=- {session} {version} IN {family} {host}",
            "s=-",
            f"c=IN {family} {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP {' '.join(map(str, types))}",
            *(f"a=rtpmap:{codec} {_NAMES[codec]}/8000" for codec in self.codecs),
        ]
        if self.event_type is not None:
            lines += [f"a=rtpmap:{self.event_type} telephone-event/8000", f"a=fmtp:{self.event_type} 0-15"]
        lines += ["a=ptime:20", f"a={self.direction}", ""]
        return "\r\n".join(lines).encode()

    def answer(self, offer: Media) -> Media:
        """Answer `offer` with what both have, in the offerer's order. Raises UnusableOffer."""
        common = tuple(codec for codec in offer.codecs if codec in self.codecs)
        if not common:
            raise UnusableOffer("no common codec")
        event_type = offer.event_type if self.event_type is not None else None
        direction = _DIRECTIONS[self.sends and offer.receives, self.receives and offer.sends]
        return replace(self, codecs=common[:1], event_type=event_type, direction=direction)

    @property
    def sends(self) -> bool:
        """Whether this side sends audio."""
        return self.direction in {"sendrecv", "sendonly"}

    @property
    def receives(self) -> bool:
        """False when this side has put the other on hold, also in the old way of an empty address."""
        return self.direction in {"sendrecv", "recvonly"} and self.address.host not in _NO_ADDRESS


def parse(body: bytes) -> Media:
    """Read the first live audio stream of a description. Raises UnusableOffer."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n")
    session_part, *streams = re.split(r"^(?=m=)", text, flags=re.MULTILINE)
    for stream in streams:
        match = re.match(r"m=audio (\d+)(?:/\d+)? \S+ ([\d ]+)", stream)
        if match and int(match.group(1)) > 0:
            host = _find(r"^c=IN IP[46] (\S+)", stream) or _find(r"^c=IN IP[46] (\S+)", session_part)
            if host is None:
                raise UnusableOffer("no connection address")
            direction = r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$"
            codecs, event_type = _payload_types(stream, [int(number) for number in match.group(2).split()])
            return Media(
                address=Address(host, int(match.group(1))),
                codecs=codecs,
                event_type=event_type,
                direction=_find(direction, stream) or _find(direction, session_part) or "sendrecv",
            )
    raise UnusableOffer("no audio stream")


def _payload_types(stream: str, offered: list[int]) -> tuple[tuple[int, ...], int | None]:
    names = {int(number): name for number, name in re.findall(r"^a=rtpmap:(\d+) (\S+)", stream, re.MULTILINE)}
    codecs = []
    event_type = None
    for number in offered:
        name = names.get(number, f"{_NAMES.get(number, '')}/8000").upper()
        if name == "TELEPHONE-EVENT/8000" and event_type is None:
            event_type = number
        elif name.removesuffix("/1").removesuffix("/8000") in _STATIC and number in _NAMES:
            codecs.append(number)
    return tuple(codecs), event_type


def _find(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1) if match else None
