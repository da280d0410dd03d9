"""What must hold of flows: offers that can be looked up in the order of the slots, read-backs, what is asked again."""

from __future__ import annotations

from collections.abc import Iterator

from voicebot.core.policy import SideEffect
from voicebot.dialplan.intents import IntentPart, OffersPart
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.rules import Finding, nearest
from voicebot.dialplan.source import Path_
from voicebot.dialplan.templates import holes

_OFFERED = ("some", "all")


def findings(plan: Dialplan) -> Iterator[Finding]:
    """Yield everything that is wrong with the flows of a dialplan."""
    for name, slot in plan.slots.items():
        path: Path_ = ("slots", name)
        if slot.kept and slot.kind in {"yes_no", "time"}:
            yield (*path, "kept"), f"a {slot.kind} does not hold for a whole call", "remove it"
        yield from _own_holes(plan, (*path, "confirm"), slot.confirm, name)
        if slot.offers is not None:
            yield from _offers(plan, name, slot.offers)
    for name, intent in plan.intents.items():
        yield from _order(plan, name, intent)
        yield from _consequences(plan, ("intents", name), intent)


def _own_holes(plan: Dialplan, path: Path_, template: str, *known: str) -> Iterator[Finding]:
    """Yield holes that name neither one of the `known` slots nor the dialplan's knowledge."""
    for hole in holes(template):
        section, _, key = hole.path.partition(".")
        if hole.path in known or key in plan.knowledge.get(section, {}):
            continue
        yield path, f"{{{hole.path}}}: this is not known here", nearest(hole.path, known)


def _offers(plan: Dialplan, name: str, offers: OffersPart) -> Iterator[Finding]:
    path: Path_ = ("slots", name, "offers")
    connector = plan.connectors.get(offers.connector)
    if connector is None:
        message = f"the connector {offers.connector!r} is not declared"
        yield (*path, "connector"), message, nearest(offers.connector, plan.connectors)
        return
    if connector.side_effect is not SideEffect.NONE:
        yield (*path, "connector"), "what may be chosen is looked up without asking", "name one that changes nothing"
    for key in offers.arguments:
        if key not in connector.parameters:
            message = f"the connector {offers.connector!r} has no parameter {key!r}"
            yield (*path, "arguments", key), message, nearest(key, connector.parameters)
    for key, parameter in connector.parameters.items():
        if parameter.required and key not in offers.arguments:
            message = f"the connector {offers.connector!r} needs the argument {key!r}"
            yield (*path, "connector"), message, f"add 'arguments: {{{key}: ...}}'"
    needed = _needed(offers)
    for each in needed:
        if each not in plan.slots:
            yield (*path, "arguments"), f"the slot {each!r} is not declared", nearest(each, plan.slots)
    told = tuple(f"offers.{which}" for which in _OFFERED)
    yield from _own_holes(plan, (*path, "prompt"), offers.prompt, *needed, *told)
    yield from _own_holes(plan, (*path, "refuse"), offers.refuse, *needed, *told, name)
    yield from _own_holes(plan, (*path, "none"), offers.none, *needed)
    if offers.none_asks not in needed:
        yield (*path, "none_asks"), "asks for a slot that does not change the offers", nearest(offers.none_asks, needed)


def _needed(offers: OffersPart) -> tuple[str, ...]:
    paths = (hole.path for template in offers.arguments.values() for hole in holes(template))
    return tuple(dict.fromkeys(path for path in paths if "." not in path))


def _order(plan: Dialplan, name: str, intent: IntentPart) -> Iterator[Finding]:
    """Yield slots whose offers depend on what is asked for after them, or never."""
    for index, slot in enumerate(intent.slots):
        offers = plan.slots[slot].offers if slot in plan.slots else None
        for needed in _needed(offers) if offers is not None else ():
            if needed not in intent.slots[:index]:
                message = f"the offers for {slot!r} need {needed!r}, which is not asked for before"
                yield ("intents", name, "slots", index), message, f"put {needed!r} before it"


def _consequences(plan: Dialplan, path: Path_, intent: IntentPart) -> Iterator[Finding]:
    for key in ("declined", "dropped"):
        yield from _own_holes(plan, (*path, key), getattr(intent, key))
    for outcome, slot in intent.reasks.items():
        if slot not in intent.slots:
            yield (*path, "reasks", outcome), f"{slot!r} is not a slot of this intent", nearest(slot, intent.slots)
        if outcome not in intent.answers:
            message = f"there is no answer for the outcome {outcome!r}, which is to ask"
            yield (*path, "reasks", outcome), message, nearest(outcome, intent.answers)
    for slot in intent.remembers:
        if slot not in plan.slots:
            yield (*path, "remembers", slot), f"the slot {slot!r} is not declared", nearest(slot, plan.slots)
        elif not plan.slots[slot].kept:
            yield (*path, "remembers", slot), f"the slot {slot!r} holds for its intent only", "add 'kept: true' to it"
    if (intent.reasks or intent.remembers) and not intent.connector:
        yield path, "'reasks' and 'remembers' are of a connector's result", "add 'connector:' or remove them"
