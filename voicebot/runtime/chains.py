"""The chain of engines that a dialplan and the configuration name for each role, the one to ask first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from voicebot.config import Settings
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import resolve
from voicebot.remote.link import Endpoint

EMBEDDED: Final = {"asr": "moonshine", "brain": "playbook", "tts": "piper"}
"""What stands in for a remote engine when nothing else is said."""

REMOTE: Final = frozenset({"hybrid", "openai", "vosk-server"})


class Chosen(NamedTuple):
    """An engine as somebody chose it; empty fields mean the engine's own."""

    engine: str
    model: str = ""
    voice: str = ""
    speed: float = 1.0
    url: str = ""
    api_key: str = ""
    """A reference to the environment."""

    def endpoint(self) -> Endpoint | None:
        """Return where a remote engine is, None for where the environment says. Raises SecretMissingError."""
        return Endpoint(base_url=self.url, api_key=resolve(self.api_key)) if self.url or self.api_key else None


class _Named(Protocol):
    @property
    def engine(self) -> str | None: ...
    @property
    def model(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def api_key(self) -> str: ...


class _Choice(_Named, Protocol):
    @property
    def fallbacks(self) -> Sequence[_Named] | None: ...


def asr_chain(plan: Dialplan, settings: Settings) -> tuple[Chosen, ...]:
    """Return the recognisers of a dialplan."""
    return _chain("asr", plan.asr, settings.asr)


def tts_chain(plan: Dialplan, settings: Settings) -> tuple[Chosen, ...]:
    """Return the synthesisers of a dialplan; all of them speak at its speed."""
    speed = settings.tts.speed if plan.tts.speed is None else plan.tts.speed
    return tuple(chosen._replace(speed=speed) for chosen in _chain("tts", plan.tts, settings.tts))


def brain_chain(plan: Dialplan, settings: Settings) -> tuple[Chosen, ...]:
    """Return the brains of a dialplan. The playbook stands in for a language model only if it has something to say."""
    chain = _chain("brain", plan.brain, settings.brain)
    implied = plan.brain.fallbacks is None and settings.brain.fallbacks is None
    return chain[:1] if implied and not plan.intents else chain


def names(chain: Sequence[Chosen]) -> tuple[str, ...]:
    """Return a name for each engine of a chain: that of its kind, numbered from the second of a kind on."""
    seen: Counter[str] = Counter()
    found = []
    for chosen in chain:
        seen[chosen.engine] += 1
        found.append(chosen.engine if seen[chosen.engine] == 1 else f"{chosen.engine}-{seen[chosen.engine]}")
    return tuple(found)


def described(plan: Dialplan, settings: Settings) -> dict[str, str]:
    """Return, for people, each role's engines in the order in which they are asked, with what was chosen of them."""
    chains = {
        "asr": asr_chain(plan, settings),
        "brain": brain_chain(plan, settings),
        "tts": tts_chain(plan, settings),
    }
    return {role: ", then ".join(_described(chosen) for chosen in chain) for role, chain in chains.items()}


def _described(chosen: Chosen) -> str:
    details = " ".join(detail for detail in (chosen.model, chosen.voice) if detail)
    return f"{chosen.engine} ({details})" if details else chosen.engine


def _chain(role: str, own: _Choice, usual: _Choice) -> tuple[Chosen, ...]:
    """Take the dialplan's choice before the configuration's, and its fallbacks with it."""
    engine = own.engine or usual.engine or EMBEDDED[role]
    same = own.engine in {None, usual.engine}
    first = _chosen(engine, own)
    if same:
        whose = own if own.url or own.api_key else usual
        first = first._replace(
            model=own.model or usual.model,
            voice=_voice(own) or _voice(usual),
            url=whose.url,
            api_key=whose.api_key,
        )
    fallbacks = own.fallbacks
    if fallbacks is None and own.engine is None:
        fallbacks = usual.fallbacks
    if fallbacks is None:
        return (first, Chosen(EMBEDDED[role])) if engine in REMOTE else (first,)
    return (first, *(_chosen(named.engine or EMBEDDED[role], named) for named in fallbacks))


def _chosen(engine: str, named: _Named) -> Chosen:
    return Chosen(engine, named.model, _voice(named), url=named.url, api_key=named.api_key)


def _voice(choice: _Named) -> str:
    return getattr(choice, "voice", "")
