"""The audio machine's first half: is the caller speaking, and has the caller finished?

An utterance opens with the first voiced frame and closes with the end of the turn. At every pause the ASR is asked for
the text so far, ahead of the end: when the pause lasts, the text is usually there already and costs no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from voicebot.core.commands import CloseUtterance, Command, Decode, OpenUtterance
from voicebot.core.events import SpeechPaused, SpeechStarted, Transcribed
from voicebot.core.policy import CallPolicy


class State(StrEnum):
    """What the ear does."""

    IDLE = "idle"
    CAPTURING = "capturing"
    ENDPOINTING = "endpointing"
    ON_HOLD = "on_hold"
    LOST = "lost"


class Trigger(StrEnum):
    """What moves the ear."""

    SPEECH = "speech"
    PAUSE = "pause"
    TURN_END = "turn_end"
    HOLD = "hold"
    LOSS = "loss"
    FLOW = "flow"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (State.IDLE, Trigger.SPEECH): State.CAPTURING,
        (State.CAPTURING, Trigger.PAUSE): State.ENDPOINTING,
        (State.CAPTURING, Trigger.TURN_END): State.IDLE,
        (State.ENDPOINTING, Trigger.SPEECH): State.CAPTURING,
        (State.ENDPOINTING, Trigger.TURN_END): State.IDLE,
        (State.IDLE, Trigger.HOLD): State.ON_HOLD,
        (State.CAPTURING, Trigger.HOLD): State.ON_HOLD,
        (State.ENDPOINTING, Trigger.HOLD): State.ON_HOLD,
        (State.LOST, Trigger.HOLD): State.ON_HOLD,
        (State.IDLE, Trigger.LOSS): State.LOST,
        (State.CAPTURING, Trigger.LOSS): State.LOST,
        (State.ENDPOINTING, Trigger.LOSS): State.LOST,
        (State.ON_HOLD, Trigger.FLOW): State.IDLE,
        (State.LOST, Trigger.FLOW): State.IDLE,
    }
)


@dataclass(frozen=True, slots=True)
class Ear:
    """`decode` is the last text asked for, `answered` the last that came. `committed`: the pause lasted long enough."""

    state: State = State.IDLE
    utterance: int = 0
    decode: int = 0
    answered: int = 0
    text: str = ""
    previous: str = ""
    """The text before this one: what two partials in a row agree on is no slip of the recogniser."""
    partials: int = 0
    """Texts that came unasked, empty ones included."""
    agreed: int = 0
    """The most words that two texts in a row have begun with alike."""
    grew_ms: int = 0
    """When `agreed` last grew: a speaker's words become more, what a recogniser makes of noise only changes."""
    confidence: float = 1.0
    finality: float = 0.5
    judged: str = ""
    """What the pause under way looks like; empty while its text is not here."""
    engine: str = ""
    """The recogniser that hears the utterance."""
    answer_due_ms: int | None = None
    """When another recogniser is asked, because this one has not answered."""
    overlapping: bool = False
    """Whether the utterance began while the bot had the turn."""
    opened_ms: int = 0
    last_voiced_ms: int = 0
    committed: bool = False
    due_ms: int | None = None

    @property
    def open(self) -> bool:
        """Whether an utterance is being taken."""
        return self.state in {State.CAPTURING, State.ENDPOINTING}

    @property
    def told(self) -> bool:
        """Whether the text of the pause under way is here."""
        return self.state is State.ENDPOINTING and self.answered == self.decode

    @property
    def finished(self) -> bool:
        """Whether the turn is over and its text is here."""
        return self.committed and self.answered == self.decode


Heard = tuple[Ear, tuple[Command, ...]]


def moved(ear: Ear, trigger: Trigger) -> Ear | None:
    """Return the ear after `trigger`, or None when the trigger is illegal in this state."""
    state = TRANSITIONS.get((ear.state, trigger))
    return None if state is None else replace(ear, state=state)


def speech_started(
    ear: Ear, event: SpeechStarted, policy: CallPolicy, engine: str = "", expects: str = ""
) -> Heard | None:
    """The caller speaks: go on with the utterance that had paused, or open one.

    `engine` hears it; `expects` is what was asked for.
    """
    after = moved(ear, Trigger.SPEECH)
    if after is None:
        return None
    taking = policy.turn_taking
    if ear.state is State.ENDPOINTING:
        due_ms = ear.opened_ms + taking.max_utterance_ms
        return replace(after, committed=False, due_ms=due_ms, answer_due_ms=None), ()
    fresh = Ear(
        state=State.CAPTURING,
        utterance=ear.utterance + 1,
        engine=engine,
        opened_ms=event.voiced_at_ms,
        last_voiced_ms=event.voiced_at_ms,
        due_ms=event.voiced_at_ms + taking.max_utterance_ms,
    )
    since_ms = max(0, event.voiced_at_ms - taking.pre_roll_ms)
    return fresh, (OpenUtterance(fresh.utterance, since_ms, expects, engine),)


def speech_paused(ear: Ear, event: SpeechPaused, policy: CallPolicy, slot: str = "") -> Heard | None:
    """The caller is quiet: ask for the text now, and end the turn if the quiet lasts. `slot` is what was asked for."""
    after = moved(ear, Trigger.PAUSE)
    if after is None:
        return None
    after = replace(
        after,
        decode=ear.decode + 1,
        judged="",
        last_voiced_ms=event.last_voiced_ms,
        due_ms=event.last_voiced_ms + policy.endpointing_for(slot).max_delay_ms,
    )
    return after, (Decode(after.utterance, after.decode, after.engine),)


def awaiting(ear: Ear, now_ms: int, patience_ms: int | None) -> Ear:
    """Give the recogniser `patience_ms` for a text that was just asked for; None: there is no other to ask."""
    pending = ear.open and ear.answered != ear.decode
    return replace(ear, answer_due_ms=now_ms + patience_ms if pending and patience_ms is not None else None)


def switched(ear: Ear, engine: str, now_ms: int, policy: CallPolicy) -> tuple[Ear, Decode]:
    """Let another recogniser hear the whole utterance. A turn that is over waits for its text anew."""
    after = replace(ear, engine=engine, decode=ear.decode + 1, judged="")
    if ear.committed:
        after = replace(after, due_ms=now_ms + policy.budgets.asr_final_ms)
    return after, Decode(after.utterance, after.decode, engine)


def transcribed(ear: Ear, event: Transcribed) -> Ear | None:
    """Take a text. A text of another utterance, or of a decode that was overtaken, is old: None."""
    if not ear.open or event.utterance != ear.utterance or (event.decode and event.decode != ear.decode):
        return None
    answered = event.decode or ear.answered
    if ear.state is State.ENDPOINTING and ear.answered == ear.decode and not event.decode:
        return None  # a partial that was under way when the asked-for text came
    partials = ear.partials + (event.decode == 0)
    answer_due_ms = None if answered == ear.decode else ear.answer_due_ms
    after = replace(ear, text=event.text, previous=ear.text, answered=answered, partials=partials)
    return replace(after, answer_due_ms=answer_due_ms, confidence=event.confidence, finality=event.finality)


def grown(ear: Ear, agreed: int, now_ms: int) -> Ear:
    """Remember that the last two texts begin with so many words alike, if there are more of them than ever."""
    return replace(ear, agreed=agreed, grew_ms=now_ms) if agreed > ear.agreed else ear


def due(ear: Ear, now_ms: int, policy: CallPolicy) -> Heard:
    """The ear's deadline has passed: the pause lasted, or the utterance or its text took too long."""
    if ear.state is State.CAPTURING:  # speech without end: take what there is
        after = replace(
            ear,
            state=TRANSITIONS[ear.state, Trigger.PAUSE],
            decode=ear.decode + 1,
            committed=True,
            last_voiced_ms=now_ms,
            due_ms=now_ms + policy.budgets.asr_final_ms,
        )
        return after, (Decode(after.utterance, after.decode, after.engine),)
    if not ear.committed:
        return replace(ear, committed=True, due_ms=now_ms + policy.budgets.asr_final_ms), ()
    return replace(ear, due_ms=None), ()


def closed(ear: Ear, trigger: Trigger) -> Heard | None:
    """End the utterance, if one is open, by the end of the turn, hold or loss."""
    after = moved(ear, trigger)
    if after is None:
        return None
    commands = (CloseUtterance(ear.utterance),) if ear.open else ()
    return replace(after, committed=False, due_ms=None, answer_due_ms=None), commands
