"""How long a pause ends the caller's turn: in general, and while one slot is asked for."""

from __future__ import annotations

from voicebot.dialplan.part import Ms, Part, Patience


class EndpointingPart(Part):
    """Quiet time that ends a turn, by what was said before it."""

    filled_ms: Ms = 200
    """The answer that was asked for is there, or `#` was pressed."""
    min_delay_ms: Ms = 430
    """The sentence is complete."""
    likely_ms: Ms = 800
    """It likely is."""
    possible_ms: Ms = 1_050
    """It may be."""
    delay_ms: Patience = 1_250
    """It is not clear whether it is."""
    max_delay_ms: Patience = 1_300
    """It cannot end here."""
    dictation_ms: Patience = 1_800
    """Digits, letters or an address are being read out."""
    model: str = ""
    """Path of an ONNX model that judges by the audio whether a turn is over; empty: the recogniser does."""


class SlotEndpointingPart(Part):
    """Quiet time that ends the answer to one question; what is left out is as everywhere (see `endpointing`)."""

    filled_ms: Ms | None = None
    min_delay_ms: Ms | None = None
    likely_ms: Ms | None = None
    possible_ms: Ms | None = None
    delay_ms: Ms | None = None
    max_delay_ms: Ms | None = None
    dictation_ms: Ms | None = None

    def over(self, general: EndpointingPart) -> EndpointingPart:
        """Return the general delays with these in their place."""
        return general.model_copy(update=self.model_dump(exclude_none=True))
