"""A call told as a timeline, in virtual time.

`at(ms, events)` lets the clock run to `ms`, firing every deadline of the core on the way, and returns the commands that
the events gave. The verbs below it say in a word what takes several events: a caller's turn, a bot's answer, playout.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from voicebot.core import call
from voicebot.core.commands import CallTool, Command, Note, Speak, StartBrain
from voicebot.core.conversation import State
from voicebot.core.events import (
    Attempt,
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    CallAnswered,
    CallStarted,
    DeadlineReached,
    Event,
    Played,
    SpeechPaused,
    SpeechRendered,
    SpeechStarted,
    Transcribed,
)
from voicebot.core.mouth import State as MouthState
from voicebot.core.policy import CallPolicy, Connector, Endpointing, Phrases, SideEffect, Transfer

C = TypeVar("C", bound=Command)

STARTED = CallStarted(
    call_id="call-1",
    sip_call_id="a84b4c76e66710",
    caller="sip:alice@example.org",
    called="sip:100@example.org",
    started_at="2026-11-21T10:00:00+01:00",
    time_zone="Europe/Berlin",
    weekday="saturday",
    open_now=True,
    policy_hash="0" * 64,
)

CHAIN = ("first", "second")
CHAINED = replace(STARTED, asr=CHAIN, brain=CHAIN, tts=CHAIN)
"""A call with two engines in each role."""

PHRASES = Phrases(
    greeting="Hello.",
    scaffolding=("One moment.", "Let me see."),
    progress=("Still looking.", "Nearly there."),
    no_match=("Pardon?",),
    no_input=("Are you there?",),
    apology="Sorry, a fault.",
    handoff="Putting you through.",
    handoff_failed="Nobody is free.",
    goodbye="Goodbye.",
)

ENDPOINTING = Endpointing(
    filled_ms=200, min_delay_ms=350, likely_ms=420, delay_ms=500, max_delay_ms=1100, dictation_ms=1800
)
"""Not the defaults: those are tuned by measuring, and what the rules say must not change with them."""

POLICY = CallPolicy(
    endpointing=ENDPOINTING,
    phrases=PHRASES,
    transfer=Transfer(target="sip:agents@example.org", headers=(("X-Handoff", "1"),)),
    connectors=(
        Connector("orders", fallback='{"status": "unknown"}'),
        Connector("refund", idempotent=False),
        Connector("book", side_effect=SideEffect.REVERSIBLE),
        Connector("cancel", idempotent=False, retries=0, side_effect=SideEffect.IRREVERSIBLE),
    ),
)


def with_phrases(policy: CallPolicy = POLICY, **changes: str | tuple[str, ...]) -> CallPolicy:
    return replace(policy, phrases=replace(policy.phrases, **changes))  # type: ignore[arg-type]


class Timeline:
    """One call, stepped by hand."""

    def __init__(self, policy: CallPolicy = POLICY, started: CallStarted = STARTED) -> None:
        self.started = started
        self.state = call.begin(policy)
        self.now_ms = 0
        self.log: list[tuple[int, Command]] = []

    def at(self, ms: int, *events: Event) -> list[Command]:
        self.run_to(ms)
        return [command for event in events for command in self._step(event)]

    def run_to(self, ms: int) -> list[Command]:
        """Let time pass; returns what the deadlines gave."""
        assert ms >= self.now_ms, "time runs forwards"
        commands: list[Command] = []
        while (due_ms := call.next_deadline(self.state)) is not None and due_ms <= ms:
            self.now_ms = max(self.now_ms, due_ms)
            commands += self._step(DeadlineReached())
            following = call.next_deadline(self.state)
            assert following is None or following > self.now_ms, "a deadline that stays in the past is a busy loop"
        self.now_ms = ms
        return commands

    def _step(self, event: Event) -> list[Command]:
        self.state, commands = call.step(self.state, event, self.now_ms)
        self.log += [(self.now_ms, command) for command in commands]
        return list(commands)

    # What tests look at.

    def talk(self) -> State:
        return self.state.conversation.state

    def mouth(self) -> MouthState:
        return self.state.mouth.state

    def all(self, kind: type[C]) -> list[C]:
        return [command for _, command in self.log if isinstance(command, kind)]

    def last(self, kind: type[C]) -> C:
        return self.all(kind)[-1]

    def spoken(self) -> list[str]:
        return [speak.text for speak in self.all(Speak)]

    def marks(self) -> list[str]:
        return [note.mark for note in self.all(Note)]

    def fields(self, mark: str) -> dict[str, str | int]:
        """The fields of the last note with this mark."""
        return dict([note for note in self.all(Note) if note.mark == mark][-1].fields)

    def heard(self) -> list[tuple[str, str]]:
        return [(line.speaker, line.text) for line in self.state.transcript.heard()]

    @property
    def attempt(self) -> Attempt:
        return self.last(StartBrain).attempt

    # What happens to a call, in a word.

    def answered(self) -> Timeline:
        self.at(self.now_ms, self.started, CallAnswered("PCMU"))
        return self

    def listening(self) -> Timeline:
        """The greeting is over."""
        self.answered().plays()
        return self

    def renders(self, frames: int = 50, *, speech: int = 0, final: bool = True) -> None:
        """Audio of a `Speak` is queued, of the last one unless told otherwise."""
        self.at(self.now_ms, SpeechRendered(speech or self.last(Speak).speech, frames, final))

    def plays(self, frames: int = 50) -> list[Command]:
        """Everything that is queued is rendered and played to its end, `frames` each, and no time passes."""
        commands: list[Command] = []
        for utterance in self.state.mouth.queue:
            commands += self.at(
                self.now_ms,
                SpeechRendered(utterance.speech, frames, final=True),
                Played(utterance.speech, frames),
            )
        return commands

    def speaks(self, since_ms: int, *, resumed: bool = False) -> list[Command]:
        """The caller's voice is noticed at `since_ms`, its first voiced sample being 100 ms older."""
        return self.at(since_ms, SpeechStarted(since_ms - 100, resumed))

    def pauses(self, at_ms: int) -> list[Command]:
        return self.at(at_ms, SpeechPaused(at_ms - 160))

    def hears(self, at_ms: int, text: str, finality: float = 0.9) -> list[Command]:
        """The text that was asked for last arrives."""
        ear = self.state.ear
        return self.at(at_ms, Transcribed(ear.utterance, ear.decode, text, 0.9, finality))

    def partial(self, at_ms: int, text: str) -> list[Command]:
        """A text comes unasked."""
        return self.at(at_ms, Transcribed(self.state.ear.utterance, 0, text, 0.9))

    def says(self, text: str) -> list[Command]:
        """A whole turn of the caller: 1 s of speech and the pause that ends it, as long as it has to be."""
        start = self.now_ms + 100
        commands = self.speaks(start)
        commands += self.pauses(start + 1060)
        commands += self.hears(start + 1120, text)
        while (due_ms := self.state.ear.due_ms) is not None:
            commands += self.run_to(due_ms)
        return commands

    def thinking(self, text: str = "When do you open?") -> Timeline:
        """The caller has asked and the brain is at work."""
        self.listening().says(text)
        return self

    def clause(self, text: str, index: int = 0) -> list[Command]:
        return self.at(self.now_ms, BrainClause(self.attempt, index, text, ()))

    def finishes(
        self, outcome: BrainOutcome = BrainOutcome.ANSWERED, reason: str = "", memory: str = "", expects: str = ""
    ) -> list[Command]:
        return self.at(self.now_ms, BrainFinished(self.attempt, outcome, reason, memory, expects))

    def answers(self, text: str, expects: str = "") -> None:
        """The brain answers in one clause; it is not heard yet."""
        self.clause(text)
        self.finishes(expects=expects)

    def wants(self, name: str = "orders", arguments: str = '{"number": 7}') -> CallTool:
        """The brain asks for one connector and waits for it."""
        self.at(self.now_ms, BrainToolWanted(self.attempt, name, arguments))
        self.finishes(BrainOutcome.WAITING_FOR_TOOLS)
        return self.last(CallTool)

    def asks(self, name: str = "book", arguments: str = '{"day": "thursday"}', question: str = "Thursday?") -> None:
        """The brain wants a connector with a side effect; the caller hears the question."""
        self.at(self.now_ms, BrainToolWanted(self.attempt, name, arguments, question))
        self.finishes(BrainOutcome.WAITING_FOR_TOOLS, memory="booking")
        self.plays()

    def handing_off(self, reason: str = "") -> Timeline:
        """The brain has asked for a human; the announcement is queued."""
        self.thinking("A person, please.").finishes(BrainOutcome.HANDOFF, reason)
        return self
