"""A call's dialog (RFC 3261 section 12) as both sides share it once it exists: requests, answers, retransmissions.

Sans-IO: whoever owns a dialog hands it messages and the time, then drains `sends` onto the wire and `notices` to the
user. Times are ms on any monotonic clock. The time until a dialog exists is in `outgoing` and `incoming`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from voicebot.testing.phone import sdp
from voicebot.testing.phone.message import Address, Headers, Message, NameAddr, Request, Response, SipUri
from voicebot.testing.phone.notices import Asked, Ended, MediaChanged, Notice, Replied
from voicebot.testing.phone.resend import ResendSchedule, Send

ALLOWED = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, NOTIFY, REFER, UPDATE"
REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    202: "Accepted",
    408: "Request Timeout",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    603: "Decline",
}
_ACK = "ack "
_REMEMBERED_ANSWERS = 32
_OK, _MULTIPLE_CHOICES = 200, 300


class State(StrEnum):
    """How far the call is."""

    EARLY = "early"
    CONFIRMED = "confirmed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LocalEnd:
    """Who and where we are. `transport` is UDP or TCP."""

    user: str
    address: Address
    transport: str = "UDP"

    @property
    def identity(self) -> str:
        """The address of record, for From and To."""
        return f"<sip:{self.user}@{self.address.host}>"

    @property
    def contact(self) -> str:
        """Where requests of the dialog reach us."""
        transport = ";transport=tcp" if self.reliable else ""
        return f"<sip:{self.user}@{self.address.host}:{self.address.port}{transport}>"

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats what is lost by itself."""
        return self.transport == "TCP"


class Dialog:
    """One call leg. `media` is what we want to send and receive; `new_id` gives tags, branches and Call-IDs."""

    def __init__(self, local: LocalEnd, media: sdp.Media, new_id: Callable[[], str]) -> None:
        self.local = local
        self.media = media
        self.state = State.EARLY
        self.sends: list[Send] = []
        self.notices: list[Notice] = []
        self.call_id = ""
        self.local_party = ""
        self.remote_party = ""
        self.remote_target = ""
        self.routes: list[str] = []
        self._new_id = new_id
        self._local_cseq = 0
        self._remote_cseq = 0
        self._sdp_version = 0
        self._schedule = ResendSchedule(reliable=local.reliable)
        self._asking: dict[str, Request] = {}
        self._acks: dict[str, Send] = {}
        self._answers: dict[tuple[str, str], Send] = {}
        self._asked_from: dict[tuple[str, str], Address] = {}

    # What the owner may ask for

    def hang_up(self, now_ms: int, headers: Headers = ()) -> None:
        """Send BYE, if the call is up."""
        if self.state is State.CONFIRMED and not any(request.method == "BYE" for request in self._asking.values()):
            self.request("BYE", now_ms, headers)

    def request(self, method: str, now_ms: int, headers: Headers = (), body: bytes = b"") -> None:
        """Send a request inside the dialog; `Replied` follows (`Ended` after BYE)."""
        self._local_cseq += 1
        request = self._build(method, self._local_cseq, self._new_branch(), headers, body)
        self._ask(request, now_ms)

    def offer(self, direction: str, now_ms: int) -> None:
        """Send a re-INVITE with our new direction: `sendonly` or `inactive` hold the peer, `sendrecv` resumes."""
        self.media = replace(self.media, direction=direction)
        self.request("INVITE", now_ms, (("Content-Type", "application/sdp"),), self._describe(self.media))

    def respond(self, request: Request, code: int, headers: Headers = (), body: bytes = b"") -> None:
        """Answer a request of the peer's; a retransmission of it will get the same answer."""
        key = (request.branch, request.method)
        to = request.header("To")
        if code > 100 and not NameAddr.parse(to).tag:  # noqa: PLR2004  100 belongs to no dialog
            to = self.local_party
        vias = request.header_lines("Via")
        source = self._asked_from.get(key, Address("", 0))
        vias[:1] = [_with_source(via, source) for via in vias[:1]]
        contact = (("Contact", self.local.contact), ("Allow", ALLOWED)) if code < _MULTIPLE_CHOICES else ()
        echoed = (
            ("From", request.header("From")),
            ("To", to),
            ("Call-ID", request.call_id),
            ("CSeq", request.header("CSeq")),
        )
        response = Response(
            headers=(*(("Via", via) for via in vias), *echoed, *contact, *headers),
            body=body,
            code=code,
            reason=REASONS.get(code, "Unspecified"),
        )
        send = Send(response, source)
        self._answers[key] = send
        while len(self._answers) > _REMEMBERED_ANSWERS:
            forgotten = next(iter(self._answers))
            del self._answers[forgotten]
            self._asked_from.pop(forgotten, None)
        self.sends.append(send)

    # What reaches it

    def receive(self, message: Message, source: Address, now_ms: int) -> None:
        """Take a message of this Call-ID. Raises MalformedMessage."""
        if isinstance(message, Response):
            self._on_response(message, now_ms)
            return
        number, _ = message.cseq
        if message.method == "ACK":
            self._on_ack(message)
            return
        key = (message.branch, message.method)
        if key in self._answers:
            self.sends.append(self._answers[key])
            return
        if key in self._asked_from:
            return
        self._asked_from[key] = source
        if message.method == "CANCEL":
            self._on_cancel(message, now_ms)
        elif number <= self._remote_cseq:
            self.respond(message, 500)
        elif self.state is State.ENDED:
            self.respond(message, 481)
        else:
            self._remote_cseq = number
            self._on_request(message, now_ms)

    def next_timer(self) -> int | None:
        """Return when `handle_timer` is due, in ms."""
        return self._schedule.next_timer()

    def handle_timer(self, now_ms: int) -> None:
        """Repeat what was not answered, and give up what was not answered for 32 s."""
        again, expired = self._schedule.fire(now_ms)
        self.sends += again
        for key in expired:
            if key.startswith(_ACK):  # our 2xx was never acknowledged (RFC 3261 13.3.1.4)
                self.hang_up(now_ms)
            elif request := self._asking.pop(key, None):
                self._on_no_response(request)

    def not_sent(self, request: Request, reason: str) -> None:
        """Learn that a request of ours could not even be sent; by default its timer tells the rest."""

    # Requests of ours

    def _build(self, method: str, cseq: int, branch: str, headers: Headers, body: bytes) -> Request:
        host, port = self.local.address
        contact = (
            (("Contact", self.local.contact), ("Allow", ALLOWED)) if method in {"INVITE", "NOTIFY", "REFER"} else ()
        )
        return Request(
            method=method,
            uri=str(SipUri.parse(self.remote_target)),
            headers=(
                ("Via", f"SIP/2.0/{self.local.transport} {host}:{port};branch={branch};rport"),
                ("Max-Forwards", "70"),
                *(("Route", route) for route in self.routes),
                ("From", self.local_party),
                ("To", self.remote_party),
                ("Call-ID", self.call_id),
                ("CSeq", f"{cseq} {method}"),
                *contact,
                *headers,
            ),
            body=body,
        )

    def _ask(self, request: Request, now_ms: int) -> None:
        send = Send(request, self._next_hop())
        self._asking[request.branch] = request
        self._schedule.start(request.branch, send, now_ms)
        self.sends.append(send)

    def _next_hop(self) -> Address:
        """Loose routing only (RFC 3261 16.12): a strict router would need the Request-URI rewritten."""
        return SipUri.parse(NameAddr.parse(self.routes[0]).uri if self.routes else self.remote_target).address

    def _new_branch(self) -> str:
        return f"z9hG4bK{self._new_id()}"

    def _describe(self, media: sdp.Media) -> bytes:
        self._sdp_version += 1
        return media.describe(1, self._sdp_version)

    def _on_response(self, response: Response, now_ms: int) -> None:
        branch = response.branch
        if branch in self._acks and response.code >= _OK:
            self.sends.append(self._acks[branch])
        request = self._asking.get(branch)
        if request is None or request.method != response.cseq[1]:
            return
        if response.code < _OK:
            if request.method == "INVITE":
                self._schedule.stop(branch)
            self._on_provisional(request, response, now_ms)
            return
        self._schedule.stop(branch)
        del self._asking[branch]
        if request.method == "INVITE":
            self._acknowledge(request, response)
            self._on_invite_answered(request, response, now_ms)
        elif request.method == "BYE":
            self._end(by_peer=False)
        else:
            self.notices.append(Replied(request.method, response.code))

    def _acknowledge(self, request: Request, response: Response) -> None:
        number, _ = request.cseq
        if response.code < _MULTIPLE_CHOICES:
            self._learn_dialog(response)
            send = Send(self._build("ACK", number, self._new_branch(), (), b""), self._next_hop())
        else:  # the ACK of a refusal belongs to the INVITE's own transaction (RFC 3261 17.1.1.3)
            ack = self._build("ACK", number, request.branch, (), b"")
            headers = tuple((name, response.header("To") if name == "To" else value) for name, value in ack.headers)
            send = Send(replace(ack, uri=request.uri, headers=headers), self._next_hop())
        self._acks[request.branch] = send
        self.sends.append(send)

    def _learn_dialog(self, response: Response) -> None:
        if contact := response.header_values("Contact"):
            self.remote_target = NameAddr.parse(contact[0]).uri

    def _on_provisional(self, request: Request, response: Response, now_ms: int) -> None:
        """Nothing: only an INVITE that opens a call cares."""

    def _on_invite_answered(self, request: Request, response: Response, now_ms: int) -> None:
        del request, now_ms
        if response.code < _MULTIPLE_CHOICES:
            self.notices.append(MediaChanged(self._agree(sdp.parse(response.body))))
        else:
            self.notices.append(Replied("INVITE", response.code))

    def _on_no_response(self, request: Request) -> None:
        if request.method == "BYE":
            self._end(by_peer=False)
            return
        self.notices.append(Replied(request.method, 408))

    def _agree(self, remote: sdp.Media) -> sdp.Media:
        """Return the peer's media with our common codecs only. Raises UnusableOffer."""
        common = self.media.answer(remote)
        return replace(remote, codecs=common.codecs, event_type=common.event_type)

    # Requests of the peer's

    def _on_request(self, request: Request, now_ms: int) -> None:
        match request.method:
            case "BYE":
                self.respond(request, 200)
                self._end(by_peer=True)
            case "INVITE" | "UPDATE":
                self._on_offer(request, now_ms)
            case "REFER":
                self.notices.append(Asked(request))
            case "INFO" | "NOTIFY" | "OPTIONS" | "MESSAGE":
                self.respond(request, 200)
                self.notices.append(Asked(request))
            case _:
                self.respond(request, 501)

    def _on_offer(self, request: Request, now_ms: int) -> None:
        if any(asked.method == "INVITE" for asked in self._asking.values()):
            self.respond(request, 491)
            return
        described: Headers = (("Content-Type", "application/sdp"),)
        try:
            remote = sdp.parse(request.body) if request.body else None
            answer = self.media.answer(remote) if remote else self.media
        except sdp.UnusableOffer:
            self.respond(request, 488)
            return
        if contact := request.header_values("Contact"):
            self.remote_target = NameAddr.parse(contact[0]).uri
        if request.method == "UPDATE" and remote is None:  # a session refresh (RFC 4028)
            self.respond(request, 200)
            return
        self.respond(request, 200, described, self._describe(answer))
        self._await_ack(request, now_ms)
        if remote is not None:
            self.notices.append(MediaChanged(self._agree(remote)))

    def _await_ack(self, request: Request, now_ms: int) -> None:
        if request.method == "INVITE":
            self._schedule.start(f"{_ACK}{request.cseq[0]}", self.sends[-1], now_ms)

    def _on_ack(self, request: Request) -> None:
        self._schedule.stop(f"{_ACK}{request.cseq[0]}")
        if request.body:  # the answer to an offer that our 200 carried
            self.notices.append(MediaChanged(self._agree(sdp.parse(request.body))))

    def _on_cancel(self, request: Request, now_ms: int) -> None:
        del now_ms
        self.respond(request, 481)

    def _end(self, *, by_peer: bool) -> None:
        if self.state is not State.ENDED:
            self.state = State.ENDED
            self.notices.append(Ended(by_peer=by_peer))


def _with_source(via: str, source: Address) -> str:
    """Fill in `received` and `rport` (RFC 3581)."""
    return re.sub(r";rport(?=[;,\s]|$)", f";received={source.host};rport={source.port}", via, count=1)
