"""The SIP user agent: one thread that owns every pjsua2 object, and a small thread-safe front to it.

Others hold integer keys and post commands. The command queue is bounded; a command that finds it full is dropped and
counted in `commands_dropped` (it takes a stuck SIP thread to get there, and that shows as a stalled health check).
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import pjsua2 as pj

from voicebot.core.events import EndCause
from voicebot.sip.audio_port import AudioPorts
from voicebot.sip.call import Leg
from voicebot.sip.legs import Admission, IncomingCall, Refuse
from voicebot.sip.library import SipStartFailed, account_config, start_library
from voicebot.sip.message import SipMessage, parse_message, uri_in, user_in
from voicebot.sip.methods import Methods
from voicebot.sip.settings import SipSettings

__all__ = ["Registration", "SipStartFailed", "UserAgent"]

_LOG = logging.getLogger(__name__)
_COMMANDS = 256
_POLL_MS = 10
_WATCH_MS = 250
_GOODBYE_S = 3.0
_PACE_INVITES = 20
_PACE_MS = 600
"""At most that many INVITEs in that time. Each takes two of the 64 handles of the library's media poll, refused or not,
and returns them 500 ms after it is over; running out of handles aborts the process."""

_SERVER_ERROR = Refuse(500, "Server Internal Error")

_LIBRARY_FREE = threading.Lock()
"""Held while an endpoint exists: making a second one aborts the process."""

_Command = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Registration:
    """The last thing that the registrar said. `code` is 0 before its first answer."""

    active: bool
    code: int
    reason: str


class UserAgent:
    """Answers, refuses, transfers and ends calls. One a process: pjsip allows no second one."""

    def __init__(self, settings: SipSettings, admit: Callable[[IncomingCall], Admission]) -> None:
        """Prepare; nothing is opened yet. `admit` is called on the SIP thread and must not block."""
        self._settings = settings
        self._admit = admit
        self._commands: queue.Queue[_Command] = queue.Queue(_COMMANDS)
        self._keys = itertools.count(1)
        self._legs: dict[int, Leg] = {}
        self._ports = AudioPorts()
        self._methods = Methods()
        self._refused: set[_Refused] = set()
        self._invites_at_ms: deque[int] = deque(maxlen=_PACE_INVITES)
        self._thread = threading.Thread(target=self._run, name="sip", daemon=True)
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._start_failure: Exception | None = None
        self.port = settings.port
        """The SIP port; known once started."""
        self.registration = Registration(active=False, code=0, reason="")
        self.commands_dropped = 0
        self.calls_refused = 0
        self.calls_over_capacity = 0
        """Those among the refused for which there was no place."""
        self.invites_paced = 0

    @property
    def legs(self) -> int:
        """How many admitted calls there are: ringing, answered, or waiting for the ACK to a final response."""
        return len(self._legs)

    @property
    def running(self) -> bool:
        """Whether the SIP thread lives; without it nothing is answered."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Open the transports and begin to register. Returns when calls can come. Raises SipStartFailed."""
        if not _LIBRARY_FREE.acquire(blocking=False):
            raise SipStartFailed("pjsip is in use: stop the other user agent of this process first, or start a worker")
        self._thread.start()
        self._started.wait()
        if self._start_failure is not None:
            self._thread.join()
            raise self._start_failure

    def stop(self) -> None:
        """End every call with BYE, unregister, close everything. Safe to call twice, and on one that never started."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def answer(self, leg: int) -> None:
        """Send the 200. Nothing happens when the leg is gone or answered already."""
        self._post(leg, Leg.accept)

    def hangup(self, leg: int, code: int = 0, reason: str = "") -> None:
        """Send BYE, or refuse with `code` (603 when 0) when the leg was not answered yet."""
        self._post(leg, lambda call: call.end(EndCause.BOT_HUNG_UP, code, reason))

    def refer(self, leg: int, transfer: int, target: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Ask the peer to call `target`, a SIP URI. What becomes of it comes as TransferReported news."""
        self._post(leg, lambda call: call.refer(transfer, target, headers))

    def _post(self, key: int, act: Callable[[Leg], None]) -> None:
        def command() -> None:
            leg = self._legs.get(key)
            if leg is not None:
                act(leg)

        try:
            self._commands.put_nowait(command)
        except queue.Full:
            self.commands_dropped += 1
            _LOG.error("SIP command dropped", extra={"leg": key, "policy": "drop_newest"})

    def _run(self) -> None:
        try:
            self._serve()
        except SipStartFailed as failure:
            # A copy: the original's traceback would keep the endpoint alive.
            self._start_failure = SipStartFailed(str(failure))
        except Exception:  # noqa: BLE001 - the thread's root
            _LOG.exception("SIP thread failed")
            self._start_failure = SipStartFailed("the SIP thread failed; its log has the reason")
        finally:
            _LIBRARY_FREE.release()
            self._started.set()

    def _serve(self) -> None:
        endpoint, self.port = start_library(self._settings, self._methods)
        account = _Account(self)
        try:
            account.create(account_config(self._settings, self.port))
        except pj.Error as failure:
            del account
            endpoint.libDestroy()
            raise SipStartFailed(
                f"sip.account is not usable: {failure.reason}; check its registrar and user"
            ) from failure
        self._started.set()
        watch_at_ms = 0
        while not self._stopping.is_set():
            watch_at_ms = self._turn(endpoint, watch_at_ms)
        self._say_goodbye(endpoint)
        account.shutdown()
        # Freed after the endpoint, an account or a port would reach into nothing; and while the clock runs, a port must
        # not be freed at all.
        del account
        endpoint.audDevManager().setNoDev()
        self._ports = AudioPorts()
        endpoint.libDestroy()

    def _turn(self, endpoint: pj.Endpoint, watch_at_ms: int) -> int:
        """Run what was posted, then the library, then look after the media. Returns when to look next."""
        for _ in range(self._commands.qsize()):
            command = self._commands.get_nowait()
            try:
                command()
            except pj.Error as failure:
                _LOG.warning("SIP command failed", extra={"status": failure.status, "operation": failure.title})
        endpoint.libHandleEvents(_POLL_MS)
        now_ms = _now_ms()
        if now_ms < watch_at_ms:
            return watch_at_ms
        for leg in tuple(self._legs.values()):
            leg.watch(now_ms)
        return now_ms + _WATCH_MS

    def _say_goodbye(self, endpoint: pj.Endpoint) -> None:
        for leg in tuple(self._legs.values()):
            try:
                leg.end(EndCause.DRAINED, pj.PJSIP_SC_SERVICE_UNAVAILABLE)
            except pj.Error as failure:
                _LOG.warning("SIP command failed", extra={"status": failure.status, "operation": failure.title})
        give_up = time.monotonic() + _GOODBYE_S
        while self._legs and time.monotonic() < give_up:
            endpoint.libHandleEvents(_POLL_MS)
        for leg in tuple(self._legs.values()):
            leg.abandon()
        self._refused.clear()

    def incoming(self, account: pj.Account, prm: pj.OnIncomingCallParam) -> None:
        """Decide about an INVITE. Called by the library on the SIP thread."""
        self._pace()
        invite = parse_message(prm.rdata.wholeMsg)
        source = prm.rdata.srcAddress
        settings = self._settings
        if len(self._legs) >= settings.max_calls or self._stopping.is_set():
            self.calls_over_capacity += 1
            self._refuse(account, prm.callId, Refuse(503, "Service Unavailable", settings.retry_after_s))
            return
        key = next(self._keys)
        try:
            admission = self._admit(self._describe(key, invite, source))
        except Exception:  # noqa: BLE001 - foreign code; the caller must get an answer
            _LOG.exception("admission failed", extra={"leg": key})
            admission = _SERVER_ERROR
        if isinstance(admission, Refuse):
            self._refuse(account, prm.callId, admission)
            return
        leg = Leg(
            account,
            prm.callId,
            key=key,
            ports=self._ports,
            signalling_host=source.rpartition(":")[0].strip("[]"),
            settings=settings,
            methods=self._methods,
            on_gone=self._forget,
            # The transferor ends its leg (RFC 5589, 6.1). By command, so that the 200 to the NOTIFY goes out first.
            on_transferred=self.hangup,
        )
        leg.owner = admission.owner
        leg.now_ms = _now_ms()
        self._legs[key] = leg
        param = pj.CallOpParam()
        param.statusCode = pj.PJSIP_SC_PROGRESS if settings.early_media else pj.PJSIP_SC_RINGING
        leg.answer(param)

    def _pace(self) -> None:
        """Leave a flood of INVITEs in the socket's buffer; what overflows is retransmitted (RFC 3261, 17.1.1)."""
        if len(self._invites_at_ms) == _PACE_INVITES:
            ahead_ms = self._invites_at_ms[0] + _PACE_MS - _now_ms()
            if ahead_ms > 0:
                self.invites_paced += 1
                time.sleep(ahead_ms / 1000)
        self._invites_at_ms.append(_now_ms())

    def _describe(self, key: int, invite: SipMessage, source: str) -> IncomingCall:
        caller_uri, to_uri = uri_in(invite.header("From")), uri_in(invite.header("To"))
        account = self._settings.account
        called_uri = invite.request_uri
        # A registrar puts the Contact into the request line, which leaves the dialled number to the To header.
        if account is not None and user_in(called_uri) == account.user:
            called_uri = to_uri
        via = invite.header("Via").split(" ", 1)[0]
        return IncomingCall(
            leg=key,
            sip_call_id=invite.header("Call-ID"),
            caller=user_in(caller_uri),
            caller_uri=caller_uri,
            called=user_in(called_uri),
            called_uri=called_uri,
            source=source,
            transport=via.rpartition("/")[2].upper(),
            headers=invite.headers,
            early_media=self._settings.early_media,
        )

    def _refuse(self, account: pj.Account, call_id: int, refusal: Refuse) -> None:
        """Send a final status at once, which frees the library's slot before the next INVITE is read."""
        self.calls_refused += 1
        refused = _Refused(account, call_id, self._refused)
        param = pj.CallOpParam()
        param.statusCode, param.reason = refusal.code, refusal.reason
        if refusal.retry_after_s:
            header = pj.SipHeader()
            header.hName, header.hValue = "Retry-After", str(refusal.retry_after_s)
            param.txOption.headers.append(header)
        refused.answer(param)

    def _forget(self, key: int) -> None:
        self._legs.pop(key, None)


class _Refused(pj.Call):
    """A call on its way out. It keeps itself until the library has let go of it."""

    def __init__(self, account: pj.Account, call_id: int, keeping: set[_Refused]) -> None:
        super().__init__(account, call_id)
        self._keeping = keeping
        keeping.add(self)

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: ARG002 - the state is asked for
        if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._keeping.discard(self)


class _Account(pj.Account):
    """Where the library announces INVITEs and answers of the registrar."""

    def __init__(self, agent: UserAgent) -> None:
        super().__init__()
        self._agent = agent

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        try:
            self._agent.incoming(self, prm)
        except Exception:  # noqa: BLE001 - a thread's root as far as Python goes
            _LOG.exception("SIP callback failed", extra={"callback": "onIncomingCall"})

    def onRegState(self, prm: pj.OnRegStateParam) -> None:
        active = prm.code == pj.PJSIP_SC_OK and prm.expiration > 0
        self._agent.registration = Registration(active, int(prm.code), prm.reason)
        _LOG.info("registration changed", extra={"active": active, "code": int(prm.code)})


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
