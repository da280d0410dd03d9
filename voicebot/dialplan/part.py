"""What all parts of a dialplan have in common: how a part behaves, and the kinds of values that many have."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from voicebot.dialplan.templates import holes

Text = Annotated[str, Field(min_length=1)]
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


def template(text: str) -> str:
    """Return a template as it is. Raises TemplateError, which is a ValueError."""
    holes(text)
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None
    return text


Template = Annotated[Text, AfterValidator(template)]
Pattern = Annotated[Text, AfterValidator(_regex)]


class Part(BaseModel):
    """A part of a dialplan: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
