"""The conversation machine: whose turn it is, and by when the bot owes the caller a sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from voicebot.core.commands import Line
from voicebot.core.endpointing import Expectation
from voicebot.core.events import Attempt
from voicebot.core.policy import Budgets


class State(StrEnum):
    """Where the dialogue stands."""

    GREETING = "greeting"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    HANDING_OFF = "handing_off"
    ENDED = "ended"


class Trigger(StrEnum):
    """What moves the dialogue."""

    GREETED = "greeted"
    TURN = "turn"
    PROMPT = "prompt"
    ANSWER = "answer"
    SPEECH_OVER = "speech_over"
    BARGE_IN = "barge_in"
    HANDOFF = "handoff"
    RESUME = "resume"
    END = "end"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (State.GREETING, Trigger.GREETED): State.LISTENING,
        (State.GREETING, Trigger.BARGE_IN): State.LISTENING,
        (State.GREETING, Trigger.HANDOFF): State.HANDING_OFF,
        (State.GREETING, Trigger.END): State.ENDED,
        (State.LISTENING, Trigger.TURN): State.THINKING,
        (State.LISTENING, Trigger.PROMPT): State.SPEAKING,
        (State.LISTENING, Trigger.HANDOFF): State.HANDING_OFF,
        (State.LISTENING, Trigger.END): State.ENDED,
        (State.THINKING, Trigger.ANSWER): State.SPEAKING,
        (State.THINKING, Trigger.BARGE_IN): State.LISTENING,
        (State.THINKING, Trigger.HANDOFF): State.HANDING_OFF,
        (State.THINKING, Trigger.END): State.ENDED,
        (State.SPEAKING, Trigger.SPEECH_OVER): State.LISTENING,
        (State.SPEAKING, Trigger.BARGE_IN): State.LISTENING,
        (State.SPEAKING, Trigger.HANDOFF): State.HANDING_OFF,
        (State.SPEAKING, Trigger.END): State.ENDED,
        (State.HANDING_OFF, Trigger.RESUME): State.SPEAKING,
        (State.HANDING_OFF, Trigger.END): State.ENDED,
    }
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Whose turn it is, and what is owed.

    `carried` is a turn that the caller went on with before the answer was heard; `waiting` one that came while the bot
    spoke and could not be interrupted. `brain` is the run under way; `memory` what the last finished run left.
    """

    state: State = State.GREETING
    connected: bool = False
    """Whether the caller's 200 was acknowledged: nothing that the caller does before counts, but on early media."""
    early: bool = False
    """Whether bot and caller hear each other before the call is answered."""
    answer_owed: bool = False
    """Whether the call is still to be answered."""
    turn: int = 0
    text: str = ""
    history: tuple[Line, ...] = ()
    """What was said before this turn, as heard."""
    carried: str = ""
    waiting: str = ""
    interrupted: bool = False
    """Whether the bot was interrupted and does not know yet by what."""
    keyed: bool = False
    """Whether the turn was typed; then it is whole, and keys that follow are another."""
    turn_ended_ms: int = 0
    attempts: int = 0
    brain: Attempt | None = None
    brain_engine: str = ""
    """Who carries out the run, or carried out the last one."""
    results: tuple[tuple[str, str], ...] = ()
    """What the run was given of its tools."""
    asked: Attempt | None = None
    """The run whose tools are awaited."""
    confirming: int = 0
    """The connector call that the caller was asked about; 0 for none."""
    rounds: int = 0
    """How often the brain was run again on results in this turn."""
    memory: str = ""
    expects: str = ""
    """What the last answer asks the caller for, as the brain names it."""
    answered: bool = False
    """Whether the turn has got a clause or a prompt."""
    scaffolded: bool = False
    """Whether the caller was told that the answer takes a moment."""
    leaving: bool = False
    """Whether the call ends once the bot has spoken."""
    no_matches: int = 0
    no_inputs: int = 0
    failures: int = 0
    """Turns in a row that an engine spoilt."""
    soft_due_ms: int | None = None
    hard_due_ms: int | None = None
    brain_due_ms: int | None = None
    no_input_due_ms: int | None = None
    no_input_at_ms: int = 0
    """When the caller is asked; speech that may yet have words defers `no_input_due_ms`, not this."""
    media_due_ms: int | None = None
    hold_due_ms: int | None = None
    drain_due_ms: int | None = None

    def moved(self, trigger: Trigger) -> Conversation | None:
        """Return the conversation after `trigger`, or None when the trigger is illegal in this state."""
        state = TRANSITIONS.get((self.state, trigger))
        return None if state is None else replace(self, state=state)

    @property
    def busy(self) -> bool:
        """Whether more of the answer is still to come."""
        return self.brain is not None or self.asked is not None

    @property
    def wanted_keys(self) -> int:
        """How many keys answer what the bot has asked; 0 when that is not known, or not yet."""
        return 0 if self.busy else Expectation.parse(self.expects).keys

    @property
    def at_menu(self) -> bool:
        """Whether nothing in particular was asked, so that a key of the menu is meant as one."""
        return not self.busy and not self.expects

    def thinking(
        self, text: str, history: tuple[Line, ...], ended_ms: int, now_ms: int, budgets: Budgets
    ) -> Conversation:
        """Begin a turn whose last voiced sample was at `ended_ms`; the budgets count from there."""
        return replace(
            self,
            turn=self.turn + 1,
            text=text,
            history=history,
            carried="",
            interrupted=False,
            turn_ended_ms=ended_ms,
            rounds=0,
            answered=False,
            scaffolded=False,
            no_inputs=0,
            no_input_due_ms=None,
            soft_due_ms=None if budgets.soft_ms is None else max(now_ms, ended_ms + budgets.soft_ms),
            hard_due_ms=ended_ms + budgets.hard_ms,
        )

    def kept_waiting(self, text: str) -> Conversation:
        """Keep a turn until the bot has spoken."""
        return replace(self, waiting=f"{self.waiting} {text}".strip())

    def idle(self) -> Conversation:
        """Nothing is owed: no run, no tools, no deadlines of the turn."""
        return replace(self, brain=None, asked=None, soft_due_ms=None, hard_due_ms=None, brain_due_ms=None)

    def owing(self, now_ms: int, budgets: Budgets) -> Conversation:
        """More of the answer is to come and the bot has nothing to say until then: count the silence from now."""
        if self.hard_due_ms is not None:
            return self
        soft_due_ms = None if budgets.soft_ms is None else now_ms + budgets.soft_ms
        return replace(self, soft_due_ms=soft_due_ms, hard_due_ms=now_ms + budgets.hard_ms)

    def deadlines(self) -> tuple[int | None, ...]:
        """Return all deadlines of the conversation, ms."""
        return (
            self.soft_due_ms,
            self.hard_due_ms,
            self.brain_due_ms,
            self.no_input_due_ms,
            self.media_due_ms,
            self.hold_due_ms,
            self.drain_due_ms,
        )
