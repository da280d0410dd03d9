"""A worker process: one SIP user agent, its engines, and a few calls.

The main thread waits for signals and tells the world once a second how the worker is. SIGTERM drains: no new calls,
running ones finish up to a limit. SIGHUP reloads the dialplans; on any error the last good ones stay.
"""

from __future__ import annotations

import gc
import logging
import os
import secrets
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from voicebot.config import Settings
from voicebot.dialplan.registry import Dialplans
from voicebot.journal.writer import JournalWriter
from voicebot.runtime.caching import Orders
from voicebot.runtime.driver import CallDriver, Surroundings
from voicebot.runtime.engine_room import EngineRoom, EngineUnavailable
from voicebot.runtime.recorder import Recorder
from voicebot.sip.legs import Accept, Admission, IncomingCall, Refuse
from voicebot.sip.settings import SipAccount, SipSettings
from voicebot.sip.user_agent import UserAgent
from voicebot.telemetry import metrics, status
from voicebot.telemetry.status import WorkerState, WorkerStatus

_LOG = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0002
"""The clock thread's callbacks are Python: with the default of 5 ms a busy thread would delay frames audibly."""

RETRY_AFTER_S = 5
STATUS_EVERY_S = 1.0
LAST_WORDS_S = 3.0
"""After the drain limit: time for BYEs and records."""


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Which worker of a bot this is, and where it listens."""

    number: int
    sip_port: int


class Worker:
    """Everything that one process runs."""

    def __init__(self, settings: Settings, place: WorkerPlace, dialplans: Dialplans, journals: JournalWriter) -> None:
        self._settings = settings
        self._place = place
        self._dialplans = dialplans
        self._journals = journals
        self._engines = EngineRoom(settings)
        self._orders = Orders(settings.data.dir / "run", self._engines.clear_cache)
        self._capacity = settings.sip.max_calls or SipSettings().max_calls
        self._agent = UserAgent(sip_settings(settings, place, self._capacity), self._admit)
        self._recorder = Recorder(settings.data.dir)
        self._lent = Surroundings(self._agent, journals, self._recorder, self._over)
        self._calls: set[CallDriver] = set()
        self._refusals_told = 0
        self._lock = threading.Lock()
        self._state = WorkerState.STARTING
        self._wake = threading.Event()
        self._reload = False
        self._stop = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises SipStartFailed and the engines' errors before the first call."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGHUP, self._on_signal)
        self._tell()
        self._engines.prepare(self._dialplans.policies())
        spare_the_collector()
        self._agent.start()
        self._state = WorkerState.READY
        self._tell()
        self._engines.render_usual()
        _LOG.info("ready", extra={"worker": self._place.number, "sip": f"{self._settings.sip.host}:{self._agent.port}"})
        while not self._stop:
            self._wake.wait(STATUS_EVERY_S)
            self._wake.clear()
            if self._reload:
                self._reload = False
                self._reload_dialplans()
            self._tell()
        self._drain()

    def _on_signal(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stop = True
        self._wake.set()

    def _admit(self, incoming: IncomingCall) -> Admission:
        """Decide about an INVITE, on the SIP thread."""
        if self._state is not WorkerState.READY:
            metrics.call_refused("draining")
            return Refuse(503, "Service Unavailable", RETRY_AFTER_S)
        routed = self._dialplans.route(incoming.called)
        if routed is None:
            metrics.call_refused("no_route")
            return Refuse(404, "Not Found")
        engines = self._engines.for_call(routed.policy, incoming.caller, incoming.caller_uri)
        driver = CallDriver(new_call_id(), incoming, engines, self._lent)
        with self._lock:
            self._calls.add(driver)
        driver.start()
        return Accept(driver)

    def _over(self, driver: CallDriver) -> None:
        with self._lock:
            self._calls.discard(driver)

    def _running(self) -> tuple[CallDriver, ...]:
        with self._lock:
            return tuple(self._calls)

    def _reload_dialplans(self) -> None:
        """Load, warm, then swap: no call pays for a policy that is new."""
        try:
            faults = tuple(str(fault) for fault in self._dialplans.reload(self._engines.prepare))
        except EngineUnavailable as error:
            faults = (str(error),)
        for fault in faults:
            _LOG.error("dialplans not reloaded, the last good ones stay", extra={"fault": fault})
        if not faults:
            _LOG.info("dialplans reloaded")
            self._engines.render_usual()

    def _drain(self) -> None:
        limit_s = self._settings.drain.limit_s
        self._state = WorkerState.DRAINING
        self._tell()
        _LOG.info("draining", extra={"calls": len(self._running()), "limit_s": limit_s})
        for driver in self._running():
            driver.drain(limit_s)
        end = time.monotonic() + limit_s + LAST_WORDS_S
        while self._running() and time.monotonic() < end:
            self._wake.wait(min(STATUS_EVERY_S, 0.1))
            self._tell()
        self._agent.stop()
        for driver in self._running():
            driver.join(LAST_WORDS_S)
        self._recorder.close()
        self._journals.close()
        self._engines.close()
        _LOG.info("stopped", extra={"worker": self._place.number})

    def _tell(self) -> None:
        over_capacity = self._agent.calls_over_capacity
        while self._refusals_told < over_capacity:
            metrics.call_refused("capacity")
            self._refusals_told += 1
        self._engines.caches.sweep()
        mine = WorkerStatus(
            number=self._place.number,
            pid=os.getpid(),
            sip_port=self._agent.port,
            state=self._state,
            active_calls=len(self._running()),
            capacity=self._capacity,
            drain_limit_s=self._settings.drain.limit_s,
            updated_s=time.monotonic(),
            updated_at=datetime.now(UTC).isoformat(timespec="seconds"),
            sick_engines=self._engines.sick(),
            caches=self._engines.cache_figures(),
            cleared=self._orders.carry_out(),
        )
        try:
            status.write(self._settings.data.dir / "run", mine)
        except OSError as error:
            _LOG.warning("status cannot be written", extra={"path": error.filename, "error": error.strerror})


def spare_the_collector() -> None:
    """Take all that is loaded by now out of garbage collection.

    A full collection walks every object of the engines and their libraries: a tenth of a second in which no call's
    frames leave in time. What is loaded stays for good, so there is nothing to find in it.
    """
    gc.collect()
    gc.freeze()


def new_call_id() -> str:
    """Return an id that sorts by time and cannot be guessed."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def sip_settings(settings: Settings, place: WorkerPlace, capacity: int) -> SipSettings:
    """Translate the configuration for the user agent."""
    sip = settings.sip
    account = sip.account
    return SipSettings(
        host=sip.host,
        port=place.sip_port,
        public_address=sip.public_address or "",
        max_calls=capacity,
        retry_after_s=RETRY_AFTER_S,
        transports=sip.transports,
        codecs=sip.codecs,
        early_media=sip.early_media,
        rtp_port=sip.rtp_port_min,
        rtp_port_count=sip.rtp_port_max - sip.rtp_port_min,
        account=None
        if account is None
        else SipAccount(
            account.registrar, account.user, account.password.get_secret_value(), account.realm, account.expires_s
        ),
    )
