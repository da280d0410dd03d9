"""One leg as pjsua2 sees it: its state, its media, its REFER. Lives and dies on the SIP thread.

Freeing a `pj.Call` late hangs up whichever call has got its slot by then, and losing the last reference to a live one
hangs that up; so the user agent holds the only lasting reference and lets go inside the DISCONNECTED callback.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import pjsua2 as pj

from voicebot.core.events import (
    CallAnswered,
    CallEnded,
    EndCause,
    MediaChanged,
    MediaState,
    TransferReport,
    TransferReported,
)
from voicebot.sip.audio_port import AudioPort, AudioPorts
from voicebot.sip.legs import DtmfDigit, DtmfMethod, LegOwner
from voicebot.sip.media_source import MediaSource, parse_address
from voicebot.sip.message import codecs_in, key_in, parse_message
from voicebot.sip.methods import Methods
from voicebot.sip.settings import SipSettings
from voicebot.sip.transfer import ReferWatch

_LOG = logging.getLogger(__name__)
_METHODS = {0: DtmfMethod.RFC4733, 1: DtmfMethod.INFO}
_CARRYING = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
_REQUEST_TERMINATED = 487
_OK, _BAD_REQUEST, _UNSUPPORTED_MEDIA_TYPE = 200, 400, 415
_NO_SUCH_CALL = frozenset({408, 481})

_P = ParamSpec("_P")
_Self = TypeVar("_Self", bound="Leg")


def _callback(method: Callable[Concatenate[_Self, _P], None]) -> Callable[Concatenate[_Self, _P], None]:
    """Make a method fit to be called from C++, which would print an exception and forget it."""

    @functools.wraps(method)
    def guarded(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:  # noqa: BLE001 - a thread's root as far as Python goes
            _LOG.exception("SIP callback failed", extra={"leg": self.key, "callback": method.__name__})

    return guarded


class Leg(pj.Call):
    """An admitted call."""

    def __init__(  # noqa: PLR0913 - all of it is known only when the INVITE arrives
        self,
        account: pj.Account,
        call_id: int,
        *,
        key: int,
        ports: AudioPorts,
        signalling_host: str,
        settings: SipSettings,
        methods: Methods,
        on_gone: Callable[[int], None],
        on_transferred: Callable[[int], None],
    ) -> None:
        super().__init__(account, call_id)
        self.key = key
        self.owner: LegOwner | None = None
        self._ending: EndCause | None = None
        self._settings = settings
        self._methods = methods
        self._on_gone = on_gone
        self._on_transferred = on_transferred
        self._source = MediaSource(signalling_host)
        self._ports = ports
        self._port: AudioPort | None = None
        self._media_index = -1
        self._media = MediaState.FLOWING
        self._codec = ""
        self._confirmed = False
        self._answered = False
        self._refer: ReferWatch | None = None
        self._packets = -1
        self._packets_since_ms = 0
        self._probe_open = False
        self._probed_ms = 0
        self._peer_gone = False
        self.now_ms = 0
        """Monotonic ms, advanced by the SIP thread."""

    def accept(self) -> None:
        """Send the 200."""
        param = pj.CallOpParam()
        param.statusCode = pj.PJSIP_SC_OK
        self.answer(param)

    def end(self, cause: EndCause, code: int = 0, reason: str = "") -> None:
        """Send BYE, or the final status `code` when the leg was not answered yet. The first cause given counts.

        The library lets go of the leg with the BYE and repeats that by itself, so a peer who is gone holds no slot.
        """
        self._ending = self._ending or cause
        param = pj.CallOpParam()
        if not self._confirmed:
            param.statusCode, param.reason = code, reason
        self.hangup(param)

    def refer(self, transfer: int, target: str, headers: tuple[tuple[str, str], ...]) -> None:
        """Send a REFER (RFC 3515). One that cannot even be sent is reported as a 400."""
        param = pj.CallOpParam(True)  # noqa: FBT003 - the wrapper takes it by position only
        for name, value in headers:
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            param.txOption.headers.append(header)
        self._refer = ReferWatch(transfer, answers_challenge=self._settings.account is not None)
        try:
            self.xfer(target, param)
        except pj.Error as failure:
            self._refer = None
            _LOG.warning("REFER not sent", extra={"leg": self.key, "status": failure.status})
            self._post(TransferReported(transfer, TransferReport.RESPONSE, _BAD_REQUEST))

    def watch(self, now_ms: int) -> None:
        """Look whether RTP arrives and from where. Called a few times a second."""
        self.now_ms = now_ms
        if self._media is MediaState.HELD:
            self._watch_held(now_ms)
        if self._media_index < 0:
            return
        try:
            packets = self.getStreamStat(self._media_index).rtcp.rxStat.pkt
            seen = parse_address(self.getMedTransportInfo(self._media_index).srcRtpName)
        except pj.Error:
            return
        self._source.observe(packets, seen, now_ms)
        if packets != self._packets or not self._confirmed:  # nobody has to send before the answer
            self._packets, self._packets_since_ms = packets, now_ms
            if self._media is MediaState.LOST:
                self._change_media(MediaState.FLOWING)
        elif self._media is MediaState.FLOWING and now_ms - self._packets_since_ms >= self._settings.rtp_timeout_ms:
            self._change_media(MediaState.LOST)

    def abandon(self) -> None:
        """Let go of a leg whose peer does not answer the BYE, just before the library goes away."""
        self._release_media()
        self._on_gone(self.key)
        self._post(CallEnded(self._ending or EndCause.ERROR, 0))
        self.owner = None

    @_callback
    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: ARG002 - the state is asked for
        """Follow the INVITE dialog to its confirmation and its end."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self._confirmed = True
            self._report_answer()
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._release_media()
            cause = self._cause(int(info.lastStatusCode))
            self._on_gone(self.key)
            self._post(CallEnded(cause, int(info.lastStatusCode)))

    @_callback
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: ARG002 - the state is asked for
        """Join a new or changed stream to our port; notice hold."""
        # `.media` points into the CallInfo: iterating over it in a temporary reads freed memory.
        info = self.getInfo()
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in _CARRYING:
                self._connect(media.index)
                held = media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
                self._change_media(MediaState.HELD if held else MediaState.FLOWING)
                break
        self._report_answer()

    @_callback
    def onCallRxOffer(self, prm: pj.OnCallRxOfferParam) -> None:
        """Turn a new offer without a codec of ours away, which the library would call a failure of its own (500)."""
        offered = codecs_in(prm.offer.wholeSdp)
        if offered is not None and offered.isdisjoint(self._settings.codecs):
            prm.statusCode = pj.PJSIP_SC_NOT_ACCEPTABLE_HERE

    @_callback
    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        """Pass a digit on."""
        self._post(DtmfDigit(prm.digit, _METHODS.get(int(prm.method), DtmfMethod.INFO)))

    @_callback
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:
        """Answer what the library does not, and read what comes of our own requests, as it came."""
        if prm.e.type != pj.PJSIP_EVENT_TSX_STATE:
            return
        change = prm.e.body.tsxState
        method, role, state = change.tsx.method, change.tsx.role, change.tsx.state
        if method in {"OPTIONS", "INFO"} and role == pj.PJSIP_ROLE_UAS and state == pj.PJSIP_TSX_STATE_TRYING:
            self._answer_request(change)
        elif method == "OPTIONS" and role == pj.PJSIP_ROLE_UAC and state >= pj.PJSIP_TSX_STATE_COMPLETED:
            self._probed(change)
        elif self._refer is not None:
            self._follow_refer(self._refer, change)

    def _answer_request(self, change: pj.TsxStateEvent) -> None:
        """OPTIONS, and keys sent as application/dtmf; the library takes application/dtmf-relay by itself."""
        request = parse_message(change.src.rdata.wholeMsg)
        kind = request.header("Content-Type").split(";", 1)[0].strip().lower()
        if request.start_line.startswith("INFO"):
            if kind == "application/dtmf-relay" and request.body:
                return
            key = key_in(request.body) if kind == "application/dtmf" else ""
            code = _OK if key or not request.body else _UNSUPPORTED_MEDIA_TYPE
        else:
            key, code = "", _OK
        self._methods.respond(int(change.tsx.pjTransaction), int(change.src.rdata.pjRxData), code)
        if key:
            self._post(DtmfDigit(key, DtmfMethod.INFO))

    def _watch_held(self, now_ms: int) -> None:
        """Ask a peer who holds the call, and of whom no RTP is expected, whether it is still there."""
        try:
            if self._peer_gone:
                self.end(EndCause.MEDIA_LOST)
            elif not self._probe_open and now_ms - self._probed_ms >= self._settings.hold_probe_ms:
                self._probe_open, self._probed_ms = True, now_ms
                param = pj.CallSendRequestParam()
                param.method = "OPTIONS"
                self.sendRequest(param)
        except pj.Error as failure:
            _LOG.warning("SIP command failed", extra={"status": failure.status, "operation": failure.title})

    def _probed(self, change: pj.TsxStateEvent) -> None:
        """Any response shows that the peer is there, except that it knows of no such call (RFC 3261, 12.2.1.2)."""
        if not self._probe_open:
            return
        self._probe_open = False
        answered = change.type == pj.PJSIP_EVENT_RX_MSG
        if not answered or int(change.tsx.statusCode) in _NO_SUCH_CALL:
            _LOG.info("held call is gone", extra={"leg": self.key, "code": int(change.tsx.statusCode)})
            self._peer_gone = True

    def _follow_refer(self, refer: ReferWatch, change: pj.TsxStateEvent) -> None:
        """Read the REFER's responses and NOTIFYs as they came."""
        method, role = change.tsx.method, change.tsx.role
        if method == "REFER" and role == pj.PJSIP_ROLE_UAC and change.tsx.state == pj.PJSIP_TSX_STATE_COMPLETED:
            received = change.src.rdata.wholeMsg if change.type == pj.PJSIP_EVENT_RX_MSG else ""
            report = refer.on_response(int(change.tsx.statusCode), received)
            if report is not None:
                self._post(report)
        elif method == "NOTIFY" and role == pj.PJSIP_ROLE_UAS and change.type == pj.PJSIP_EVENT_RX_MSG:
            for notified in refer.on_notify(change.src.rdata.wholeMsg):
                self._post(notified)
            if refer.succeeded:
                self._on_transferred(self.key)

    @_callback
    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:
        """Let the library end its subscription; what it says is no evidence (see ReferWatch)."""
        prm.cont = not prm.finalNotify

    @_callback
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        """Decline: nobody but us decides where the bot goes."""
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @_callback
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        """Decline: nobody but us ends a call by starting another."""
        prm.statusCode = pj.PJSIP_SC_DECLINE

    def _connect(self, index: int) -> None:
        """Join the leg's stream and our port; every re-INVITE may have made a new stream."""
        if self.owner is None:
            return
        if self._port is None:
            self._port = self._ports.lend(self.owner.frames, self.owner.playout)
        stream = self.getAudioMedia(index)
        stream.startTransmit(self._port)
        self._port.startTransmit(stream)
        self._media_index = index
        details = self.getStreamInfo(index)
        self._codec = details.codecName
        local = parse_address(self.getMedTransportInfo(index).localRtpName)
        if local is not None:
            self._source.signalled(local[1], parse_address(details.remoteRtpAddress), self.now_ms)
        self._packets, self._packets_since_ms = -1, self.now_ms

    def _release_media(self) -> None:
        self._media_index = -1
        if self._port is not None:
            self._ports.take_back(self._port)
            self._port = None

    def _report_answer(self) -> None:
        if self._confirmed and self._codec and not self._answered:
            self._answered = True
            self._post(CallAnswered(self._codec))

    def _change_media(self, state: MediaState) -> None:
        if state is not self._media:
            self._media = state
            self._probed_ms = self.now_ms
            self._post(MediaChanged(state))

    def _cause(self, code: int) -> EndCause:
        if self._refer is not None and self._refer.succeeded:
            return EndCause.TRANSFERRED
        if self._ending is not None:
            return self._ending
        if self._confirmed and code < pj.PJSIP_SC_MULTIPLE_CHOICES:
            return EndCause.CALLER_HUNG_UP
        return EndCause.CANCELLED if code == _REQUEST_TERMINATED else EndCause.ERROR

    def _post(self, news: CallAnswered | CallEnded | MediaChanged | TransferReported | DtmfDigit) -> None:
        if self.owner is not None:
            self.owner.post(news)
