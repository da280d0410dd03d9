"""What callers may want: the intents of a dialplan, and the slots that they must fill for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from voicebot.dialplan.endpointing import SlotEndpointingPart
from voicebot.dialplan.part import Name, Part, Pattern, ReasonCode, Template, Text, template


class OffersPart(Part):
    """What a slot may be, as a connector that changes nothing knows it: the free times of a day.

    In its texts `{offers.some}` are up to three of the values and `{offers.all}` all of them.
    """

    connector: Name
    arguments: Mapping[Name, Template] = {}
    """When a slot in them changes, the connector is asked again."""
    values: Name
    """The key of the result that holds the list of values."""
    prompt: Template
    """Asks for one of them."""
    refuse: Template
    """Asks again when the caller wants `{NAME}`, and it is not among them."""
    none: Template
    """Said when there are none, or when the connector cannot tell."""
    none_asks: Name
    """The slot that is asked for then: `none` is its question."""


class SlotPart(Part):
    """Something that the caller must say, by grammar."""

    kind: Literal[
        "digits", "weekday", "date", "time", "money", "yes_no", "choice", "email", "address", "spelling", "name"
    ]
    """The last four are taken as they are said, and the caller is not cut off between their parts. A date is kept as
    `2026-11-24`, a time as `14:30`, an amount as `12.50`; the filters `date`, `time` and `money` say them."""
    length: Annotated[int, Field(ge=1, le=32)] | None = None
    """For digits: how many."""
    choices: Mapping[Name, tuple[Text, ...]] = {}
    """For choice: each value, and the ways to say it."""
    prompt: str = ""
    retry: str = ""
    rest: str = ""
    """For digits: asks for the remaining ones."""
    confirm: Annotated[str, AfterValidator(template)] = ""
    """Reads the value back: `{order_number:digits}. Is that right?`; empty: it is not read back."""
    offers: OffersPart | None = None
    """What it may be."""
    kept: bool = False
    """Whether it holds for the rest of the call once it was given: an account number, not a day."""
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
    """Taken when given, never asked for; not what any words or a yes may be."""
    source: Literal["", "hours", "repeat", "back"] = ""
    """`repeat` says the last thing again; `back` undoes the last answer, or all of them when asked to start over."""
    connector: str = ""
    arguments: Mapping[Name, Template] = {}
    answers: Mapping[Name, Template] = {}
    """By outcome: of the source, of the connector (the result's `outcome`), or `default`."""
    reasks: Mapping[Name, Name] = {}
    """By outcome: the slot that was wrong, and that the answer asks for again."""
    remembers: Mapping[Name, Name] = {}
    """Slots that the result tells, each with its key: they need not be asked for later in the call."""
    declined: Template = "All right, I will not do that. What should I change?"
    """Said when the caller does not agree to what the connector would do."""
    dropped: Template = "All right, I leave it. Is there anything else?"
    """Said when the caller does not want it any more."""
    repeatable: bool = False
    """Whether the answer is the same for every caller who asks it: opening hours, prices; kept by the answer cache."""
    ends: Literal["", "goodbye", "handoff"] = ""
    reason_code: ReasonCode | Literal[""] = ""
