"""What callers may want: the intents of a dialplan, and the slots that they must fill for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from voicebot.dialplan.endpointing import SlotEndpointingPart
from voicebot.dialplan.part import Name, Part, Pattern, ReasonCode, Template, Text


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
    repeatable: bool = False
    """Whether the answer is the same for every caller who asks it: opening hours, prices; kept by the answer cache."""
    ends: Literal["", "goodbye", "handoff"] = ""
    reason_code: ReasonCode | Literal[""] = ""
