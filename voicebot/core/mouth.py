"""The audio machine's second half: what the bot says, and how much of it was heard.

Each `Speak` is an utterance of its own, counted in frames of 20 ms: rendered by the TTS, played by the port. A pause
keeps everything; a flush starts a new epoch, and what was queued under the old one is never heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from voicebot.core import spoken_length
from voicebot.core.commands import Layer, Speak
from voicebot.core.events import Played, SpeechRendered


class State(StrEnum):
    """What the mouth does."""

    SILENT = "silent"
    PLAYING = "playing"
    PAUSED = "paused"
    DRAINING = "draining"


class Trigger(StrEnum):
    """What moves the mouth."""

    SPEAK = "speak"
    RENDERED = "rendered"
    PLAYED_OUT = "played_out"
    PAUSE = "pause"
    RESUME = "resume"
    FLUSH = "flush"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (State.SILENT, Trigger.SPEAK): State.PLAYING,
        (State.PLAYING, Trigger.SPEAK): State.PLAYING,
        (State.DRAINING, Trigger.SPEAK): State.PLAYING,
        (State.PAUSED, Trigger.SPEAK): State.PAUSED,
        (State.PLAYING, Trigger.RENDERED): State.DRAINING,
        (State.PLAYING, Trigger.PLAYED_OUT): State.SILENT,
        (State.DRAINING, Trigger.PLAYED_OUT): State.SILENT,
        (State.SILENT, Trigger.PAUSE): State.PAUSED,
        (State.PLAYING, Trigger.PAUSE): State.PAUSED,
        (State.DRAINING, Trigger.PAUSE): State.PAUSED,
        (State.PAUSED, Trigger.RESUME): State.PLAYING,
        (State.SILENT, Trigger.FLUSH): State.SILENT,
        (State.PLAYING, Trigger.FLUSH): State.SILENT,
        (State.PAUSED, Trigger.FLUSH): State.SILENT,
        (State.DRAINING, Trigger.FLUSH): State.SILENT,
    }
)

PROTECTED = frozenset({Layer.ANNOUNCEMENT})
"""Layers that the caller cannot interrupt, whatever the dialplan says."""


SPEAKING_RATE = spoken_length.LETTERS_A_SECOND
"""Letters a second of ordinary speech, to guess the length of audio that is not all there."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One `Speak` and its fate. `frames` were rendered so far, `played` of them have left towards the wire."""

    speech: int
    layer: Layer
    text: str
    turn: int
    frames: int = 0
    played: int = 0
    final: bool = False
    engine: str = ""
    """Who renders it."""
    protected: bool = False
    """Whether the dialplan protects it."""
    broken: bool = False
    """Whether its engine failed and another is to say the rest once this much was played."""

    @property
    def over(self) -> bool:
        """Whether all of it was rendered and played."""
        return self.final and self.played >= self.frames

    def heard(self) -> str:
        """Return the words of which most was played, in proportion to the frames that left."""
        if self.over:
            return self.text if self.frames else ""
        guessed = spoken_length.frames_of(self.text)
        total = self.frames - spoken_length.TRAILING_FRAMES if self.final else max(self.frames, guessed)
        return spoken_length.beginning(self.text, self.played, max(1, total))

    def unheard(self) -> str:
        """Return what of the text is left to be said."""
        return self.text[len(self.heard()) :].strip()


@dataclass(frozen=True, slots=True)
class Mouth:
    """`queue` holds what is still to be played, oldest first; `due_ms` is when audio must have come."""

    state: State = State.SILENT
    epoch: int = 0
    last_speech: int = 0
    queue: tuple[Utterance, ...] = ()
    due_ms: int | None = None

    @property
    def protected(self) -> bool:
        """Whether what is being said must not be interrupted."""
        return any(utterance.protected or utterance.layer in PROTECTED for utterance in self.queue)

    @property
    def starving(self) -> bool:
        """Whether the caller would hear silence because audio is missing."""
        head = self.queue[0] if self.queue else None
        return head is not None and not head.final and head.played >= head.frames

    @property
    def stranded(self) -> bool:
        """Whether nothing more comes of what should be heard now, because its engine failed."""
        speaking = self.state in {State.PLAYING, State.DRAINING}
        return speaking and self.starving and self.queue[0].broken


def moved(mouth: Mouth, trigger: Trigger) -> Mouth | None:
    """Return the mouth after `trigger`, or None when the trigger is illegal in this state."""
    state = TRANSITIONS.get((mouth.state, trigger))
    return None if state is None else replace(mouth, state=state)


def _settled(mouth: Mouth, now_ms: int, patience_ms: int) -> Mouth:
    """Bring state and deadline in line with the queue. A paused mouth waits for nobody."""
    if mouth.state in {State.PLAYING, State.DRAINING}:
        if not mouth.queue:
            mouth = replace(mouth, state=TRANSITIONS[mouth.state, Trigger.PLAYED_OUT])
        elif mouth.state is State.PLAYING and all(utterance.final for utterance in mouth.queue):
            mouth = replace(mouth, state=TRANSITIONS[mouth.state, Trigger.RENDERED])
    if not mouth.starving or mouth.state is State.PAUSED:
        return replace(mouth, due_ms=None)
    return mouth if mouth.due_ms is not None else replace(mouth, due_ms=now_ms + patience_ms)


def speak(mouth: Mouth, utterance: Utterance, now_ms: int, patience_ms: int) -> tuple[Mouth, Speak]:
    """Queue an utterance. Its first audio must come within `patience_ms` of its turn to be played."""
    after = replace(
        mouth,
        state=TRANSITIONS[mouth.state, Trigger.SPEAK],
        last_speech=utterance.speech,
        queue=(*mouth.queue, utterance),
    )
    command = Speak(utterance.speech, mouth.epoch, utterance.text, utterance.layer, utterance.engine)
    return _settled(after, now_ms, patience_ms), command


def rendered(mouth: Mouth, event: SpeechRendered, now_ms: int, patience_ms: int) -> Mouth:
    """Count audio that was queued in the ring. Fresh audio of what is due starts the patience anew."""
    fresh = bool(mouth.queue) and mouth.queue[0].speech == event.speech
    queue = tuple(
        replace(u, frames=max(u.frames, event.frames), final=u.final or event.final) if u.speech == event.speech else u
        for u in mouth.queue
    )
    left = tuple(utterance for utterance in queue if not utterance.over)
    return _settled(replace(mouth, queue=left, due_ms=None if fresh else mouth.due_ms), now_ms, patience_ms)


def played(mouth: Mouth, event: Played, now_ms: int, patience_ms: int) -> Mouth:
    """Count audio that has left the ring, and drop from the queue what is over."""
    queue = tuple(
        replace(u, played=max(u.played, event.frames)) if u.speech == event.speech else u for u in mouth.queue
    )
    left = tuple(utterance for utterance in queue if not utterance.over)
    return _settled(replace(mouth, queue=left), now_ms, patience_ms)


def dropped(mouth: Mouth, speech: int, now_ms: int, patience_ms: int) -> Mouth:
    """Give up an utterance that could not be rendered; what was queued of it still plays."""
    queue = tuple(replace(u, final=True) if u.speech == speech else u for u in mouth.queue)
    left = tuple(utterance for utterance in queue if not utterance.over)
    return _settled(replace(mouth, queue=left, due_ms=None), now_ms, patience_ms)


def broken(mouth: Mouth, speech: int) -> Mouth:
    """An utterance's engine failed: what was queued of it plays, the rest is another engine's."""
    return replace(mouth, queue=tuple(replace(u, broken=True) if u.speech == speech else u for u in mouth.queue))


def paused(mouth: Mouth) -> Mouth | None:
    """Stop, keeping everything."""
    after = moved(mouth, Trigger.PAUSE)
    return None if after is None else replace(after, due_ms=None)


def resumed(mouth: Mouth, now_ms: int, patience_ms: int) -> Mouth | None:
    """Go on from where the pause began."""
    after = moved(mouth, Trigger.RESUME)
    return None if after is None else _settled(after, now_ms, patience_ms)


def flushed(mouth: Mouth) -> Mouth:
    """Begin a new epoch with an empty queue."""
    state = TRANSITIONS[mouth.state, Trigger.FLUSH]
    return replace(mouth, state=state, epoch=mouth.epoch + 1, queue=(), due_ms=None)
