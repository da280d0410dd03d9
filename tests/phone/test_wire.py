import numpy as np
import pytest

from voicebot.testing.wire import Stretch, audible, dbfs, measure_turns, voiced_bounds

FRAME_MS = 20.0


def speech(start_ms: float, end_ms: float) -> list[float]:
    return list(np.arange(start_ms, end_ms, FRAME_MS))


def test_silence_runs_from_the_last_voiced_sample_to_the_first_audible_frame() -> None:
    [turn] = measure_turns([Stretch(1000, 2000)], speech(2500, 4000), until_ms=5000)
    assert turn.silence_ms == 500
    assert turn.barge_stop_ms is None
    assert turn.gaps_ms == ()
    assert turn.answer == Stretch(2500, 4000)


def test_a_gap_inside_an_answer_counts_only_above_the_limit() -> None:
    arrivals = speech(2500, 3000) + speech(3390, 4000) + speech(4610, 5000)
    [turn] = measure_turns([Stretch(1000, 2000)], arrivals, until_ms=6000)
    assert list(turn.gaps_ms) == [600]


def test_a_caller_who_said_nothing_had_no_turns() -> None:
    assert measure_turns([], speech(1000, 2000), until_ms=3000) == []


def test_no_answer_is_no_silence() -> None:
    first, second = measure_turns([Stretch(1000, 2000), Stretch(3000, 4000)], speech(4250, 5000), until_ms=6000)
    assert first.silence_ms is None
    assert second.silence_ms == 250


def test_an_interruption_is_timed_and_what_was_still_said_is_not_the_answer() -> None:
    arrivals = speech(1000, 3180) + speech(4700, 5000)
    [turn] = measure_turns([Stretch(3000, 4000)], arrivals, until_ms=6000)
    assert turn.barge_stop_ms == pytest.approx(160)
    assert turn.silence_ms == 700


def test_a_bot_that_paused_before_the_word_was_not_interrupted() -> None:
    [turn] = measure_turns([Stretch(3000, 4000)], speech(1000, 2700) + speech(4100, 5000), until_ms=6000)
    assert turn.barge_stop_ms is None
    assert turn.silence_ms == 100


def test_voiced_is_within_40_db_of_the_loudest_10_ms() -> None:
    pcm = np.zeros(1600, np.int16)
    pcm[400:480] = 10_000
    pcm[480:800] = 150
    pcm[800:960] = 60
    assert voiced_bounds(pcm) == (400, 800)
    assert voiced_bounds(np.zeros(1600, np.int16)) is None


def test_audible_is_above_minus_45_dbfs() -> None:
    assert not audible(np.full(160, 180, np.int16))
    assert audible(np.full(160, 190, np.int16))
    assert not audible(np.zeros(0, np.int16))
    assert dbfs(np.full(160, -32768, np.int16)) == pytest.approx(0.0)
