"""Which brain answers in a dialplan, by the name that a configuration or the dialplan uses."""

from __future__ import annotations

import json
import os

from handoff.policy import ReasonCode
from voicebot.brain.aside import Aside
from voicebot.brain.messages import ToolSpec
from voicebot.brain.openai_chat import ChatSettings, OpenAiBrain
from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.brain.protocol import Brain
from voicebot.dialplan.policy import Policy
from voicebot.remote.link import Endpoint

ENGINES = ("playbook", "openai")

MANNERS = (
    "You are on the telephone. Everything you write is spoken aloud: use short plain sentences, no lists, no markup, no"
    " links. Say nothing as a fact that you were not told here or by a tool. When you cannot help, hand the caller to a"
    " human."
)
"""Stands before a dialplan's own instructions."""


class BrainUnavailable(Exception):
    """A brain cannot be had. The message names the key and the remedy."""


def build_brain(policy: Policy, name: str, model: str = "", endpoint: Endpoint | None = None) -> Brain:
    """Return the brain called `name` for a dialplan, not yet warm; `model` and `endpoint` are for those that have one.

    Raises BrainUnavailable.
    """
    match name:
        case "playbook":
            return Aside(PlaybookBrain(policy))
        case "openai":
            return OpenAiBrain(chat_settings(policy, model, endpoint))
        case _:
            raise BrainUnavailable(f"brain.engine: there is no {name!r}; choose one of {', '.join(ENGINES)}")


def chat_settings(policy: Policy, model: str, endpoint: Endpoint | None = None) -> ChatSettings:
    """Tell a language model what the dialplan says. Raises BrainUnavailable when something is missing."""
    if not model:
        raise BrainUnavailable("brain.model: a language model needs a name; set it here or as VOICEBOT_BRAIN__MODEL")
    if endpoint is None and not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")):
        raise BrainUnavailable("OPENAI_API_KEY is not set; set it, or OPENAI_BASE_URL for a server of your own")
    dialplan = policy.dialplan
    return ChatSettings(
        model,
        system_prompt="\n\n".join(filter(None, (MANNERS, dialplan.brain.instructions, _known_facts(policy)))),
        tools=tuple(ToolSpec(name, part.description, part.json_schema()) for name, part in dialplan.connectors.items()),
        reason_codes=tuple(ReasonCode),
        endpoint=endpoint or Endpoint(),
        first_s=dialplan.budgets.brain_first_ms / 1_000,
        gap_s=dialplan.budgets.brain_gap_ms / 1_000,
    )


def _known_facts(policy: Policy) -> str:
    """Write what the dialplan states as fact; the same bytes in every call of a policy."""
    facts = policy.dialplan.model_dump(mode="json", include={"time_zone", "currency", "hours", "knowledge"})
    return f"What you know, as JSON: {json.dumps(facts, separators=(',', ':'))}"
