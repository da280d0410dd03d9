"""What the result of a connector says was done."""

from __future__ import annotations

from typing import Final

from voicebot.safety.fact_claims import BASES, STATES, SUCCESS, Claim, groups_in
from voicebot.safety.fact_evidence import Record, parsed, plain

_STATE_KEYS: Final = frozenset({"outcome", "status", "state", "result", "message", "progress"})
_PARTICIPLES: Final = frozenset({"ready", "workshop"})


def says_so(claim: Claim, record: Record) -> bool:
    """Whether a result says that what is claimed was done; who says to have done it must have a connector that acts."""
    result = parsed(record.result)
    if not isinstance(result, dict):
        return False
    states = {plain(str(value)) for key, value in result.items() if key in _STATE_KEYS}
    groups = frozenset(group for state in states for group in groups_in(state))
    keys = frozenset(
        group
        for key, value in result.items()
        if value not in (False, None, "", 0, "false", "no")
        for group in groups_in(key.replace("_", " ")) - (frozenset() if value is True else _PARTICIPLES)
    )
    if claim.own and claim.group not in STATES and not record.acts:
        return False
    if claim.group in groups | keys or (claim.group == "send" and not claim.own and "ship" in groups | keys):
        return True
    succeeded = bool(states & SUCCESS) or result.get("ok") is True or result.get("success") is True
    acted = record.acts and (succeeded or bool(groups & set(BASES)))
    if claim.group == "confirm":
        return acted or "confirm" in groups
    if claim.group == "tell" and claim.own:
        return False
    return record.acts and succeeded and bool(set(BASES.get(claim.group, "").split()) & set(record.name.split("_")))
