"""A voice in the background is not the caller; a caller who speaks more softly is one still."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.media.test_noises import at_level
from tests.media.test_vad import Edges, detect, over_the_line, silence, spoken
from voicebot.core.events import SpeechPaused, SpeechStarted
from voicebot.media.foreground import Foreground
from voicebot.media.frames import SAMPLE_RATE, Pcm

CALLER_DBFS = -20.0
QUESTION = "What are your opening hours on Saturday?"


def said(folder: Path, text: str, dbfs: float) -> Pcm:
    return at_level(spoken(folder, text).astype(np.float64), dbfs).astype(np.int16)


def television(folder: Path, dbfs: float, ms: int) -> Pcm:
    sentence = said(folder, "The weather tomorrow will be mild and mostly dry, with rain in the west.", dbfs)
    once = np.concatenate((sentence, silence(200)))
    return np.tile(once, ms * SAMPLE_RATE // 1000 // len(once) + 1)[: ms * SAMPLE_RATE // 1000]


def ms_of(pcm: Pcm) -> int:
    return 1000 * len(pcm) // SAMPLE_RATE


def starts(edges: Edges) -> list[tuple[int, int]]:
    """When each start was told, and where the voice began, ms."""
    return [(told_ms, edge.voiced_at_ms) for told_ms, edge in edges if isinstance(edge, SpeechStarted)]


@pytest.mark.peers
@pytest.mark.parametrize("dbfs", [-45, -50])
def test_a_television_is_not_the_caller_once_the_caller_is_known(tmp_path: Path, dbfs: float) -> None:
    question = said(tmp_path, QUESTION, CALLER_DBFS)
    line = np.concatenate((silence(500), question, silence(1_200), television(tmp_path, dbfs, 15_000)))
    asked = [told_ms for told_ms, _ in starts(detect(over_the_line(line)))]
    assert asked
    assert max(asked) < 500 + ms_of(question)


@pytest.mark.peers
def test_a_soft_voice_counts_while_nobody_louder_is_known(tmp_path: Path) -> None:
    soft = said(tmp_path, QUESTION, -48)
    (told_ms, _), *_ = starts(detect(over_the_line(np.concatenate((silence(500), soft, silence(500))))))
    assert told_ms <= 500 + 300


@pytest.mark.peers
def test_a_caller_is_heard_over_a_television_and_so_is_the_end(tmp_path: Path) -> None:
    question = said(tmp_path, QUESTION, CALLER_DBFS)
    begin_ms = 500 + ms_of(question) + 4_000
    line = np.concatenate((silence(500), question, silence(4_000), question, silence(3_000)))
    loud_end_ms = begin_ms + ms_of(question)
    background = np.zeros(len(line), np.int16)
    since = (500 + ms_of(question) + 1_000) * SAMPLE_RATE // 1000
    background[since:] = television(tmp_path, -45, ms_of(line))[: len(line) - since]
    edges = detect(over_the_line(line + background))
    told_ms, voiced_at_ms = next(start for start in starts(edges) if start[0] > begin_ms)
    assert told_ms - begin_ms <= 200
    assert abs(voiced_at_ms - begin_ms) <= 100
    paused_ms, paused = next((at, edge) for at, edge in edges if isinstance(edge, SpeechPaused) and at > loud_end_ms)
    assert paused_ms - loud_end_ms <= 400
    assert abs(paused.last_voiced_ms - loud_end_ms) <= 150
    assert not [start for start in starts(edges) if start[0] > paused_ms]


@pytest.mark.peers
@pytest.mark.parametrize("text", [QUESTION, "Hello?", "Yes please."])
def test_a_caller_who_speaks_12_db_more_softly_is_heard_at_once(tmp_path: Path, text: str) -> None:
    soft = said(tmp_path, text, CALLER_DBFS - 12)
    before = np.concatenate((silence(500), said(tmp_path, QUESTION, CALLER_DBFS), silence(1_500)))
    told = []
    for lead in (before, silence(ms_of(before))):
        edges = starts(detect(over_the_line(np.concatenate((lead, soft, silence(500))))))
        told.append(next(told_ms for told_ms, _ in edges if told_ms > ms_of(before)))
    assert told[0] - told[1] <= 20, "no later than by somebody who does not know the caller"


@pytest.mark.peers
def test_a_caller_who_speaks_25_db_more_softly_is_heard_before_long(tmp_path: Path) -> None:
    first = np.concatenate((silence(500), said(tmp_path, QUESTION, CALLER_DBFS)))
    again = np.concatenate((silence(1_500), said(tmp_path, "Hello? Can you hear me?", CALLER_DBFS - 25)))
    edges = starts(detect(over_the_line(np.concatenate((first, *[again] * 10)))))
    heard_ms = next(told_ms for told_ms, _ in edges if told_ms > ms_of(first))
    assert heard_ms - ms_of(first) <= 27_000


def test_the_level_is_held_and_then_sinks() -> None:
    foreground = Foreground()
    assert foreground.bar(0) < -100
    foreground.heard_caller(-10, 1_000, 5_000)
    assert foreground.bar(5_000) == foreground.bar(25_000) == -28
    assert foreground.bar(30_000) == -38
    foreground.heard_caller(-35, 1_000, 30_000)
    assert foreground.bar(30_000) == -38, "a softer sentence does not lower it at once"
    foreground.heard_caller(-5, 1_000, 31_000)
    assert foreground.bar(31_000) == -23, "a louder one raises it at once"


def test_a_bang_teaches_nothing() -> None:
    foreground = Foreground()
    foreground.heard_caller(-3, 200, 1_000)
    assert foreground.bar(1_000) < -100


def test_the_background_is_forgotten_and_never_covers_the_caller() -> None:
    foreground = Foreground()
    foreground.heard_caller(-10, 1_000, 0)
    assert foreground.background(0) < -100
    foreground.heard_background(-40, 1_000)
    assert foreground.background(2_000) == -37
    foreground.heard_background(-30, 3_000)
    assert foreground.background(3_000) == foreground.bar(3_000) == -28
    assert foreground.background(23_000) < -100
