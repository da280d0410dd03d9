"""What the user agent is told before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SipAccount:
    """An account at a registrar (RFC 3261, 10). The password is never shown."""

    registrar: str
    """SIP URI of the registrar, `sip:pbx.example.org` or `sip:pbx.example.org;transport=tcp`."""
    user: str
    password: str = field(default="", repr=False)
    realm: str = "*"
    """The digest realm that the password is for; `*` answers any."""
    expires_s: int = 300
    retry_s: int = 10
    """Time between attempts while the registrar does not answer or refuses."""
    refresh_ahead_s: int = 5
    """How long before it expires a registration is refreshed."""


@dataclass(frozen=True, slots=True)
class SipSettings:
    """How the bot appears to SIP peers. Errors in it surface from `UserAgent.start`."""

    host: str = "0.0.0.0"
    port: int = 5060
    """0 takes a free port; `UserAgent.port` then says which."""
    public_address: str = ""
    """Address to put into Via, Contact and SDP when it differs from `host`."""
    max_calls: int = 3
    """Calls at once. One call of the library's own limit is kept apart to refuse with."""
    retry_after_s: int = 5
    """Sent with the 503 beyond `max_calls`."""
    transports: tuple[str, ...] = ("udp", "tcp")
    codecs: tuple[str, ...] = ("PCMU", "PCMA", "G722")
    """Encoding names (RFC 3551) in order of preference; whatever is not listed is not offered."""
    early_media: bool = False
    """Send 183 with SDP instead of 180, so that frames flow before the answer."""
    session_timers: bool = True
    """RFC 4028, refreshed by whichever side the negotiation names."""
    session_expires_s: int = 1800
    rtp_port: int = 40_000
    rtp_port_count: int = 200
    rtp_timeout_ms: int = 15_000
    """RTP that stays away for this long makes the media LOST."""
    hold_probe_ms: int = 30_000
    """How often a peer who holds a call is asked by OPTIONS whether it is still there."""
    account: SipAccount | None = None
    user_agent: str = "voicebot"
    library_log: str = ""
    """A file for pjsip's own log at level 5. It holds whole SIP messages: for diagnosis only."""
