"""What was said, as the other side heard it.

The bot's lines are kept as utterances with their frame counts, because `Played` may still arrive after a flush: what
the caller heard is known only then, and words that never left the wire are not in the transcript.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from voicebot.core.commands import Layer, Line
from voicebot.core.events import Played, SpeechRendered
from voicebot.core.mouth import Utterance

Said = Line | Utterance


@dataclass(frozen=True, slots=True)
class Transcript:
    """The dialogue in order."""

    entries: tuple[Said, ...] = ()

    def caller(self, text: str) -> Transcript:
        """Add a turn of the caller."""
        return Transcript((*self.entries, Line("caller", text)))

    def without_last_caller(self) -> Transcript:
        """Take back the last turn of the caller, because the caller went on with it."""
        last = max(i for i, entry in enumerate(self.entries) if isinstance(entry, Line))
        return Transcript(self.entries[:last] + self.entries[last + 1 :])

    def bot(self, utterance: Utterance) -> Transcript:
        """Add an utterance of the bot, not heard yet."""
        return Transcript((*self.entries, utterance))

    def progress(self, event: Played | SpeechRendered) -> Transcript:
        """Count frames of the utterance concerned."""
        for i in range(len(self.entries) - 1, -1, -1):
            entry = self.entries[i]
            if isinstance(entry, Utterance) and entry.speech == event.speech:
                return Transcript((*self.entries[:i], _counted(entry, event), *self.entries[i + 1 :]))
        return self

    def heard(self) -> tuple[Line, ...]:
        """Return both sides' lines as heard, without scaffolding and without what never left the wire."""
        lines: list[Line] = []
        for entry in self.entries:
            line = entry if isinstance(entry, Line) else Line("bot", entry.heard())
            if not line.text or (isinstance(entry, Utterance) and entry.layer is Layer.SCAFFOLDING):
                continue
            if lines and lines[-1].speaker == line.speaker == "bot":
                line = Line("bot", f"{lines.pop().text} {line.text}")
            lines.append(line)
        return tuple(lines)

    def answer_heard(self, turn: int) -> bool:
        """Whether any of the turn's own answer has left towards the wire."""
        return any(
            isinstance(entry, Utterance)
            and entry.turn == turn
            and entry.played > 0
            and entry.layer is not Layer.SCAFFOLDING
            for entry in self.entries
        )


def _counted(utterance: Utterance, event: Played | SpeechRendered) -> Utterance:
    if isinstance(event, Played):
        return replace(utterance, played=max(utterance.played, event.frames))
    return replace(utterance, frames=max(utterance.frames, event.frames), final=utterance.final or event.final)
