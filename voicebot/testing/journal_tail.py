"""Reads a call's journal while it is being written, to show what the bot says and hears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from voicebot.core.commands import Speak
from voicebot.core.events import CallAnswered, Event, Played, Transcribed
from voicebot.journal.file import journal_paths
from voicebot.journal.lines import LINES, Step
from voicebot.testing.scripted_caller import SpokenLine


class JournalTail:
    """Follows the first journal that appears below `data_dir` after this was made."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._known = frozenset(journal_paths(data_dir))
        self._path: Path | None = None
        self._read = 0
        self._answered_ms = 0
        self._texts: dict[int, str] = {}

    @property
    def call_id(self) -> str:
        """The id of the call; empty while there is none."""
        return self._path.stem if self._path else ""

    def spoken(self) -> list[SpokenLine]:
        """Return what the bot began to say, and what it understood, since the last time."""
        return [line for step in self._new_steps() for line in self._lines(step)]

    def _new_steps(self) -> Iterator[Step]:
        if self._path is None:
            self._path = next((path for path in journal_paths(self._data_dir) if path not in self._known), None)
        if self._path is None:
            return
        with self._path.open("rb") as journal:
            journal.seek(self._read)
            for raw in journal:
                if not raw.endswith(b"\n"):
                    break  # the rest of this line is still to come
                self._read += len(raw)
                line = LINES.decode(raw)
                if isinstance(line, Step):
                    yield line

    def _lines(self, step: Step) -> Iterable[SpokenLine]:
        for command in step.commands:
            if isinstance(command, Speak):
                self._texts[command.speech] = command.text
        return self._line(step.event, step.now_ms)

    def _line(self, event: Event, now_ms: int) -> Iterator[SpokenLine]:
        if isinstance(event, CallAnswered):
            self._answered_ms = now_ms
        elif isinstance(event, Played) and event.speech in self._texts:
            yield SpokenLine(now_ms - self._answered_ms, "bot", self._texts.pop(event.speech))
        elif isinstance(event, Transcribed) and event.decode:
            yield SpokenLine(now_ms - self._answered_ms, "(heard)", event.text)
