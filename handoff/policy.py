"""Why a caller is handed to a human."""

from __future__ import annotations

from enum import StrEnum


class ReasonCode(StrEnum):
    """The reasons that the bot itself raises. A dialplan's brain may name others; they are carried as they are."""

    CALLER_ASKED = "CALLER_ASKED"
    NO_MATCH_LIMIT = "NO_MATCH_LIMIT"
    NO_INPUT_LIMIT = "NO_INPUT_LIMIT"
    BUDGET_VIOLATIONS = "BUDGET_VIOLATIONS"
    SAFETY_ESCALATION = "SAFETY_ESCALATION"
    CONNECTOR_DOWN = "CONNECTOR_DOWN"
    ENGINE_DOWN = "ENGINE_DOWN"
