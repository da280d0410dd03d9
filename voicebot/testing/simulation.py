"""`voicebot simulate`: run scenarios against the real core, brain and connectors, and say where they part."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.brain.protocol import Brain
from voicebot.core.commands import CallTool, Command, Note, StartBrain
from voicebot.core.policy import SideEffect
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.rules import normalised
from voicebot.testing.scenario import Scenario, Turn
from voicebot.testing.text_call import Moment, TextCall
from voicebot.tools.protocol import Toolbox


@dataclass(slots=True)
class Outcome:
    """What became of a scenario: the dialogue as lines, and what was not as it should be."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class SimulatedCall(Protocol):
    """A call that a scenario can be run on."""

    @property
    def commands(self) -> list[tuple[int, Command]]:
        """All that the core asked for, each with its time in ms."""

    @property
    def ended(self) -> bool:
        """Whether nothing more can be said."""

    def say(self, text: str) -> None:
        """Let the caller say something."""

    def press(self, keys: str) -> None:
        """Let the caller press keys."""

    def wait(self, seconds: float) -> None:
        """Let the caller say nothing."""

    def said(self, since: int = 0) -> list[str]:
        """Return what the bot has said since a command's number."""


def run(scenario: Scenario, policy: Policy, call: SimulatedCall) -> Outcome:
    """Run a scenario on a call that has begun, and judge it."""
    outcome = Outcome([f"bot:    {text}" for text in call.said()])
    for number, turn in enumerate(scenario.turns, 1):
        if call.ended:
            outcome.wrong.append(f"turns[{number - 1}]: the call is over before it")
            break
        before = len(call.commands)
        outcome.lines.append(_carry_out(turn, call))
        said = call.said(before)
        outcome.lines += [f"bot:    {text}" for text in said]
        outcome.lines += [f"        {told}" for told in _told(turn, call.commands[before:])]
        outcome.wrong += _judged(number, turn, " ".join(said))
    ended = _ending(call)
    outcome.lines.append(f"        ({ended})")
    if ended != scenario.ends:
        outcome.wrong.append(f"ends: {ended!r}, not {scenario.ends!r}")
    done, wanted = _done(policy, call), [(part.connector, dict(part.arguments)) for part in scenario.done]
    if done != wanted:
        outcome.wrong.append(f"done: {_shown(done)}, not {_shown(wanted)}")
    return outcome


@contextmanager
def text_call(
    scenario: Scenario,
    policy: Policy,
    toolbox: Toolbox,
    brain_of: Callable[[TextCall], Brain] | None = None,
) -> Iterator[TextCall]:
    """Begin a call in text; its brain is the playbook unless another is given."""
    call = TextCall(policy, toolbox, moment(scenario, policy))
    brain = brain_of(call) if brain_of is not None else _playbook(policy, call.wall_clock)
    brain.warm_up()
    try:
        call.start(brain)
        yield call
    finally:
        brain.close()


@dataclass(slots=True)
class _Clock:
    """The clock of whichever call a shared brain is answering."""

    now: Callable[[], datetime]

    def __call__(self) -> datetime:
        """Return the time of that call."""
        return self.now()


_PLAYBOOKS: Final[dict[str, tuple[PlaybookBrain, _Clock]]] = {}
"""By policy: reading a dialplan's examples takes longer than most scenarios."""


def _playbook(policy: Policy, clock: Callable[[], datetime]) -> PlaybookBrain:
    if policy.sha256 not in _PLAYBOOKS:
        shared = _Clock(clock)
        _PLAYBOOKS[policy.sha256] = PlaybookBrain(policy, shared), shared
    brain, shared = _PLAYBOOKS[policy.sha256]
    shared.now = clock
    return brain


def moment(scenario: Scenario, policy: Policy) -> Moment:
    """Return when a scenario begins."""
    at = scenario.at
    zone = policy.dialplan.zone
    return Moment(at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone), scenario.caller)


def _carry_out(turn: Turn, call: SimulatedCall) -> str:
    if turn.caller:
        call.say(turn.caller)
        return f"caller: {turn.caller}"
    if turn.keys:
        call.press(turn.keys)
        return f"caller: [keys {turn.keys}]"
    call.wait(turn.silent_s)
    return f"caller: [silent for {turn.silent_s:g} s]"


def _told(turn: Turn, commands: list[tuple[int, Command]]) -> Iterator[str]:
    """Tell what went on behind what was said."""
    heard = [command.text for _, command in commands if isinstance(command, StartBrain)]
    if turn.caller and heard and normalised(heard[-1]) != normalised(turn.caller):
        yield f"(heard: {heard[-1]})"
    for _, command in commands:
        if isinstance(command, CallTool):
            yield f"({command.name} {command.arguments})"


def _judged(number: int, turn: Turn, said: str) -> Iterator[str]:
    plain = said.casefold()
    for part in turn.bot:
        if part.casefold() not in plain:
            yield f"turns[{number - 1}].bot: {part!r} is not in {said!r}"
    for part in turn.never:
        if part.casefold() in plain:
            yield f"turns[{number - 1}].never: {part!r} is in {said!r}"


def _ending(call: SimulatedCall) -> str:
    reasons = [
        str(dict(command.fields)["reason"])
        for _, command in call.commands
        if isinstance(command, Note) and command.mark == "handoff_started"
    ]
    if reasons:
        return f"handoff {reasons[-1]}"
    return "goodbye" if call.ended else "open"


def _done(policy: Policy, call: SimulatedCall) -> list[tuple[str, Mapping[str, object]]]:
    changing = {part.name for part in policy.call.connectors if part.side_effect is not SideEffect.NONE}
    tried = [command for _, command in call.commands if isinstance(command, CallTool) and command.name in changing]
    firsts = {command.key: command for command in reversed(tried)}.values()
    return [(command.name, json.loads(command.arguments)) for command in reversed(tuple(firsts))]


def _shown(calls: Sequence[tuple[str, Mapping[str, object]]]) -> str:
    return ", ".join(f"{name} {json.dumps(arguments)}" for name, arguments in calls) or "nothing"
