"""Reading the text of SIP messages (RFC 3261, 7 and 20), as far as pjsua2 does not hand their parts out itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMPACT = {
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
}
_STATIC_TYPES = {"0": "PCMU", "8": "PCMA", "9": "G722"}
"""RFC 3551, table 4: they need no rtpmap."""
_RTPMAP = re.compile(r"^a=rtpmap:(\d+) ([^/\s]+)", re.MULTILINE)
_INFO_KEY = re.compile(r"\s*(?:signal\s*=\s*)?([0-9A-D*#])\s*", re.IGNORECASE)
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: |$)", re.IGNORECASE)
_BRACKETED = re.compile(r"<([^>]*)>")
_USER = re.compile(r"(?:sips?:|tel:)([^@;?>]+)", re.IGNORECASE)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A SIP message cut into its three parts. Header names are as sent; folded lines are joined."""

    start_line: str
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str:
        """Value of the first header of that name, in its long or compact form; empty when there is none."""
        wanted = name.lower()
        for key, value in self.headers:
            lower = key.lower()
            if _COMPACT.get(lower, lower) == wanted:
                return value
        return ""

    @property
    def request_uri(self) -> str:
        """The URI of a request line; empty for a response."""
        parts = self.start_line.split(" ")
        return parts[1] if len(parts) > 1 and not self.start_line.startswith("SIP/") else ""


def parse_message(text: str) -> SipMessage:
    """Cut a message up. Never fails: a line without a colon is left out."""
    head, _, body = text.partition("\r\n\r\n")
    start_line, _, rest = head.partition("\r\n")
    unfolded = re.sub(r"\r\n[ \t]+", " ", rest)
    headers = []
    for line in unfolded.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip(), value.strip()))
    return SipMessage(start_line.strip(), tuple(headers), body)


def status_of(fragment: str) -> int:
    """The status of a message or sipfrag (RFC 3420) that begins with a status line, 0 when it does not."""
    found = _STATUS_LINE.match(fragment.lstrip("\r\n").split("\n", 1)[0].rstrip("\r"))
    return int(found.group(1)) if found else 0


def uri_in(address: str) -> str:
    """The URI of a name-addr or addr-spec (RFC 3261, 20.10), without header parameters."""
    bracketed = _BRACKETED.search(address)
    return bracketed.group(1) if bracketed else address.split(";", 1)[0].strip()


def user_in(uri: str) -> str:
    """The user part of a SIP or tel URI with escapes undone; empty when there is none."""
    if not uri.lower().startswith("tel:") and "@" not in uri:
        return ""
    found = _USER.match(uri)
    if found is None:
        return ""
    return _PERCENT.sub(lambda escape: chr(int(escape.group(1), 16)), found.group(1).split(":", 1)[0])


def key_in(body: str) -> str:
    """The key in the body of an INFO of type application/dtmf; empty when it is not one key.

    No RFC defines that type: gateways send the key alone or a `Signal=` line as in application/dtmf-relay.
    """
    found = _INFO_KEY.fullmatch(body.lstrip().split("\n", 1)[0])
    return found.group(1).upper() if found else ""


def codecs_in(sdp: str) -> frozenset[str] | None:
    """The encoding names (RFC 3551) of the first audio stream in an SDP; None when it has no stream that is in use."""
    for section in re.split(r"^m=", sdp, flags=re.MULTILINE)[1:]:
        media, port, _, *types = section.split("\n", 1)[0].split()
        if media == "audio" and port != "0":
            mapped = dict(_RTPMAP.findall(section))
            return frozenset(mapped.get(kind, _STATIC_TYPES.get(kind, kind)).upper() for kind in types)
    return None
