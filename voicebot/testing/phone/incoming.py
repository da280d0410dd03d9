"""A call that reaches us: ringing, answering, refusing, and the peer's CANCEL (RFC 3261 sections 9.2, 13.3)."""

from __future__ import annotations

from collections.abc import Callable

from voicebot.testing.phone import sdp
from voicebot.testing.phone.dialog import Dialog, LocalEnd, State
from voicebot.testing.phone.message import Address, Headers, NameAddr, Request
from voicebot.testing.phone.notices import MediaChanged


class IncomingCall(Dialog):
    """A dialog that begins with the peer's INVITE. Raises MalformedMessage when it cannot be answered at all."""

    def __init__(
        self,
        local: LocalEnd,
        media: sdp.Media,
        new_id: Callable[[], str],
        invite: Request,
        source: Address,
    ) -> None:
        super().__init__(local, media, new_id)
        self.invite = invite
        self.call_id = invite.call_id
        self.remote_party = invite.header("From")
        self.local_party = f"{invite.header('To')};tag={new_id()}"
        contacts = invite.header_values("Contact")
        self.remote_target = NameAddr.parse(contacts[0] if contacts else self.remote_party).uri
        self.routes = invite.header_values("Record-Route")
        self._remote_cseq = invite.cseq[0]
        self._asked_from[invite.branch, "INVITE"] = source

    def ring(self) -> None:
        """Send 180."""
        self.respond(self.invite, 180)

    def accept(self, now_ms: int, headers: Headers = ()) -> None:
        """Send 200 with our answer, or 488 when the offer cannot be met. `MediaChanged` tells the peer's media."""
        if self.state is not State.EARLY:
            return
        try:
            remote = sdp.parse(self.invite.body) if self.invite.body else None
            answer = self.media.answer(remote) if remote else self.media
        except sdp.UnusableOffer:
            self.reject(488, now_ms)
            return
        self.state = State.CONFIRMED
        described = (*headers, ("Content-Type", "application/sdp"))
        self.respond(self.invite, 200, described, self._describe(answer))
        self._await_ack(self.invite, now_ms)
        if remote is not None:
            self.notices.append(MediaChanged(self._agree(remote)))

    def reject(self, code: int, now_ms: int, headers: Headers = ()) -> None:
        """Send a final response of 300 or more; the call ends without having been."""
        if self.state is State.EARLY:
            self.respond(self.invite, code, headers)
            self._await_ack(self.invite, now_ms)
            self._end(by_peer=False)

    def _on_cancel(self, request: Request, now_ms: int) -> None:
        if request.branch != self.invite.branch:
            super()._on_cancel(request, now_ms)
            return
        self.respond(request, 200)
        if self.state is State.EARLY:
            self.respond(self.invite, 487)
            self._await_ack(self.invite, now_ms)
            self._end(by_peer=True)
