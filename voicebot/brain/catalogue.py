"""Which brain answers in a dialplan, by the name that a configuration or the dialplan uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime

from handoff.policy import ReasonCode
from voicebot.brain.aside import Aside
from voicebot.brain.hybrid import HybridBrain, PlaybookAlone
from voicebot.brain.openai_chat import ChatSettings, OpenAiBrain, Prices
from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.brain.prompts import PROMPTS, confirmation, moment
from voicebot.brain.protocol import Brain
from voicebot.dialplan.policy import Policy
from voicebot.remote.link import Endpoint
from voicebot.safety.fact_evidence import DialplanFacts
from voicebot.safety.gated_brain import GatedBrain

ENGINES = ("playbook", "openai", "hybrid")


class BrainUnavailable(Exception):
    """A brain cannot be had. The message names the key and the remedy."""


def build_brain(
    policy: Policy,
    name: str,
    model: str = "",
    endpoint: Endpoint | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Brain:
    """Return the brain called `name` for a dialplan, not yet warm; `model` and `endpoint` are for those that have one.

    `clock` returns local time, for tests and simulations.

    Raises BrainUnavailable.
    """
    match name:
        case "playbook":
            return Aside(PlaybookAlone(PlaybookBrain(policy, clock)))
        case "openai":
            return _gated(OpenAiBrain(chat_settings(policy, model, endpoint, clock)), policy, clock)
        case "hybrid":
            model_brain = _gated(OpenAiBrain(chat_settings(policy, model, endpoint, clock)), policy, clock)
            return Aside(HybridBrain(PlaybookBrain(policy, clock), model_brain))
        case _:
            raise BrainUnavailable(f"brain.engine: there is no {name!r}; choose one of {', '.join(ENGINES)}")


def _gated(brain: Brain, policy: Policy, clock: Callable[[], datetime] | None) -> Brain:
    """Put the fact gate before a brain that invents; only the dialplan can leave it out."""
    if not policy.dialplan.brain.fact_gate:
        return brain
    return GatedBrain(brain, DialplanFacts(policy), policy.dialplan.phrases.unsupported, clock)


def chat_settings(
    policy: Policy, model: str, endpoint: Endpoint | None = None, clock: Callable[[], datetime] | None = None
) -> ChatSettings:
    """Tell a language model what the dialplan says. Raises BrainUnavailable when something is missing."""
    if not model:
        raise BrainUnavailable("brain.model: a language model needs a name; set it here or as VOICEBOT_BRAIN__MODEL")
    if endpoint is None and not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")):
        raise BrainUnavailable("OPENAI_API_KEY is not set; set it, or OPENAI_BASE_URL for a server of your own")
    plan, prompt = policy.dialplan, PROMPTS.of(policy)
    return ChatSettings(
        model,
        system_prompt=prompt.text,
        tools=prompt.tools,
        reason_codes=tuple(ReasonCode),
        endpoint=endpoint or Endpoint(),
        first_s=plan.budgets.brain_first_ms / 1_000,
        gap_s=plan.budgets.brain_gap_ms / 1_000,
        max_speech_s=plan.brain.max_speech_s,
        confirm=confirmation(policy),
        moment=moment(policy, clock),
        prices=Prices(**plan.brain.prices.model_dump()),
    )
