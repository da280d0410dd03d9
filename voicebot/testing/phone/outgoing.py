"""A call that we place: INVITE, CANCEL and the answers to them (RFC 3261 sections 9.1, 13.2)."""

from __future__ import annotations

from collections.abc import Callable

from voicebot.testing.phone import sdp
from voicebot.testing.phone.dialog import REASONS, Dialog, LocalEnd, State
from voicebot.testing.phone.message import Headers, Request, Response, SipUri
from voicebot.testing.phone.notices import Answered, Progress, Refused
from voicebot.testing.phone.resend import LIFETIME_MS, Send

_CANCEL = "cancel"
_TRYING, _MULTIPLE_CHOICES = 100, 300


class OutgoingCall(Dialog):
    """A dialog that begins with our INVITE to `target`, a SIP URI. Raises MalformedMessage when it is none."""

    def __init__(self, local: LocalEnd, media: sdp.Media, new_id: Callable[[], str], target: str) -> None:
        super().__init__(local, media, new_id)
        self.call_id = new_id()
        self.local_party = f"{local.identity};tag={new_id()}"
        self.remote_target = str(SipUri.parse(target))
        self.remote_party = f"<{self.remote_target}>"
        self._invite: Request | None = None
        self._provisional = False
        self._cancelled = False

    def invite(self, now_ms: int, headers: Headers = ()) -> None:
        """Send the INVITE with our offer. `Answered` or `Refused` follows, `Progress` may precede it."""
        self._local_cseq += 1
        described = (*headers, ("Content-Type", "application/sdp"))
        body = self._describe(self.media)
        self._invite = self._build("INVITE", self._local_cseq, self._new_branch(), described, body)
        self._schedule_invite(self._invite, now_ms)

    def hang_up(self, now_ms: int, headers: Headers = ()) -> None:
        """Send BYE when the call is up, else CANCEL, as soon as a provisional response allows it (RFC 3261 9.1)."""
        if self.state is State.EARLY:
            self._cancelled = True
            if self._provisional:
                self._cancel(now_ms)
        else:
            super().hang_up(now_ms, headers)

    def _schedule_invite(self, invite: Request, now_ms: int) -> None:
        send = Send(invite, self._next_hop())
        self._asking[invite.branch] = invite
        self._schedule.start(invite.branch, send, now_ms, longest_ms=LIFETIME_MS)
        self.sends.append(send)

    def _cancel(self, now_ms: int) -> None:
        invite = self._invite
        if invite is None or invite.branch not in self._asking:
            return
        number, _ = invite.cseq
        cancel = self._build("CANCEL", number, invite.branch, (), b"")
        send = Send(cancel, self._next_hop())
        self._schedule.start(_CANCEL, send, now_ms)
        self._schedule.expect(invite.branch, send, now_ms)  # the INVITE has 32 s from here to be answered, too
        self.sends.append(send)

    def _on_response(self, response: Response, now_ms: int) -> None:
        _, method = response.cseq
        if method == "CANCEL":  # it shares the INVITE's branch; the INVITE's own final response tells how it went
            self._schedule.stop(_CANCEL)
        else:
            super()._on_response(response, now_ms)

    def _on_provisional(self, request: Request, response: Response, now_ms: int) -> None:
        if request is not self._invite:
            return
        if self._cancelled and not self._provisional:
            self._cancel(now_ms)
        self._provisional = True
        if response.code > _TRYING:
            self.notices.append(Progress(response.code))

    def _learn_dialog(self, response: Response) -> None:
        super()._learn_dialog(response)
        if self.state is State.EARLY:
            self.remote_party = response.header("To")
            self.routes = response.header_values("Record-Route")[::-1]

    def _on_invite_answered(self, request: Request, response: Response, now_ms: int) -> None:
        if request is not self._invite:
            super()._on_invite_answered(request, response, now_ms)
            return
        if response.code >= _MULTIPLE_CHOICES:
            self.state = State.ENDED
            self.notices.append(Refused(response.code, response.reason))
            return
        self.state = State.CONFIRMED
        try:
            remote = self._agree(sdp.parse(response.body))
        except sdp.UnusableOffer:
            self.hang_up(now_ms)
            return
        self.notices.append(Answered(remote, response))
        if self._cancelled:  # the 200 crossed our CANCEL on its way
            self.hang_up(now_ms)

    def not_sent(self, request: Request, reason: str) -> None:
        """Give up at once when the INVITE could not be sent (RFC 3261 8.1.3.1: as if it had been answered 503)."""
        if request is self._invite and self.state is State.EARLY:
            self._schedule.stop(request.branch)
            self._asking.pop(request.branch, None)
            self.state = State.ENDED
            self.notices.append(Refused(503, reason))

    def _on_no_response(self, request: Request) -> None:
        if request is self._invite:
            self.state = State.ENDED
            self.notices.append(Refused(408, REASONS[408]))
        else:
            super()._on_no_response(request)
