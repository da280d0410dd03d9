"""The caller's phone: dials, talks, listens, presses keys, holds, follows a transfer, and records all of it.

Blocking calls, meant for a script that reads like a conversation. Times are ms on the monotonic clock; time-outs, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from voicebot.testing.link import Link
from voicebot.testing.phone import sdp
from voicebot.testing.phone.dialog import Dialog, State
from voicebot.testing.phone.endpoint import Endpoint, new_id, now_ms
from voicebot.testing.phone.line import AudioLine, Leak, LineClosed, Utterance
from voicebot.testing.phone.message import Address, Headers, MalformedMessage, NameAddr, Request, SipUri
from voicebot.testing.phone.notices import Answered, Asked, Ended, MediaChanged, Notice, Progress, Refused
from voicebot.testing.phone.outgoing import OutgoingCall
from voicebot.testing.phone.recording import Pcm, Recording
from voicebot.testing.wire import Stretch, TurnOnWire, measure_turns

_BODY_OF = {"REFER": "message/sipfrag;version=2.0", "INFO": "application/dtmf-relay"}
_CARRIED = ("referred-by", "user-to-user")
_OK, _MULTIPLE_CHOICES = 200, 300


class CallFailed(Exception):
    """The call was refused, never answered, or is over. `code` is the SIP status, 0 when there was none."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}" if code else reason)
        self.code = code
        self.reason = reason


class ReferPolicy(StrEnum):
    """What the phone does when it is asked to go elsewhere."""

    FOLLOW = "follow"
    """Accept, call the target, and report how that went (RFC 3515)."""
    DECLINE = "decline"
    ACCEPT_SILENT = "accept_silent"
    """Accept, then do nothing and report nothing: what a broken phone does."""


@dataclass(slots=True)
class Transfer:
    """A REFER that reached us. `code` is the final status of the call to `target`, None while there is none."""

    target: str
    request: Request
    code: int | None = None


@dataclass(slots=True)
class _Leg:
    dialog: Dialog
    line: AudioLine


class Phone:
    """One caller. A context manager: leaving it hangs up and frees its ports."""

    def __init__(
        self,
        local_ip: str = "127.0.0.1",
        *,
        user: str = "caller",
        transport: str = "udp",
        codecs: tuple[int, ...] = (sdp.PCMU, sdp.PCMA),
        refer_policy: ReferPolicy = ReferPolicy.FOLLOW,
    ) -> None:
        self.refer_policy = refer_policy
        self.recording = Recording()
        self.transfer: Transfer | None = None
        self.ended_by_peer = False
        self.answered_ms: int | None = None
        self.requests: list[Request] = []
        """Those of the other side inside the call, in order."""
        self.remote_direction = ""
        """What the other side said last about its audio: sendrecv, recvonly while it is held, and so on."""
        self._media_changed = False
        self._local_ip = local_ip
        self._user = user
        self._codecs = codecs
        self._legs: list[_Leg] = []
        self._current: _Leg | None = None
        self._failed: Refused | None = None
        self._referred_by: Dialog | None = None
        self._endpoint = Endpoint(local_ip, 0, transport, self._on_notice, lambda _invite, _source: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> Address:
        """Where the phone listens for SIP."""
        return self._endpoint.address

    @property
    def ended(self) -> bool:
        """Whether every leg is over."""
        return bool(self._legs) and all(leg.dialog.state is State.ENDED for leg in self._legs)

    @property
    def call_id(self) -> str:
        """Of the first leg."""
        return self._legs[0].dialog.call_id if self._legs else ""

    @property
    def last_acted_ms(self) -> float:
        """When the caller's last word or key was over; when the call was answered, before any."""
        spoken_ms = (said.end_ms for said in self.recording.spoken[-1:])
        return max([float(self.answered_ms or 0), *spoken_ms, *self.recording.pressed_ms[-1:]])

    def dial(self, target: str, headers: Headers = ()) -> None:
        """Place a call to a SIP URI. Raises MalformedMessage when it is none."""
        self._place(target, headers)

    def wait_answered(self, timeout_ms: int = 10_000) -> None:
        """Wait for the 200. Raises CallFailed."""
        with self._endpoint.changed:
            self._endpoint.changed.wait_for(lambda: self.answered_ms or self._failed or self.ended, timeout_ms / 1000)
            if self._failed is not None:
                raise CallFailed(self._failed.code, self._failed.reason)
            if self.answered_ms is None:
                raise CallFailed(0, f"no answer within {timeout_ms} ms")

    def wait_ended(self, timeout_ms: int) -> bool:
        """Wait until every leg is over; say whether that came in time."""
        with self._endpoint.changed:
            return bool(self._endpoint.changed.wait_for(lambda: self.ended, timeout_ms / 1000))

    def wait_transferred(self, timeout_ms: int) -> Transfer | None:
        """Wait for a REFER and, if it is followed, for its outcome; None when neither came in time."""
        with self._endpoint.changed:
            self._endpoint.changed.wait_for(lambda: self.ended or self._transfer_over(), timeout_ms / 1000)
            return self.transfer if self._transfer_over() else None

    def say(self, pcm: Pcm) -> Stretch:
        """Speak (int16, 8 kHz) and return the voiced stretch as it left. Raises CallFailed."""
        try:
            return self.start_saying(pcm).wait()
        except LineClosed as closed:
            raise CallFailed(0, "the call ended while the caller spoke") from closed

    def start_saying(self, pcm: Pcm) -> Utterance:
        """Speak without waiting. Raises CallFailed."""
        try:
            return self._line().say(pcm)
        except LineClosed as closed:
            raise CallFailed(0, "the call is over") from closed

    def wait_bot_speaks(self, after_ms: float | None = None, timeout_ms: int = 10_000) -> float | None:
        """Wait for the first audible frame after `after_ms` (now); return its arrival, None when none came in time."""
        return self.recording.wait_audible(now_ms() if after_ms is None else after_ms, timeout_ms)

    def wait_bot_quiet(self, quiet_ms: int, timeout_ms: int = 60_000) -> bool:
        """Wait until nothing audible has come for `quiet_ms` since the answer and since our own last word."""
        return self.recording.wait_quiet(quiet_ms, self.last_acted_ms, timeout_ms)

    def press(self, keys: str, *, by_info: bool = False) -> None:
        """Press keys: in RTP (RFC 4733), and wait until they are out, or by SIP INFO.

        Raises CallFailed, and ValueError for what is no key.
        """
        if not by_info:
            try:
                self._line().press(keys).wait()
            except LineClosed as closed:
                raise CallFailed(0, "the call is over") from closed
            return
        for key in keys:
            body = f"Signal={key}\r\nDuration=100\r\n".encode()
            self._ask("INFO", (("Content-Type", _BODY_OF["INFO"]),), body)

    def hold(self) -> None:
        """Put the other side on hold (re-INVITE with `sendonly`); like most phones, send nothing meanwhile."""
        leg = self._live()
        leg.line.muted = True
        self._endpoint.act(leg.dialog, lambda now: leg.dialog.offer("sendonly", now))

    def unhold(self) -> None:
        """Take the other side back."""
        leg = self._live()
        leg.line.muted = False
        self._endpoint.act(leg.dialog, lambda now: leg.dialog.offer("sendrecv", now))

    def mute(self, *, muted: bool = True) -> None:
        """Stop sending RTP without a word of SIP, as a broken network does; or go on."""
        self._line().muted = muted

    def leak(self, gain_db: float, delay_ms: int) -> None:
        """Send what is heard back from now on, quieter and later, as a phone without echo cancellation does."""
        self._line().leak = Leak(gain_db, delay_ms)

    def impair(self, link: Link | None) -> None:
        """Let our audio and keys go through a bad link from now on; None: through a perfect one."""
        self._line().link = link

    def change_source(self) -> None:
        """Go on sending under a new SSRC."""
        self._line().change_source()

    def wait_media_changed(self, timeout_ms: int = 5000) -> bool:
        """Wait until either side's re-INVITE was answered since this was last asked."""
        with self._endpoint.changed:
            self._endpoint.changed.wait_for(lambda: self._media_changed, timeout_ms / 1000)
            changed, self._media_changed = self._media_changed, False
            return changed

    def options(self) -> None:
        """Send OPTIONS inside the call."""
        self._ask("OPTIONS", (), b"")

    def hang_up(self, timeout_ms: int = 2000) -> None:
        """End every leg (CANCEL or BYE) and wait for the confirmation as long as `timeout_ms`."""
        for leg in list(self._legs):
            if leg.dialog.state is not State.ENDED:
                self._endpoint.act(leg.dialog, leg.dialog.hang_up)
        self.wait_ended(timeout_ms)

    def close(self) -> None:
        """Hang up and free the ports."""
        self.hang_up()
        for leg in self._legs:
            leg.line.close()
        self._endpoint.close()
        self.recording.close()

    def turns(self) -> list[TurnOnWire]:
        """Measure what was heard after each utterance so far."""
        return measure_turns(self.recording.spoken, self.recording.audible_ms, now_ms())

    def _transfer_over(self) -> bool:
        following = self.refer_policy is ReferPolicy.FOLLOW
        return self.transfer is not None and (not following or self.transfer.code is not None)

    def _place(self, target: str, headers: Headers) -> Dialog:
        line = AudioLine(self._local_ip, self.recording, len(self._legs))
        media = sdp.Media(line.address, self._codecs)
        try:
            dialog = OutgoingCall(self._endpoint.local_end(self._user), media, new_id, target)
        except MalformedMessage:
            line.close()
            raise
        leg = _Leg(dialog, line)
        with self._endpoint.changed:
            self._legs.append(leg)
            self._current = self._current or leg
            self._endpoint.act(dialog, lambda now: dialog.invite(now, headers))
        return dialog

    def _live(self) -> _Leg:
        if self._current is None or self._current.dialog.state is State.ENDED:
            raise CallFailed(0, "there is no call")
        return self._current

    def _line(self) -> AudioLine:
        return self._live().line

    def _ask(self, method: str, headers: Headers, body: bytes) -> None:
        dialog = self._live().dialog
        self._endpoint.act(dialog, lambda now: dialog.request(method, now, headers, body))

    # Under the endpoint's lock

    def _on_notice(self, dialog: Dialog, notice: Notice) -> None:
        leg = next(leg for leg in self._legs if leg.dialog is dialog)
        match notice:
            case Answered(remote=remote):
                self.answered_ms = self.answered_ms or now_ms()
                self._current = leg
                self.remote_direction = remote.direction
                leg.line.connect(remote)
                self._report(leg, _OK, "OK")
            case MediaChanged(remote=remote):
                self.remote_direction = remote.direction
                self._media_changed = True
                leg.line.connect(remote)
            case Refused(code=code, reason=reason):
                if leg is self._legs[0]:
                    self._failed = notice
                self._report(leg, code, reason)
                self._on_over(leg)
            case Asked(request=request):
                self.requests.append(request)
                if request.method == "REFER":
                    self._on_refer(dialog, request)
            case Ended(by_peer=by_peer):
                self.ended_by_peer = self.ended_by_peer or by_peer
                self._on_over(leg)
            case Progress():
                pass
            case _:
                pass

    def _on_over(self, leg: _Leg) -> None:
        leg.line.close()
        if self.ended:
            self.recording.close()

    def _on_refer(self, dialog: Dialog, request: Request) -> None:
        try:
            target = SipUri.parse(NameAddr.parse(request.header("Refer-To")).uri)
        except MalformedMessage:
            dialog.respond(request, 400)
            return
        self.transfer = Transfer(str(target), request)
        if self.refer_policy is ReferPolicy.DECLINE:
            dialog.respond(request, 603)
            return
        dialog.respond(request, 202)
        if self.refer_policy is ReferPolicy.FOLLOW:
            self._referred_by = dialog
            self._notify(dialog, 100, "Trying")
            carried = [(name, value) for name, value in request.headers if _is_carried(name)]
            self._place(str(target), (*carried, *target.headers))

    def _report(self, leg: _Leg, code: int, reason: str) -> None:
        """Tell whoever referred us how the call to the target went."""
        referrer = self._referred_by
        if leg is self._legs[0] or referrer is None or self.transfer is None:
            return
        self.transfer.code = code
        if referrer.state is State.CONFIRMED:
            self._notify(referrer, code, reason)

    def _notify(self, dialog: Dialog, code: int, reason: str) -> None:
        state = "active;expires=60" if code < _OK else "terminated;reason=noresource"
        headers = (("Event", "refer"), ("Subscription-State", state), ("Content-Type", _BODY_OF["REFER"]))
        body = f"SIP/2.0 {code} {reason}\r\n".encode()
        self._endpoint.act(dialog, lambda now: dialog.request("NOTIFY", now, headers, body))


def _is_carried(name: str) -> bool:
    return name.lower() in _CARRIED or name.lower().startswith("x-")
