"""Where the silence of each turn went, computed from a journal's lines and its audio alone.

Silence runs from the last voiced sample of the caller's turn to the first audible frame of the bot (20 ms RMS above
-45 dBFS) that left the playout ring. Five stages cut it without remainder:

    endpointing   until the turn was taken to be over
    asr           until its text was there
    brain         until the first words to speak were there (tools and scaffolding deadlines included)
    tts           until their first audio was queued
    playout       until they were audible on the way out
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from voicebot.core.commands import Command, FlushPlayout, Layer, Note, Speak, StartBrain
from voicebot.core.events import FRAME_MS, DeadlineReached, Event, Played, SpeechPaused, SpeechRendered, SpeechStarted
from voicebot.core.mouth import Utterance
from voicebot.journal.lines import ULAW_FRAME, Audio, Playout, Step
from voicebot.journal.outgoing import playout_entries
from voicebot.media import g711
from voicebot.media.levels import AUDIBLE_DBFS, block_levels
from voicebot.media.playout import Flushed, Paused, Popped
from voicebot.store.records import TurnRecord

GAP_MS = 400
"""An inaudible stretch inside an answer longer than this is counted as silence too."""

_WINDOW = 40
"""Marks on either side by which the time of a tick is judged; about five seconds in all."""


class TickClock:
    """Tells when on the call's clock a pop of the playout ring happened.

    The driver reads the ring's counter some time after the pop that it counts, so of several readings the one that
    puts the pops earliest is the nearest to the truth.
    """

    def __init__(self, lines: Iterable[object]) -> None:
        marks = [(line.ticks, line.now_ms) for line in lines if isinstance(line, Playout) and line.ticks]
        self._ticks = [ticks for ticks, _ in marks]
        self._starts = [now_ms - (ticks - 1) * FRAME_MS for ticks, now_ms in marks]

    def at(self, tick: int) -> int:
        """Return the time of pop number `tick`, counted from 0, in ms. 0 when there was no reading at all."""
        near = bisect_left(self._ticks, tick)
        window = self._starts[max(0, near - _WINDOW) : near + _WINDOW]
        return min(window) + tick * FRAME_MS if window else 0


@dataclass(slots=True)
class _Spoken:
    """A `Speak` and when its first audio was queued."""

    utterance: Utterance
    asked_ms: int
    rendered_ms: int | None = None


@dataclass(slots=True)
class _Turn:
    number: int
    last_voiced_ms: int
    text: str
    taken_ms: int
    endpoint_ms: int
    spoken: dict[int, _Spoken] = field(default_factory=dict)
    interrupted_at_ms: int | None = None
    """First voiced sample of the speech that ended the reply."""


def turns_of(
    lines: Sequence[Step | Audio | Playout], audio: Mapping[int, bytes], call_id: str
) -> tuple[TurnRecord, ...]:
    """Return the turns of a call, in order. `audio` maps a speech to its mu-law at 16 kHz."""
    clock = TickClock(lines)
    log = playout_entries(lines)
    audible = _audible_ticks(log, audio)
    stops = [entry.tick for entry in log if isinstance(entry, Paused | Flushed)]
    reader = _Reader()
    for line in lines:
        if isinstance(line, Step):
            reader.read(line)
    return tuple(_record(turn, clock, audible, stops, call_id) for turn in reader.turns)


class _Reader:
    """Follows the steps of a call and gathers its turns."""

    def __init__(self) -> None:
        self.turns: list[_Turn] = []
        self._by_speech: dict[int, _Turn] = {}
        self._texts: dict[int, str] = {}
        self._voiced_ms = 0
        self._endpoint_ms = 0

    def read(self, step: Step) -> None:
        self._event(step.event, step.now_ms)
        for command in step.commands:
            self._command(command, step.now_ms)

    def _event(self, event: Event, now_ms: int) -> None:
        match event:
            case SpeechStarted():
                self._voiced_ms = event.voiced_at_ms
            case SpeechPaused():
                self._endpoint_ms = 0
            case DeadlineReached():
                # The first deadline after a pause is the one at which it had lasted; a later one waits for the text.
                self._endpoint_ms = self._endpoint_ms or now_ms
            case SpeechRendered() | Played() if event.speech in self._by_speech:
                _progress(self._by_speech[event.speech], event, now_ms)
            case _:
                pass

    def _command(self, command: Command, now_ms: int) -> None:
        if isinstance(command, Note) and command.mark == "endpoint" and dict(command.fields).get("judged"):
            self._endpoint_ms = now_ms  # its text was here: the pause itself was waited for
        if isinstance(command, Note) and command.mark == "turn":
            self.turns.append(_begun(command, len(self.turns) + 1, now_ms, self._endpoint_ms))
            self.turns[-1].text = self._texts.get(self.turns[-1].number, "")
        if isinstance(command, StartBrain):  # often before the turn it is for: the brain is asked ahead
            self._texts[command.turn] = command.text
        if not self.turns:
            return
        turn = self.turns[-1]
        match command:
            case StartBrain() if command.turn == turn.number:
                turn.text = command.text
            case Speak():
                utterance = Utterance(command.speech, command.layer, command.text, turn.number)
                turn.spoken[command.speech] = _Spoken(utterance, now_ms)
                self._by_speech[command.speech] = turn
            case FlushPlayout() if any(not spoken.utterance.over for spoken in turn.spoken.values()):
                turn.interrupted_at_ms = self._voiced_ms
            case _:
                pass


def _begun(note: Note, number: int, now_ms: int, endpoint_ms: int) -> _Turn:
    fields = dict(note.fields)
    # A core of another version may note less; its turns are counted all the same.
    last_voiced_ms = int(fields.get("ended_ms", now_ms))
    return _Turn(int(fields.get("number", number)), last_voiced_ms, "", now_ms, endpoint_ms or now_ms)


def _progress(turn: _Turn, event: SpeechRendered | Played, now_ms: int) -> None:
    spoken = turn.spoken[event.speech]
    said = spoken.utterance
    if isinstance(event, Played):
        spoken.utterance = replace(said, played=max(said.played, event.frames))
        return
    spoken.utterance = replace(said, frames=max(said.frames, event.frames), final=said.final or event.final)
    if spoken.rendered_ms is None and event.frames:
        spoken.rendered_ms = now_ms


def _audible_ticks(log: Iterable[object], audio: Mapping[int, bytes]) -> dict[int, list[int]]:
    """Return the ticks at which audible frames of each speech left, in order."""
    loud: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    ticks: dict[int, list[int]] = {}
    for run in log:
        if not isinstance(run, Popped):
            continue
        if run.speech not in loud:
            pcm = g711.mulaw_decode(audio.get(run.speech, b""))
            loud[run.speech] = block_levels(pcm, ULAW_FRAME) > AUDIBLE_DBFS
        heard = np.flatnonzero(loud[run.speech][run.first_frame : run.first_frame + run.frames])
        ticks.setdefault(run.speech, []).extend(run.tick_from + int(frame) for frame in heard)
    return ticks


def _record(
    turn: _Turn, clock: TickClock, audible: Mapping[int, Sequence[int]], stops: Sequence[int], call_id: str
) -> TurnRecord:
    heard = sorted((tick, speech) for speech in turn.spoken for tick in audible.get(speech, ()))
    ticks = [tick for tick, _ in heard]
    first = turn.spoken[heard[0][1]] if heard else None
    stages, silence_ms = _stages(turn, first, clock.at(ticks[0]) if ticks else None)
    stop_ms = _stop_ms(turn, clock, ticks)
    return TurnRecord(
        call_id=call_id,
        number=turn.number,
        caller_text=turn.text,
        bot_text=_heard_text(turn),
        layer=first.utterance.layer if first else "",
        last_voiced_ms=turn.last_voiced_ms,
        endpointing_ms=stages[0],
        asr_ms=stages[1],
        brain_ms=stages[2],
        tts_ms=stages[3],
        playout_ms=stages[4],
        silence_ms=silence_ms,
        barge_in=stop_ms is not None,
        barge_in_stop_ms=stop_ms,
        gaps_ms=_gaps_ms(ticks, stops),
    )


def _stages(turn: _Turn, first: _Spoken | None, audible_ms: int | None) -> tuple[list[int], int | None]:
    """Cut the silence at the stages' ends. An end that lies before the stage's start makes it 0 long."""
    spoken_ms = first.asked_ms if first else None
    rendered_ms = first.rendered_ms if first else None
    ends = [turn.endpoint_ms, turn.taken_ms, spoken_ms, rendered_ms, audible_ms]
    stages, start = [], turn.last_voiced_ms
    for end in ends:
        stop = start if end is None else max(start, end if audible_ms is None else min(end, audible_ms))
        stages.append(stop - start)
        start = stop
    return stages, None if audible_ms is None else sum(stages)


def _stop_ms(turn: _Turn, clock: TickClock, ticks: Sequence[int]) -> int | None:
    if turn.interrupted_at_ms is None or not ticks or turn.interrupted_at_ms < clock.at(ticks[0]):
        return None
    return max(0, clock.at(ticks[-1] + 1) - turn.interrupted_at_ms)


def _heard_text(turn: _Turn) -> str:
    parts = (s.utterance.heard() for s in turn.spoken.values() if s.utterance.layer is not Layer.SCAFFOLDING)
    return " ".join(part for part in parts if part)


def _gaps_ms(ticks: Sequence[int], stops: Sequence[int]) -> tuple[int, ...]:
    """Return the gaps between audible frames; one in which the bot was stopped is the caller's doing."""
    gaps = []
    for before, after in pairwise(ticks):
        gap_ms = (after - before - 1) * FRAME_MS
        stop = bisect_left(stops, before)
        stopped = stop < len(stops) and stops[stop] <= after
        if gap_ms > GAP_MS and not stopped:
            gaps.append(gap_ms)
    return tuple(gaps)
