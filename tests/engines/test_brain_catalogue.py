"""Which brain a dialplan gets, and what a language model is told of it."""

from __future__ import annotations

import pytest

from voicebot.brain.catalogue import BrainUnavailable, build_brain, chat_settings
from voicebot.dialplan.connectors import ConnectorPart
from voicebot.dialplan.engines import BrainChoice
from voicebot.dialplan.model import BudgetsPart, Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.remote.link import Endpoint

NOWHERE = "http://127.0.0.1:9/v1"


def policy(**brain: str) -> Policy:
    connector = ConnectorPart(entry="shop.orders:status", description="Where an order is.")
    return Policy.of(
        Dialplan(
            version=1,
            name="shop",
            brain=BrainChoice.model_validate(brain),
            budgets=BudgetsPart(brain_first_ms=1_500),
            connectors={"order_status": connector},
            knowledge={"shipping": {"standard": 4}},
        )
    )


def test_a_brain_is_built_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", NOWHERE)
    assert build_brain(policy(), "playbook").name == "playbook"
    brain = build_brain(policy(), "openai", "m")
    assert brain.name == "openai"
    brain.close()


def test_a_model_is_told_the_instructions_the_facts_and_the_connectors() -> None:
    told = chat_settings(policy(instructions="You are Ada."), "m", Endpoint(base_url=NOWHERE))
    assert "You are Ada." in told.system_prompt
    assert '"shipping":{"standard":4}' in told.system_prompt
    assert [tool.name for tool in told.tools] == ["order_status"]
    assert told.first_s == 1.5
    assert told.reason_codes[0] == "CALLER_ASKED"


def test_what_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(BrainUnavailable, match="VOICEBOT_BRAIN__MODEL"):
        build_brain(policy(), "openai")
    with pytest.raises(BrainUnavailable, match="set it, or OPENAI_BASE_URL"):
        build_brain(policy(), "openai", "m")
    with pytest.raises(BrainUnavailable, match="choose one of playbook, openai"):
        build_brain(policy(), "oracle")
