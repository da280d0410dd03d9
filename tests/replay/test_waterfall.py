from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from voicebot.core.events import SpeechPaused, SpeechStarted
from voicebot.journal import console
from voicebot.journal.file import find_journal, read_journal
from voicebot.journal.lines import Playout
from voicebot.journal.waterfall import TickClock, turns_of
from voicebot.journal.writer import JournalWriter
from voicebot.store.records import TurnRecord

if TYPE_CHECKING:
    from tests.replay.conftest import SteppedCall


@pytest.fixture
def turns(recorded: Path) -> tuple[TurnRecord, ...]:
    journal = read_journal(find_journal(recorded, "c1"))
    return turns_of(journal.lines, journal.audio(), "c1")


def stages(turn: TurnRecord) -> list[int]:
    return [turn.endpointing_ms, turn.asr_ms, turn.brain_ms, turn.tts_ms, turn.playout_ms]


def test_the_stages_are_those_of_the_engines_and_sum_to_the_silence(turns: tuple[TurnRecord, ...]) -> None:
    assert [turn.number for turn in turns] == [1, 2]
    for turn in turns:
        assert sum(stages(turn)) == turn.silence_ms
        assert stages(turn)[:4] == [350, 0, 0, 80], "the brain was done before the pause was over"
        assert turn.playout_ms <= 20
        assert turn.layer == "answer"
        assert turn.caller_text == "when are you open"


def test_an_interruption_is_measured_to_the_last_frame_that_left(turns: tuple[TurnRecord, ...]) -> None:
    first, second = turns
    assert first.barge_in
    assert first.barge_in_stop_ms == 140
    assert "We are open from nine to five.".startswith(first.bot_text)
    assert 0 < len(first.bot_text) < len("We are open from nine to five.")
    assert not second.barge_in
    assert second.bot_text == "We are open from nine to five."


def test_silent_frames_at_the_start_of_a_reply_are_still_silence(recorded: Path) -> None:
    journal = read_journal(find_journal(recorded, "c1"))
    audio = journal.audio()
    audio[2] = b"\xff" * 320 * 10 + audio[2][320 * 10 :]
    quiet = turns_of(journal.lines, audio, "c1")[0]
    loud = turns_of(journal.lines, journal.audio(), "c1")[0]
    assert quiet.silence_ms is not None
    assert loud.silence_ms is not None
    assert quiet.silence_ms - loud.silence_ms == 200
    assert quiet.playout_ms - loud.playout_ms == 200


@pytest.mark.parametrize(("frames", "gaps"), [(20, ()), (21, (420,)), (60, (1200,))])
def test_a_long_hole_inside_an_answer_is_reported(recorded: Path, frames: int, gaps: tuple[int, ...]) -> None:
    journal = read_journal(find_journal(recorded, "c1"))
    audio = journal.audio()
    audio[3] = audio[3][: 320 * 10] + b"\xff" * 320 * frames + audio[3][320 * (10 + frames) :]
    assert turns_of(journal.lines, audio, "c1")[1].gaps_ms == gaps


def test_a_turn_without_a_reply_has_no_silence_time(
    record: Callable[[str], SteppedCall], writer: JournalWriter, tmp_path: Path
) -> None:
    call = record("c2")
    call.run_to(3000)
    call.at(3120, SpeechStarted(3000, resumed=False))
    call.at(4160, SpeechPaused(4000))
    call.run_to(4360)
    call.finish()
    writer.close()
    journal = read_journal(find_journal(tmp_path, "c2"))
    (turn,) = turns_of(journal.lines, journal.audio(), "c2")
    assert turn.silence_ms is None
    assert turn.endpointing_ms == 350
    assert turn.bot_text == ""


def test_the_clock_of_the_ring_believes_the_earliest_reading() -> None:
    late = (0, 13, 7, 2, 41, 9)
    marks = [Playout(1000 + 60 * n + delay, 3 * n + 1, ()) for n, delay in enumerate(late)]
    clock = TickClock(marks)
    assert clock.at(0) == 1000
    assert clock.at(9) == 1180
    assert TickClock([]).at(5) == 0


def test_the_picture_shows_every_turn(recorded: Path) -> None:
    out = Console(file=StringIO(), width=100, force_terminal=False)
    assert console.trace(recorded, "c1", out) == 0
    assert isinstance(out.file, StringIO)
    drawn = out.file.getvalue()
    for word in ("endpointing", "asr", "brain", "tts", "playout", "350 ms", "interrupted", "when are you open"):
        assert word in drawn
    assert "2 turns, silence median" in drawn
    assert drawn.count("pause taken as complete, waited 350 ms, brain asked 130 ms ahead") == 2
    assert "asked ahead: 2 times of use, 260 ms ahead; 0 times for nothing, 0 ms" in drawn


def test_a_journal_without_turns_has_no_waterfall(
    record: Callable[[str], SteppedCall], writer: JournalWriter, tmp_path: Path
) -> None:
    record("c3").finish()
    writer.close()
    out = Console(file=StringIO(), width=100)
    assert console.trace(tmp_path, "c3", out) == 0
    assert isinstance(out.file, StringIO)
    assert "0 turns, no reply was heard" in out.file.getvalue()
    assert replace(read_journal(find_journal(tmp_path, "c3")), torn=True).torn
