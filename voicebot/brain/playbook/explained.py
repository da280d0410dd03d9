"""Why a phrase goes where it goes, for whoever writes the examples."""

from __future__ import annotations

from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.intents import How, IntentMatcher, Verdict
from voicebot.dialplan.policy import Policy


def explained(policy: Policy, text: str) -> dict[str, str]:
    """Return what the router makes of a turn to which nothing was asked before, line by line."""
    days = DayNames(day.names for day in policy.hours.exceptions.values() if day.names)
    matcher = IntentMatcher(policy.dialplan, days)
    verdict = matcher.verdict(text)
    told = {"intent": verdict.intent or "no match", "because": _because(verdict)}
    if verdict.how in {How.LIKENESS, How.MISHEARD, How.NOTHING} and verdict.guess:
        told["best"] = f"{verdict.guess}, confidence {verdict.confidence:.2f} of {matcher.threshold:.2f} asked for"
        told["second"] = f"{verdict.second}, {verdict.margin:.2f} behind"
    return told


def _because(verdict: Verdict) -> str:
    match verdict.how:
        case How.PATTERN:
            return f"its pattern {verdict.nearest!r} matches"
        case How.EXAMPLE if verdict.intent:
            return f"{verdict.nearest!r} is an example of it, days and numbers aside"
        case How.EXAMPLE:
            return f"{verdict.nearest!r} is out of scope"
        case How.LIKENESS:
            return f"it means about the same as its examples; the most like sentence is {verdict.nearest!r}"
        case How.MISHEARD:
            return f"it is the example {verdict.nearest!r} but for a few letters"
        case How.NOTHING:
            return (
                f"no intent is clear; the most like sentence is {verdict.nearest!r}" if verdict.nearest else "no words"
            )
