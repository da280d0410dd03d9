"""SIP messages (RFC 3261 section 7): strict in what is built, tolerant in what is parsed.

Content-Length belongs to the framing and not to the message: `encode` writes it and `parse` consumes it. Header names
keep the spelling they came with; look-ups ignore case and know the compact forms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

Headers = tuple[tuple[str, str], ...]
"""(name, value) pairs in the order of the wire."""

_COMPACT = {
    "b": "referred-by",
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
    "x": "session-expires",
}
_DEFAULT_PORT = 5060
_MAX_MESSAGE = 65_536
_STATUS = re.compile(r"SIP/2\.0 (\d{3}) ?(.*)")
_REQUEST = re.compile(r"([A-Za-z]+) (\S+) SIP/2\.0")
_URI = re.compile(r"(sips?):(?:([^@]*)@)?(\[[^\]]+\]|[^:;?\s]+)(?::(\d+))?((?:;[^?]*)?)(?:\?(.*))?", re.IGNORECASE)


class MalformedMessage(ValueError):
    """The bytes are not a SIP message, or a value in it cannot be read."""


class Address(NamedTuple):
    """Where a packet goes to or came from."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class _Message:
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header, '' when it is absent."""
        return next(iter(self.header_lines(name)), "")

    def header_lines(self, name: str) -> list[str]:
        """Return the values of all lines of a header, unsplit."""
        wanted = _canonical(name)
        return [value for key, value in self.headers if _canonical(key) == wanted]

    def header_values(self, name: str) -> list[str]:
        """Return all values of a list header such as Via or Record-Route, split at its commas (RFC 3261 7.3.1)."""
        return [value for line in self.header_lines(name) for value in split_outside_quotes(line, ",")]

    @property
    def call_id(self) -> str:
        return self.header("Call-ID")

    @property
    def branch(self) -> str:
        """The branch of the topmost Via, '' when there is none."""
        vias = self.header_values("Via")
        match = re.search(r";\s*branch\s*=\s*([^;,\s]+)", vias[0]) if vias else None
        return match.group(1) if match else ""

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method. Raises MalformedMessage."""
        match = re.fullmatch(r"(\d+)\s+(\S+)", self.header("CSeq"))
        if match is None:
            raise MalformedMessage("CSeq is missing or unreadable")
        return int(match.group(1)), match.group(2)

    def _encode(self, start_line: str) -> bytes:
        lines = [start_line, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + self.body


@dataclass(frozen=True, slots=True)
class Request(_Message):
    """A SIP request. `uri` is the Request-URI as text."""

    method: str
    uri: str

    def encode(self) -> bytes:
        """Return the bytes for the wire."""
        return self._encode(f"{self.method} {self.uri} SIP/2.0")


@dataclass(frozen=True, slots=True)
class Response(_Message):
    """A SIP response."""

    code: int
    reason: str

    def encode(self) -> bytes:
        """Return the bytes for the wire."""
        return self._encode(f"SIP/2.0 {self.code} {self.reason}")


Message = Request | Response


def parse(datagram: bytes) -> Message:
    """Read one message; what follows Content-Length is dropped. Raises MalformedMessage."""
    head, _, body = _split_head(datagram.lstrip(b"\r\n"))
    start_line, headers = _read_head(head)
    length = _content_length(headers)
    if length is not None and length > len(body):
        raise MalformedMessage("the body is shorter than Content-Length")
    kept = tuple(pair for pair in headers if _canonical(pair[0]) != "content-length")
    body = body if length is None else body[:length]
    if status := _STATUS.fullmatch(start_line):
        return Response(headers=kept, body=body, code=int(status.group(1)), reason=status.group(2))
    if request := _REQUEST.fullmatch(start_line):
        return Request(headers=kept, body=body, method=request.group(1).upper(), uri=request.group(2))
    raise MalformedMessage("the first line is neither a request nor a status")


class StreamFraming:
    """Cuts a byte stream into messages by Content-Length (RFC 3261 18.3)."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, received: bytes) -> list[bytes]:
        """Return the messages that are complete now. Raises MalformedMessage when the stream cannot be one of SIP."""
        self._held += received
        complete: list[bytes] = []
        while True:
            self._held = self._held.lstrip(b"\r\n")
            head, gap, rest = _split_head(self._held)
            if not gap:
                if len(self._held) > _MAX_MESSAGE:
                    raise MalformedMessage("a header section without end")
                return complete
            length = _content_length(_read_head(head)[1]) or 0
            if len(rest) < length:
                return complete
            complete.append(head + gap + rest[:length])
            self._held = rest[length:]


@dataclass(frozen=True, slots=True)
class SipUri:
    """A SIP URI (RFC 3261 19.1). `params` is text with its leading ';'; `headers` are unescaped."""

    scheme: str
    user: str
    host: str
    port: int | None
    params: str
    headers: Headers

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Read `sip:user@host:port;params?headers`. Raises MalformedMessage."""
        match = _URI.fullmatch(text.strip())
        if match is None:
            raise MalformedMessage("not a SIP URI")
        scheme, user, host, port, params, headers = match.groups()
        pairs = (pair.partition("=") for pair in (headers or "").split("&") if pair)
        return cls(
            scheme=scheme.lower(),
            user=user or "",
            host=host,
            port=int(port) if port else None,
            params=params,
            headers=tuple((unquote(name), unquote(value)) for name, _, value in pairs),
        )

    def __str__(self) -> str:
        """Return the URI without its headers: the form that a Request-URI may have."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port is not None else ""
        return f"{self.scheme}:{user}{self.host}{port}{self.params}"

    @property
    def address(self) -> Address:
        """Host and port to send to; no DNS SRV (RFC 3263) is tried."""
        return Address(self.host.strip("[]"), self.port or _DEFAULT_PORT)

    @property
    def over_tcp(self) -> bool:
        """Whether the URI asks for TCP."""
        return ";transport=tcp" in self.params.lower()


@dataclass(frozen=True, slots=True)
class NameAddr:
    """The value of From, To, Contact, Route, Refer-To: a URI and the header's own parameters."""

    uri: str
    params: str

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read `"Name" <uri>;params` or `uri;params`. Raises MalformedMessage."""
        unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
        if match := re.search(r"<([^>]*)>(.*)", unquoted, re.DOTALL):
            return cls(uri=match.group(1).strip(), params=match.group(2).strip())
        uri, semicolon, params = unquoted.strip().partition(";")
        if not uri:
            raise MalformedMessage("an address is empty")
        return cls(uri=uri, params=semicolon + params)

    @property
    def tag(self) -> str:
        """The tag parameter, '' when there is none."""
        match = re.search(r";\s*tag\s*=\s*([^;\s]+)", self.params, re.IGNORECASE)
        return match.group(1) if match else ""


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split a header's value at separators that are neither in quotes nor in angle brackets."""
    pattern = rf'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^{re.escape(separator)}"<]|["<])+'
    return [part.strip() for part in re.findall(pattern, text) if part.strip()]


def _canonical(name: str) -> str:
    lowered = name.lower()
    return _COMPACT.get(lowered, lowered)


def _split_head(message: bytes) -> tuple[bytes, bytes, bytes]:
    match = re.search(rb"\r?\n\r?\n", message)
    if match is None:
        return message, b"", b""
    return message[: match.start()], match.group(), message[match.end() :]


def _read_head(head: bytes) -> tuple[str, Headers]:
    unfolded = re.sub(r"\r?\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
    start_line, *lines = re.split(r"\r?\n", unfolded)
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise MalformedMessage("a header line without a name")
        headers.append((name.strip(), value.strip()))
    return start_line.strip(), tuple(headers)


def _content_length(headers: Headers) -> int | None:
    for name, value in headers:
        if _canonical(name) == "content-length":
            if not value.isascii() or not value.isdigit():
                raise MalformedMessage("Content-Length is not a number")
            return int(value)
    return None
