"""The configuration of a bot: one YAML file, every key overridable by `VOICEBOT_SECTION__KEY`, secrets only from there.

What a call says and does is not configured here but in the dialplans.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from voicebot.dialplan.engines import AsrFallback, BrainFallback, KeyReference, TtsFallback
from voicebot.dialplan.source import Fault, Mark, Path_, Source, Value, dotted, read_source
from voicebot.dialplan.validation import explain

PREFIX: Final = "VOICEBOT_"
SEPARATOR: Final = "__"

_SECRETS: Final[tuple[Path_, ...]] = (("sip", "account", "password"), ("cache", "key"))
_URLS: Final[tuple[Path_, ...]] = (("store", "url"), ("cache", "url"))
LEAST_KEY: Final = 32
"""Characters of `cache.key`."""
_URL_PASSWORD = re.compile(r"://[^/@:]*:[^/@]+@")


class ConfigError(Exception):
    """The configuration cannot be used. The message has one line for each thing that is wrong."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def _listed(value: object) -> object:
    """Let an environment variable write a list as `PCMU,PCMA`."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _absent(value: object) -> object:
    """Let an environment variable take a value away by being empty."""
    return None if value == "" else value


Port = Annotated[int, Field(ge=0, le=65535)]
Codec = Literal["PCMU", "PCMA", "G722"]
Transport = Literal["udp", "tcp"]
Text = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class AccountSettings(_Section):
    """An account at a PBX (RFC 3261 section 10; digest authentication)."""

    registrar: Text
    """SIP URI of the registrar, such as `sip:pbx.example.com`."""
    user: Text
    realm: Text = "*"
    expires_s: Annotated[int, Field(ge=10, le=86400)] = 300
    password: SecretStr = SecretStr("")
    """Only from VOICEBOT_SIP__ACCOUNT__PASSWORD."""


class SipSettings(_Section):
    """Where the bot is reached by SIP, and with which media."""

    host: Text = "127.0.0.1"
    """Address to bind. The default is reached from this machine only; `0.0.0.0` takes calls from everywhere."""
    port: Port = 5060
    public_address: Annotated[str | None, BeforeValidator(_absent)] = None
    """Address to put into Contact and SDP when it is not the bound one (behind NAT)."""
    max_calls: Annotated[int | None, Field(ge=1, le=4000), BeforeValidator(_absent)] = None
    """Calls at a time; None for as many as the SIP library was built for."""
    transports: Annotated[tuple[Transport, ...], Field(min_length=1), BeforeValidator(_listed)] = ("udp", "tcp")
    codecs: Annotated[tuple[Codec, ...], Field(min_length=1), BeforeValidator(_listed)] = ("G722", "PCMU", "PCMA")
    """In order of preference."""
    early_media: bool = False
    """Speak the greeting on a 183. The call is answered when it was heard, or the caller speaks or presses a key."""
    rtp_port_min: Port = 16400
    rtp_port_max: Port = 16999
    account: AccountSettings | None = None

    @model_validator(mode="after")
    def _ports_in_order(self) -> SipSettings:
        if self.rtp_port_max - self.rtp_port_min < 1 and self.rtp_port_min:
            raise ValueError(
                "rtp_port_max must be greater than rtp_port_min | leave at least two ports a call, RTP and RTCP"
            )
        return self


class WebSettings(_Section):
    """Where HTTP is served: health, metrics, and the pages for people."""

    host: Text = "127.0.0.1"
    port: Port = 8080


class DataSettings(_Section):
    """Where the bot keeps what it writes."""

    dir: Path = Path("data")
    """Database, journals, caches and recordings. A relative one starts at the working directory."""


class StoreSettings(_Section):
    """The database of record."""

    url: str = Field(default="", repr=False)
    """An SQLAlchemy URL; empty for SQLite in the data directory."""


class DialplanSettings(_Section):
    """Where the dialplans are."""

    path: Path = Path("dialplans")
    default: str = ""
    """The dialplan for numbers that no rule names, in place of the one in routes.yaml."""


class BrainSettings(_Section):
    """Which brain answers in dialplans that name none."""

    engine: Literal["playbook", "openai", "hybrid"] = "playbook"
    model: str = ""
    url: str = ""
    """For openai: the server's base address; unset: OPENAI_BASE_URL."""
    api_key: KeyReference = ""
    """For openai: `${NAME}`, the environment variable that holds the key of the server at `url`."""
    fallbacks: tuple[BrainFallback, ...] | None = None
    """What is asked when it fails, as in a dialplan."""


class AsrSettings(_Section):
    """Which recogniser listens in dialplans that name none."""

    engine: Literal["moonshine", "openai", "vosk", "vosk-server", "voted", "whisper"] = "moonshine"
    model: str = ""
    url: str = ""
    """For openai: the server's base address; unset: OPENAI_BASE_URL."""
    api_key: KeyReference = ""
    """For openai: `${NAME}`, the environment variable that holds the key of the server at `url`."""
    fallbacks: tuple[AsrFallback, ...] | None = None
    """What is asked when it fails, as in a dialplan."""


class TtsSettings(_Section):
    """Which synthesiser speaks in dialplans that name none."""

    engine: Literal["piper", "coqui", "openai"] = "piper"
    voice: str = ""
    model: str = ""
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    """1 is the voice's own."""
    url: str = ""
    """For openai: the server's base address; unset: OPENAI_BASE_URL."""
    api_key: KeyReference = ""
    """For openai: `${NAME}`, the environment variable that holds the key of the server at `url`."""
    fallbacks: tuple[TtsFallback, ...] | None = None
    """What is asked when it fails, as in a dialplan."""


class FailoverSettings(_Section):
    """When an engine counts as ill, for all calls of a worker."""

    failures: Annotated[int, Field(ge=1, le=100)] = 2
    """Failures in a row after which calls ask the next engine of their chain first."""
    probe_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    """How often an engine that is ill is tried, off the calls' path; after 60 times only at every tenth beat."""


class CacheSettings(_Section):
    """Where answers and results of connectors are kept for the next caller. What is kept, the dialplans say."""

    url: Annotated[str, Field(repr=False, pattern=r"^(rediss?://.+)?$")] = ""
    """A server that speaks Redis' protocol and all workers share: `redis://HOST:PORT/DB`. Empty: each for itself."""
    key: SecretStr = SecretStr("")
    """Only from VOICEBOT_CACHE__KEY, at least 32 characters: what leaves the process is encrypted with it. Without one
    only what is public and every caller's leaves it."""
    timeout_ms: Annotated[int, Field(ge=1, le=50)] = 5
    """What the server may cost a turn; after that the entry counts as missing."""
    entries: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """What a worker holds of each kind at most; the entry that was used longest ago goes first."""
    megabytes: Annotated[int, Field(ge=1, le=10_000)] = 32
    """The same, in MiB."""

    @field_validator("url")
    @classmethod
    def _reads(cls, value: str) -> str:
        parts = urlsplit(value)
        try:
            whole = not value or (bool(parts.hostname) and (parts.port is None or parts.port > 0))
        except ValueError:  # of the port
            whole = False
        if not whole or not re.fullmatch(r"(/\d*)?", parts.path):
            raise ValueError("is not the address of a server | write it as redis://HOST:PORT/DB")
        return value

    @field_validator("key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < LEAST_KEY:
            raise ValueError(f"is shorter than {LEAST_KEY} characters | make one with: openssl rand -base64 32")
        return value


class DrainSettings(_Section):
    """How the bot goes away."""

    limit_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """Time that running calls get to finish, in seconds."""


class LogSettings(_Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Settings(_Section):
    """The whole configuration."""

    sip: SipSettings = SipSettings()
    web: WebSettings = WebSettings()
    data: DataSettings = DataSettings()
    store: StoreSettings = StoreSettings()
    dialplans: DialplanSettings = DialplanSettings()
    brain: BrainSettings = BrainSettings()
    asr: AsrSettings = AsrSettings()
    tts: TtsSettings = TtsSettings()
    failover: FailoverSettings = FailoverSettings()
    cache: CacheSettings = CacheSettings()
    drain: DrainSettings = DrainSettings()
    log: LogSettings = LogSettings()

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.store.url or f"sqlite:///{self.data.dir / 'voicebot.sqlite'}"


def load_settings(path: Path | None, env: Mapping[str, str]) -> Settings:
    """Read the file, if there is one, then let the environment override it. Raises ConfigError with every fault."""
    source = Source("the defaults", value={}) if path is None else read_source(path)
    faults = list(source.faults)
    values = source.value if isinstance(source.value, dict) else {}
    if not faults and not isinstance(source.value, dict):
        faults.append(source.fault((), "must be a mapping of sections", "begin with a section such as 'sip:'"))
    faults += _secrets_in_file(source, values)
    marks = dict(source.values)
    for name in sorted(env):
        if name.startswith(PREFIX) and SEPARATOR in name:
            faults += _override(values, marks, name, env[name])
    if faults:
        raise ConfigError(tuple(faults))
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        found = Source(source.file, keys=source.keys, values=marks)
        raise ConfigError(
            tuple(
                found.fault(path, message, remedy, of_key=key)
                for path, message, remedy, key in explain(error, Settings)
            )
        ) from None


def _secrets_in_file(source: Source, values: dict[str, Value]) -> list[Fault]:
    faults = [
        source.fault(path, "a secret must not stand in a file", f"set {_variable(path)} instead", of_key=True)
        for path in _SECRETS
        if path in source.keys
    ]
    for path in _URLS:
        section = values.get(str(path[0]))
        url = section.get(str(path[1])) if isinstance(section, dict) else None
        if isinstance(url, str) and _URL_PASSWORD.search(url):
            faults.append(source.fault(path, "a password must not stand in a file", f"set {_variable(path)} instead"))
    return faults


def _variable(path: Path_) -> str:
    return PREFIX + SEPARATOR.join(str(part).upper() for part in path)


def _override(values: dict[str, Value], marks: dict[Path_, Mark], name: str, text: str) -> list[Fault]:
    path = tuple(name.removeprefix(PREFIX).lower().split(SEPARATOR))
    known = _leaves(Settings)
    if path not in known:
        close = get_close_matches(name, [_variable(leaf) for leaf in known], n=1)
        remedy = f"did you mean {close[0]}?" if close else "unset it"
        return [Fault(Mark(name), "", "no setting has this name", remedy)]
    section: dict[str, Value] = values
    for depth, part in enumerate(path[:-1], start=1):
        inner = section.get(part)
        if inner is None:
            inner = section[part] = {}
        if not isinstance(inner, dict):
            where = dotted(path[:depth])
            return [Fault(Mark(name), where, f"{where} is not a section in the file", "make it a mapping there")]
        section = inner
    section[path[-1]] = text
    marks[path] = Mark(name)
    return []


def _leaves(model: type[BaseModel], above: tuple[str, ...] = ()) -> tuple[tuple[str, ...], ...]:
    leaves: list[tuple[str, ...]] = []
    for name, described in model.model_fields.items():
        choices = (described.annotation, *getattr(described.annotation, "__args__", ()))
        section = next((c for c in choices if isinstance(c, type) and issubclass(c, _Section)), None)
        leaves += _leaves(section, (*above, name)) if section else [(*above, name)]
    return tuple(leaves)
