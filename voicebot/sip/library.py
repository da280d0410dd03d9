"""Starting and stopping pjsip: endpoint, transports, codecs, limits. Everything here runs on the SIP thread.

pjsip runs without worker threads of its own for signalling (`threadCnt=0`, `mainThreadOnly`): one thread polls it and
owns every object, because freeing a call or a port on another thread aborts the process.
"""

from __future__ import annotations

import errno
import socket

import pjsua2 as pj

from voicebot.sip.legs import RATE
from voicebot.sip.methods import Methods, ModuleRefused, native
from voicebot.sip.settings import SipSettings

_TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}
_TOP_PRIORITY = 200
_FREE_PORT_ATTEMPTS = 20
_REFUSING_CALLS = 1
_MORE_THAN_ANY_BUILD = 10_000
_DIAGNOSTIC_LOG_LEVEL = 5


class SipStartFailed(Exception):
    """The user agent cannot start as configured. The message names the setting and the remedy."""


def _library_error(failure: pj.Error) -> str:
    return f"{failure.title}: {failure.reason}"


def start_library(settings: SipSettings, methods: Methods) -> tuple[pj.Endpoint, int]:
    """Bring pjsip up as `settings` say. Returns the endpoint and the SIP port.

    Raises SipStartFailed, having cleaned up.
    """
    native().pj_log_set_level(0)
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    try:
        endpoint.libInit(_configuration(settings))
        _check_limits(settings)
        port = _open_transports(endpoint, settings)
        endpoint.libStart()
        endpoint.audDevManager().setNullDev()
        _choose_codecs(endpoint, settings.codecs)
        methods.register()
    except pj.Error as failure:
        endpoint.libDestroy()
        raise SipStartFailed(f"pjsip could not start: {_library_error(failure)}") from failure
    except ModuleRefused as refused:
        endpoint.libDestroy()
        raise SipStartFailed(str(refused)) from refused
    except SipStartFailed:
        endpoint.libDestroy()
        raise
    return endpoint, port


def _check_limits(settings: SipSettings) -> None:
    allowed = int(native().pjsua_call_get_max_count())
    if not 1 <= settings.max_calls <= allowed - _REFUSING_CALLS:
        raise SipStartFailed(
            f"sip.max_calls is {settings.max_calls}, but this build of pjsip holds {allowed} calls and one of them is "
            f"kept to refuse with: set sip.max_calls between 1 and {allowed - _REFUSING_CALLS}, run more workers, "
            "or install a pjproject built with a larger PJSUA_MAX_CALLS"
        )
    # Every call takes a pair of ports, and a socket that was not bound to a port of its own cannot be restricted.
    if settings.rtp_port < 1 or settings.rtp_port_count < 2 * allowed:
        raise SipStartFailed(
            f"sip.rtp_port is {settings.rtp_port} and sip.rtp_port_count {settings.rtp_port_count}: "
            f"name a port above 0 and at least {2 * allowed} ports"
        )


def account_config(settings: SipSettings, port: int) -> pj.AccountConfig:
    """The one account that takes every call, registered when the settings name a registrar."""
    config = pj.AccountConfig()
    config.idUri = f"sip:voicebot@{settings.public_address or _shown_host(settings.host)}:{port}"
    media = config.mediaConfig.transportConfig
    media.port, media.portRange = settings.rtp_port, settings.rtp_port_count
    media.boundAddress = _bound_address(settings.host)
    media.publicAddress = settings.public_address
    calls = config.callConfig
    calls.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL if settings.session_timers else pj.PJSUA_SIP_TIMER_INACTIVE
    calls.timerSessExpiresSec = settings.session_expires_s
    account = settings.account
    if account is not None:
        domain = account.registrar.split(":", 1)[-1].split(";", 1)[0]
        config.idUri = f"sip:{account.user}@{domain}"
        registration = config.regConfig
        registration.registrarUri = account.registrar
        registration.timeoutSec = account.expires_s
        registration.delayBeforeRefreshSec = account.refresh_ahead_s
        registration.retryIntervalSec = registration.firstRetryIntervalSec = account.retry_s
        registration.randomRetryIntervalSec = 0
        registration.dropCallsOnFail = False
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", account.realm, account.user, 0, account.password))
    return config


def _configuration(settings: SipSettings) -> pj.EpConfig:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.userAgent = settings.user_agent
    config.uaConfig.maxCalls = _MORE_THAN_ANY_BUILD
    level = _DIAGNOSTIC_LOG_LEVEL if settings.library_log else 0
    config.logConfig.level, config.logConfig.consoleLevel = level, 0
    config.logConfig.filename = settings.library_log
    media = config.medConfig
    media.clockRate = media.sndClockRate = RATE
    media.noVad = True
    media.ecTailLen = 0
    media.sndAutoCloseTime = -1
    return config


def _open_transports(endpoint: pj.Endpoint, settings: SipSettings) -> int:
    unknown = set(settings.transports) - set(_TRANSPORTS)
    if unknown or not settings.transports:
        raise SipStartFailed(f"sip.transports has {sorted(unknown) or 'nothing'}: choose from udp and tcp")
    port = _free_port(settings)
    for name in settings.transports:
        config = pj.TransportConfig()
        config.port = port
        config.boundAddress = _bound_address(settings.host)
        config.publicAddress = settings.public_address
        try:
            endpoint.transportCreate(_TRANSPORTS[name], config)
        except pj.Error as failure:
            raise SipStartFailed(
                f"cannot listen on {settings.host}:{port}/{name}: {_library_error(failure)}; "
                "stop what uses the port, or set sip.port and sip.host"
            ) from failure
    return port


def _free_port(settings: SipSettings) -> int:
    """Find out whether the port can be had on every transport: pjsip would share a busy UDP port without a word."""
    attempts = 1 if settings.port else _FREE_PORT_ATTEMPTS
    for attempt in range(1, attempts + 1):
        port = settings.port
        probes = []
        try:
            for name in settings.transports:
                probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if name == "udp" else socket.SOCK_STREAM)
                probes.append(probe)
                if name == "tcp":
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((settings.host, port))
                port = probe.getsockname()[1]
        except OSError as failure:
            if failure.errno != errno.EADDRINUSE or attempt == attempts:
                raise SipStartFailed(
                    f"cannot listen on {settings.host}:{port}: {failure.strerror}; "
                    "stop what uses the port, or set sip.port and sip.host"
                ) from failure
        else:
            return port
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError("the last attempt returns or raises")


def _choose_codecs(endpoint: pj.Endpoint, wanted: tuple[str, ...]) -> None:
    known = [info.codecId for info in endpoint.codecEnum2()]
    for codec_id in known:
        name = codec_id.split("/", 1)[0]
        endpoint.codecSetPriority(codec_id, _TOP_PRIORITY - wanted.index(name) if name in wanted else 0)
    missing = set(wanted) - {codec_id.split("/", 1)[0] for codec_id in known}
    if missing or not wanted:
        have = ", ".join(sorted({codec_id.split("/", 1)[0] for codec_id in known}))
        raise SipStartFailed(f"sip.codecs has {sorted(missing) or 'nothing'}: this build of pjsip knows {have}")


def _bound_address(host: str) -> str:
    return "" if host == "0.0.0.0" else host


def _shown_host(host: str) -> str:
    return socket.gethostname() if host == "0.0.0.0" else host
