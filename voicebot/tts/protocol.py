"""The one contract of every speech synthesiser: text in, chunks of int16 with a rate out, cancel within a chunk.

Speech comes out at -18 dBFS, whatever the voice (voicebot.media.loudness).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voicebot.core.events import Category

Pcm = NDArray[np.int16]
"""int16 mono samples."""


class SpeakingFailed(Exception):
    """The engine could not render a text."""

    def __init__(self, category: Category, permanent: bool, detail: str) -> None:  # noqa: FBT001
        super().__init__(detail)
        self.category = category
        self.permanent = permanent


class TtsStream(Protocol):
    """One text being rendered. Iterated on one thread; `cancel` may come from any other."""

    def chunks(self) -> Iterator[Pcm]:
        """Yield samples at the engine's rate. Raises SpeakingFailed. Ends quietly after `cancel`."""

    def cancel(self) -> None:
        """Stop rendering; a blocked read returns at once."""


class TtsEngine(Protocol):
    """A synthesiser, loaded once a process and shared by its calls."""

    name: str
    voice: str
    version: str
    rate: int
    """Hz, of the chunks."""
    speed: float
    """1 for the voice's own."""

    def warm_up(self) -> None:
        """Load the model or open the connection, so that no caller pays for it."""

    def open(self, text: str) -> TtsStream:
        """Prepare to render `text`; the work is done in `chunks()`."""

    def close(self) -> None:
        """Release threads and connections."""
