"""The part of a dialplan that the core decides by.

`voicebot.dialplan` builds it from YAML; each call pins one from start to end. All times are in ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class TurnTaking:
    """When the caller has begun, paused and finished, counted from voiced samples."""

    start_ms: int = 100
    """Voiced time before speech counts as started."""
    pause_ms: int = 120
    """Quiet time before speech counts as paused; a decode starts here, ahead of the end of the turn."""
    pre_roll_ms: int = 300
    """Audio before the start of speech that the ASR gets as well."""
    max_utterance_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Endpointing:
    """Quiet time after the last voiced sample that ends a turn, by what was said before it."""

    filled_ms: int = 200
    """The answer that was asked for is there, or `#` was pressed."""
    min_delay_ms: int = 430
    """The sentence is complete."""
    likely_ms: int = 800
    """It likely is."""
    possible_ms: int = 1_050
    """It may be."""
    delay_ms: int = 1_250
    """It is not clear whether it is. A pause of a second, and the time that speech after it needs to be noticed."""
    max_delay_ms: int = 1_300
    """It cannot end here; also the limit while the recogniser has not said what was said."""
    dictation_ms: int = 1_800
    """Digits, letters or an address are being read out."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """When the caller's speech stops the bot's. Protected speech is never stopped."""

    enabled: bool = True
    min_words: int = 1
    """Recognised words, backchannels aside, that confirm it. A suspicion alone pauses the bot where it is."""
    min_duration_ms: int = 0
    """Speech that is shorter confirms nothing, whatever its words."""
    wordless_ms: int = 3_000
    """Speech of this length confirms it while the recogniser has said nothing at all."""
    false_interruption_timeout_ms: int = 1_000
    """A suspicion without words is dropped after this and the bot goes on from the sample where it stopped."""
    protected: tuple[str, ...] = ()
    """Layers of speech that are not stopped either; announcements never are."""
    backchannels: tuple[str, ...] = (
        "mm hmm", "mhm", "mm", "hmm", "hm", "uh huh", "uh", "um", "er", "ah", "oh", "huh", "okay", "ok", "right",
        "all right", "alright", "yeah", "yes", "yep", "sure", "i see", "got it", "good", "great", "fine", "cool", "wow",
        "you", "thank you", "thanks", "so", "i", "i c",
    )  # fmt: skip
    """What listeners say without wanting the turn, and what recognisers make of coughs."""


@dataclass(frozen=True, slots=True)
class Dtmf:
    """When keys are a whole answer, besides `#` and a number that is full. The driver collects them by it."""

    inter_digit_ms: int = 3_000
    """Quiet time that ends a run of keys."""
    settled_ms: int = 1_000
    """The same once the run is as long as a number that the dialplan asks for."""
    menu: str = ""
    """Keys that are a whole answer by themselves while nothing was asked for."""


@dataclass(frozen=True, slots=True)
class NoInput:
    """When a caller who says nothing is asked, on the wall clock: a noisy line does not stop it."""

    initial_ms: int = 8_000
    """After the bot has spoken."""
    grace_ms: int = 8_000
    """After it has asked."""
    max_check_ins: int = 2
    """Times that it asks; then it says goodbye."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """How long the caller may be left waiting. Counted from the last voiced sample of the turn."""

    soft_ms: int | None = 600
    """Scaffolding starts; None for never."""
    progress_ms: int = 3_000
    hard_ms: int = 8_000
    """The turn is given up: apology, then a human."""
    brain_first_ms: int = 3_000
    """One run of the brain, to its first clause."""
    brain_switch_ms: int = 1_200
    """The same while another brain could be asked instead."""
    brain_gap_ms: int = 1_500
    """Between two pieces of an answer; the engine's shell watches it."""
    asr_final_ms: int = 2_500
    asr_switch_ms: int = 700
    """A recogniser's text, once it was asked for, while another could be asked instead."""
    tts_first_ms: int = 2_500
    tts_switch_ms: int = 800
    """A sentence's first audio, once it is due, while another voice could say it instead."""
    tool_hard_ms: int = 3_000
    violation_limit: int = 3
    """Connector calls of one phone call that may exceed their soft limit before a human takes over; 0: any number."""
    media_lost_ms: int = 5_000
    """After RTP stopped and the caller was asked: time until the call ends."""
    hold_ms: int = 600_000
    """A caller who is on hold is given up after this."""
    transfer_ms: int = 30_000
    """A REFER without a final NOTIFY becomes unknown after this."""


class SideEffect(StrEnum):
    """What a connector does to the world besides answering."""

    NONE = "none"
    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"


@dataclass(frozen=True, slots=True)
class Connector:
    """What the core must know to run a connector."""

    name: str
    hard_ms: int = 3_000
    idempotent: bool = True
    retries: int = 1
    fallback: str = ""
    """JSON that stands in for the result; the brain gets an error when there is neither this nor another fallback."""
    scaffolding: tuple[str, ...] = ()
    """Phrases that fit a wait for it."""
    soft_ms: int = 800
    """A call that takes longer is a budget violation."""
    side_effect: SideEffect = SideEffect.NONE
    """Anything but none needs the caller's consent."""
    fallback_connector: str = ""
    """Asked instead when this one fails."""
    fallback_answer: str = ""
    """Said instead, and the turn is over."""
    fallback_reason: str = ""
    """Why a human takes over instead."""

    @property
    def reads_only(self) -> bool:
        """Whether a call changes nothing: it may start ahead, run twice and be cancelled."""
        return self.idempotent and self.side_effect is SideEffect.NONE


@dataclass(frozen=True, slots=True)
class Lookup:
    """A connector that is called as the call begins. `{caller}` in an argument stands for the caller's number."""

    name: str
    connector: str
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Phrases:
    """What the bot says by itself.

    Lists are rotated, so that no phrase comes twice running; those of `no_match` and `no_input` escalate instead.
    """

    notice: str = ""
    """Comes before the greeting and is protected."""
    greeting: str = ""
    scaffolding: tuple[str, ...] = ()
    progress: tuple[str, ...] = ()
    no_match: tuple[str, ...] = ("Sorry, I did not get that. Could you say it another way?",)
    no_input: tuple[str, ...] = ("Are you still there?",)
    unsupported: str = "I do not have that information. I can put you through to a colleague."
    """A brain may say it; here, so that it is rendered ahead."""
    apology: str = "I am sorry, something is not working on my side."
    handoff: str = "I am putting you through to a colleague. One moment please."
    handoff_failed: str = "I am sorry, nobody can take your call right now. Can I help you with something else?"
    goodbye: str = "Thank you for calling. Goodbye."


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where a caller goes who needs a human. An empty target means that nobody can be reached."""

    target: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    no_match_limit: int = 3


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """Everything the core decides by, pinned for the whole call."""

    turn_taking: TurnTaking = field(default_factory=TurnTaking)
    endpointing: Endpointing = field(default_factory=Endpointing)
    barge_in: BargeIn = field(default_factory=BargeIn)
    dtmf: Dtmf = field(default_factory=Dtmf)
    no_input: NoInput = field(default_factory=NoInput)
    budgets: Budgets = field(default_factory=Budgets)
    phrases: Phrases = field(default_factory=Phrases)
    transfer: Transfer = field(default_factory=Transfer)
    connectors: tuple[Connector, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    number_lengths: tuple[int, ...] = ()
    """Digits of the numbers that the dialplan asks for: a run of such a length is complete."""
    slot_endpointing: tuple[tuple[str, Endpointing], ...] = ()
    """The delays of slots that have their own, by name."""

    def endpointing_for(self, slot: str) -> Endpointing:
        """Return the delays while a slot is asked for; an empty name means none."""
        return next((own for name, own in self.slot_endpointing if name == slot), self.endpointing)

    @property
    def own_phrases(self) -> tuple[str, ...]:
        """Every text that a call may need without the brain."""
        own = self.phrases
        single = (own.notice, own.greeting, own.unsupported, own.apology, own.handoff, own.handoff_failed, own.goodbye)
        fitting = tuple(phrase for connector in self.connectors for phrase in connector.scaffolding)
        answers = tuple(connector.fallback_answer for connector in self.connectors)
        lists = (*answers, *own.scaffolding, *fitting, *own.progress, *own.no_match, *own.no_input)
        return tuple(dict.fromkeys(text for text in (*single, *lists) if text))
