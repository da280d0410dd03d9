"""The one contract of every speech recogniser.

Audio goes in as frames of 20 ms, 16 kHz, int16 mono (640 bytes); results come out on the engine's own threads.
`feed`, `decode` and `close` never block: they are called on a call's driver thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from voicebot.core.events import Category

SAMPLE_RATE = 16_000
"""Hz, of every frame that an engine is fed."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of an utterance before it is heard; an engine uses what it can.

    `expects` is what the bot has asked for, as the brain names it: `digits:5`, `yes_no`, or nothing. `phrases` are
    names that callers of this dialplan say: products, streets. `sentences` are whole turns that they are known to say.
    """

    expects: str = ""
    phrases: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def digits(self) -> int | None:
        """How many digits are expected, 0 for any number of them, None when none are."""
        kind, _, length = self.expects.partition(":")
        if kind != "digits":
            return None
        return int(length) if length.isdecimal() else 0


NO_HINTS = Hints()

READ_OUT = "Four, eight, two, one, three. Nine, zero, seven, six, five."
"""What a caller who was asked for digits may be expected to have said before, for engines that go on from a text."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, when it was said in ms from the utterance's first frame, and how sure the engine is of it, 0..1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Text of the utterance so far. `decode` is the number given to `decode()`, 0 for an unasked partial.

    `finality` is how sure the engine is that the sentence is over, 0..1; 0.5 when it cannot tell. `words` are in the
    order in which they were said; empty when the engine does not know them, and for partials.
    """

    decode: int
    text: str
    confidence: float
    finality: float = 0.5
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class HearingFailed:
    """The engine could not answer `decode`."""

    decode: int
    category: Category
    permanent: bool
    detail: str


AsrResult = Heard | HearingFailed


class AsrStream(Protocol):
    """One utterance of one caller."""

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes."""

    def decode(self, number: int) -> None:
        """Ask for the text of everything fed so far.

        Exactly one result with this number follows, unless the stream is closed or a newer decode supersedes it first.
        """

    def close(self) -> None:
        """Forget the utterance. Results that are under way may still be posted; the caller ignores them."""


class AsrEngine(Protocol):
    """A recogniser, loaded once a process and shared by its calls."""

    name: str

    def warm_up(self) -> None:
        """Load the model or open the connection, so that no caller pays for it."""

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> AsrStream:
        """Start an utterance whose results go to `post`."""

    def close(self) -> None:
        """Release threads and connections."""


@runtime_checkable
class LearnsSentences(Protocol):
    """An engine that wants to know `Hints.sentences` before the first call, so that no caller waits for it."""

    def learn(self, sentences: tuple[str, ...]) -> None:
        """Make ready for them."""
