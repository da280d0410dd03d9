"""The dialplan as its YAML is written: every key, its type, its default.

These models check one value at a time; what must hold between values is in `voicebot.dialplan.rules`. Mappings are
never changed after loading. All times are in ms unless the key says otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, field_validator

from voicebot.core.policy import BargeIn
from voicebot.dialplan.engines import AsrChoice, BrainChoice, TtsChoice
from voicebot.dialplan.hours import WEEKDAYS, BusinessDay, BusinessHours, parse_opening
from voicebot.dialplan.part import Part, Text
from voicebot.dialplan.templates import CURRENCIES, Scalar, holes

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Key = Annotated[str, Field(pattern=r"^[0-9]$")]
Ms = Annotated[int, Field(ge=0, le=600_000)]
Patience = Annotated[int, Field(ge=100, le=600_000)]
"""A time that somebody or something gets; at 0 it would be over before it began."""
Pause = Annotated[int, Field(ge=1_000, le=600_000)]
"""A time that a caller gets to say something."""
FrameMs = Annotated[int, Field(ge=20, le=600_000)]
"""At least a frame."""
ReasonCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


def _template(text: str) -> str:
    holes(text)
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None
    return text


def _json_object(text: str) -> str:
    if text and not _is_json_object(text):
        raise ValueError('is not a JSON object | write it as \'{"outcome": "unavailable"}\', or leave it empty')
    return text


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _opening(text: str) -> str:
    parse_opening(text)
    return text


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone | use an IANA name such as 'America/New_York'")
    return name


Template = Annotated[Text, AfterValidator(_template)]
Pattern = Annotated[Text, AfterValidator(_regex)]
OpeningText = Annotated[str, AfterValidator(_opening)]


class TurnTakingPart(Part):
    """When the caller has begun, paused and finished."""

    start_ms: FrameMs = 100
    pause_ms: FrameMs = 120
    pre_roll_ms: Ms = 300
    max_utterance_ms: Pause = 30_000


class EndpointingPart(Part):
    """Quiet time that ends a turn, by what was said before it."""

    filled_ms: Ms = 200
    """The answer that was asked for is there, or `#` was pressed."""
    min_delay_ms: Ms = 430
    """The sentence is complete."""
    likely_ms: Ms = 600
    """It likely is, and the brain has an answer."""
    delay_ms: Patience = 1_250
    """It is not clear whether it is."""
    max_delay_ms: Patience = 1_300
    """It cannot end here."""
    dictation_ms: Patience = 1_800
    """Digits, letters or an address are being read out."""
    model: str = ""
    """Path of an ONNX model that judges by the audio whether a turn is over; empty: the recogniser does."""


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


class Parameter(Part):
    """One argument of a connector."""

    type: Literal["string", "integer", "number", "boolean"] = "string"
    description: str = ""
    required: bool = True


class ConnectorPart(Part):
    """Where facts are fetched. `entry` is `module:function`: JSON arguments in, a JSON object out."""

    entry: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    description: str = ""
    parameters: Mapping[Name, Parameter] = {}
    settings: Mapping[Name, str] = {}
    """Handed to the function as they are; `${NAME}` is resolved at each call and never stored."""
    hard_ms: Patience = 3_000
    idempotent: bool = True
    retries: Annotated[int, Field(ge=0, le=1)] = 1
    fallback: Annotated[str, AfterValidator(_json_object)] = ""
    """A JSON object that stands in for the result when the connector fails; empty: the turn fails."""
    scaffolding: tuple[Text, ...] = ()
    """Phrases that fill the wait for this connector; the general ones go on where a phrase would come twice running."""

    def json_schema(self) -> dict[str, object]:
        """Return the JSON Schema of the arguments, as language models want it."""
        properties = {
            name: {"type": parameter.type, "description": parameter.description}
            for name, parameter in self.parameters.items()
        }
        required = [name for name, parameter in self.parameters.items() if parameter.required]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


class SlotEndpointingPart(Part):
    """Quiet time that ends the answer to one question; what is left out is as everywhere (see `endpointing`)."""

    filled_ms: Ms | None = None
    min_delay_ms: Ms | None = None
    likely_ms: Ms | None = None
    delay_ms: Ms | None = None
    max_delay_ms: Ms | None = None
    dictation_ms: Ms | None = None

    def over(self, general: EndpointingPart) -> EndpointingPart:
        """Return the general delays with these in their place."""
        return general.model_copy(update=self.model_dump(exclude_none=True))


class SlotPart(Part):
    """Something that the caller must say, by grammar."""

    kind: Literal["digits", "weekday", "yes_no", "choice", "email", "address", "spelling", "name"]
    """The last four are taken as they are said, and the caller is not cut off between their parts."""
    length: Annotated[int, Field(ge=1, le=32)] | None = None
    """For digits: how many."""
    choices: Mapping[Name, tuple[Text, ...]] = {}
    """For choice: each value, and the ways to say it."""
    prompt: str = ""
    retry: str = ""
    rest: str = ""
    """For digits: asks for the remaining ones."""
    endpointing: SlotEndpointingPart = SlotEndpointingPart()
    """While this slot is asked for."""

    @property
    def own_delays(self) -> bool:
        """Whether its answers are waited for differently."""
        return self.endpointing != SlotEndpointingPart()


class IntentPart(Part):
    """Something that callers want, how they say it, and what is answered."""

    examples: tuple[Text, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    """Regular expressions over the turn in lower case without punctuation; a match decides."""
    slots: tuple[Name, ...] = ()
    """Asked for when the caller did not give them."""
    optional: tuple[Name, ...] = ()
    """Taken when given, never asked for; only digits, weekday, choice and email."""
    source: Literal["", "hours", "repeat"] = ""
    connector: str = ""
    arguments: Mapping[Name, Template] = {}
    answers: Mapping[Name, Template] = {}
    """By outcome: of the source, of the connector (the result's `outcome`), or `default`."""
    ends: Literal["", "goodbye", "handoff"] = ""
    reason_code: ReasonCode | Literal[""] = ""


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
