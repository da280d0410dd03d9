"""The dialplan as its YAML is written: every key, its type, its default.

These models check one value at a time; what must hold between values is in `voicebot.dialplan.rules`. Mappings are
never changed after loading. All times are in ms unless the key says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, field_validator

from voicebot.core.policy import BargeIn
from voicebot.dialplan.connectors import ConnectorPart, LookupPart
from voicebot.dialplan.endpointing import EndpointingPart
from voicebot.dialplan.engines import AsrChoice, BrainChoice, TtsChoice
from voicebot.dialplan.hours import WEEKDAYS, BusinessDay, BusinessHours, parse_opening
from voicebot.dialplan.intents import IntentPart, SlotPart
from voicebot.dialplan.part import FrameMs, Key, Ms, Name, Part, Patience, Pause, Slug, Text
from voicebot.dialplan.templates import CURRENCIES, Scalar


def _opening(text: str) -> str:
    parse_opening(text)
    return text


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone | use an IANA name such as 'America/New_York'")
    return name


OpeningText = Annotated[str, AfterValidator(_opening)]


class TurnTakingPart(Part):
    """When the caller has begun, paused and finished."""

    start_ms: FrameMs = 100
    pause_ms: FrameMs = 120
    pre_roll_ms: Ms = 300
    max_utterance_ms: Pause = 30_000


class BargeInPart(Part):
    """When the caller's speech stops the bot's."""

    enabled: bool = True
    min_words: Annotated[int, Field(ge=1, le=10)] = 1
    """Recognised words, backchannels aside, that confirm it."""
    min_duration_ms: Ms = 0
    """Speech that is shorter confirms nothing."""
    wordless_ms: Patience = 3_000
    """Speech of this length confirms it while the recogniser has said nothing at all."""
    false_interruption_timeout_ms: Patience = 1_000
    """A pause without words is dropped after this, and the bot goes on from the sample where it stopped."""
    protected: tuple[Literal["greeting", "answer", "prompt", "apology", "goodbye"], ...] = ()
    """What is not interrupted; what callers say meanwhile waits until it was said."""
    backchannels: tuple[Text, ...] = BargeIn().backchannels
    """What listeners say without wanting the turn."""


class DtmfPart(Part):
    """When keys are a whole answer; `#`, a number that is full and a key of the `menu` are at once."""

    inter_digit_ms: Ms = 3_000
    """After a key, when it is not known how many follow."""
    settled_ms: Ms = 1_000
    """The same when there are as many as some number of the dialplan has."""


class NoInputPart(Part):
    """When a caller who says nothing is asked, on the wall clock."""

    initial_ms: Pause = 8_000
    """After the bot has spoken."""
    grace_ms: Pause = 8_000
    """After it has asked."""
    max_check_ins: Annotated[int, Field(ge=0, le=20)] = 2
    """Times that it asks; then it says goodbye."""


class BudgetsPart(Part):
    """How long the caller may be left waiting. `soft_ms` null: no scaffolding."""

    soft_ms: Ms | None = 600
    progress_ms: Patience = 3_000
    hard_ms: Patience = 8_000
    brain_first_ms: Patience = 3_000
    brain_switch_ms: Patience = 1_200
    """In place of `brain_first_ms` while another brain could be asked instead."""
    brain_gap_ms: Patience = 1_500
    """Between two pieces of a language model's answer."""
    asr_final_ms: Patience = 2_500
    asr_switch_ms: Patience = 700
    """From asking for a text until another recogniser is asked, if there is one."""
    tts_first_ms: Patience = 2_500
    tts_switch_ms: Patience = 800
    """In place of `tts_first_ms` while another voice could say it instead."""
    tool_hard_ms: Patience = 3_000
    violation_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """Connector calls of one phone call that may exceed their `soft_ms` before a human takes over; 0: any number."""
    media_lost_ms: Patience = 5_000
    hold_ms: Annotated[int, Field(ge=1_000, le=3_600_000)] = 600_000
    """A caller who is on hold for longer is given up."""
    transfer_ms: Patience = 30_000


class PhrasesPart(Part):
    """What the bot says by itself. Lists are rotated."""

    notice: str = ""
    """Said before the greeting and never interrupted."""
    greeting: str = "Hello, you are speaking with an automated assistant. How can I help?"
    scaffolding: tuple[Text, ...] = ("One moment, please.", "Let me see.", "Let me look.")
    """Fill the wait for an answer, whatever it will be: `voicebot check` wants no facts here. `[]`: none."""
    progress: tuple[Text, ...] = ("I am still looking.", "It takes a little longer than usual.")
    """Follow while the wait goes on; the same holds."""
    no_match: tuple[Text, ...] = ("Sorry, I did not get that. Could you say it another way?",)
    no_input: tuple[Text, ...] = ("Are you still there?",)
    apology: Text = "I am sorry, something is not working on my side."
    handoff: Text = "I am putting you through to a colleague. One moment please."
    handoff_failed: Text = "I am sorry, nobody can take your call right now. Can I help you with something else?"
    goodbye: Text = "Thank you for calling. Goodbye."


class TransferPart(Part):
    """Where a caller goes who needs a human. `${NAME}` and `${NAME:-default}` come from the environment."""

    target: str = ""
    headers: Mapping[str, str] = {}
    no_match_limit: Annotated[int, Field(ge=1, le=20)] = 3


class RecordingPart(Part):
    """Whether calls are recorded, from the answer on: the caller on the left, the bot on the right."""

    enabled: bool = False


class DayPart(Part):
    """One day: when it is open, and something to add when its hours are told."""

    open: tuple[OpeningText, ...]
    note: str = ""

    def resolved(self) -> BusinessDay:
        """Return the day in minutes, openings in order."""
        openings = sorted((parse_opening(text) for text in self.open), key=lambda opening: opening.opens)
        return BusinessDay(tuple(openings), self.note)


class ExceptionPart(DayPart):
    """One date that differs from its weekday."""

    names: tuple[Text, ...] = ()
    """What callers call it, such as `[Christmas Day, Christmas]`; the bot says the first."""

    def resolved(self) -> BusinessDay:
        """Return the day in minutes, openings in order, with its names."""
        return replace(super().resolved(), names=self.names)


class HoursPart(Part):
    """The opening hours. A day that is not named is closed."""

    monday: DayPart = DayPart(open=())
    tuesday: DayPart = DayPart(open=())
    wednesday: DayPart = DayPart(open=())
    thursday: DayPart = DayPart(open=())
    friday: DayPart = DayPart(open=())
    saturday: DayPart = DayPart(open=())
    sunday: DayPart = DayPart(open=())
    exceptions: Mapping[date, ExceptionPart] = {}
    """Dates that differ, as 2026-12-25."""

    def resolved(self) -> BusinessHours:
        """Return the hours in a form that answers questions."""
        week = {weekday: getattr(self, weekday).resolved() for weekday in WEEKDAYS}
        return BusinessHours(week, {day: part.resolved() for day, part in self.exceptions.items()})


class Dialplan(Part):
    """One dialplan: what a call to some number says, knows and may do."""

    version: Literal[1]
    name: Slug
    tenant: Slug = "default"
    language: Literal["en"] = "en"
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    currency: str = "USD"
    brain: BrainChoice = BrainChoice()
    asr: AsrChoice = AsrChoice()
    tts: TtsChoice = TtsChoice()
    turn_taking: TurnTakingPart = TurnTakingPart()
    endpointing: EndpointingPart = EndpointingPart()
    barge_in: BargeInPart = BargeInPart()
    dtmf: DtmfPart = DtmfPart()
    menu: Mapping[Key, Name] = {}
    """Single keys, each with the intent that it stands for while nothing is asked."""
    no_input: NoInputPart = NoInputPart()
    budgets: BudgetsPart = BudgetsPart()
    phrases: PhrasesPart = PhrasesPart()
    transfer: TransferPart = TransferPart()
    recording: RecordingPart = RecordingPart()
    hours: HoursPart = HoursPart()
    knowledge: Mapping[Name, Mapping[Name, Scalar]] = {}
    connectors: Mapping[Name, ConnectorPart] = {}
    lookups: Mapping[Name, LookupPart] = {}
    """What is looked up as a call begins, by the name under which brains know it."""
    slots: Mapping[Name, SlotPart] = {}
    intents: Mapping[Name, IntentPart] = {}

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        if value not in CURRENCIES:
            raise ValueError(f"{value!r} is not a currency that can be spoken | use one of {', '.join(CURRENCIES)}")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the business."""
        return ZoneInfo(self.time_zone)
