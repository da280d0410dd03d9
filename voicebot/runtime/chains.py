"""The chain of engines that a dialplan and the configuration name for each role, the one to ask first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from voicebot.config import Settings
from voicebot.dialplan.model import Dialplan

EMBEDDED: Final = {"asr": "moonshine", "brain": "playbook", "tts": "piper"}
"""What stands in for a remote engine when nothing else is said."""

REMOTE: Final = frozenset({"openai", "vosk-server"})


class Chosen(NamedTuple):
    """An engine as somebody chose it; empty fields mean the engine's own."""

    engine: str
    model: str = ""
    voice: str = ""


class _Named(Protocol):
    @property
    def engine(self) -> str | None: ...
    @property
    def model(self) -> str: ...


class _Choice(_Named, Protocol):
    @property
    def fallbacks(self) -> Sequence[_Named] | None: ...


def asr_chain(plan: Dialplan, settings: Settings) -> tuple[Chosen, ...]:
    """Return the recognisers of a dialplan."""
    return _chain("asr", plan.asr, settings.asr)


def tts_chain(plan: Dialplan, settings: Settings) -> tuple[Chosen, ...]:
    """Return the synthesisers of a dialplan."""
    return _chain("tts", plan.tts, settings.tts)


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
    first = Chosen(engine, own.model or (usual.model if same else ""), _voice(own) or (_voice(usual) if same else ""))
    fallbacks = own.fallbacks
    if fallbacks is None and own.engine is None:
        fallbacks = usual.fallbacks
    if fallbacks is None:
        return (first, Chosen(EMBEDDED[role])) if engine in REMOTE else (first,)
    return (first, *(Chosen(named.engine or EMBEDDED[role], named.model, _voice(named)) for named in fallbacks))


def _voice(choice: _Named) -> str:
    return getattr(choice, "voice", "")
