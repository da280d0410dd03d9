from __future__ import annotations

import numpy as np
import pytest

from voicebot.media.frames import Pcm
from voicebot.media.levels import DIGITAL_SILENCE_DBFS, LeadingSilenceTrim, block_levels, first_audible, voiced_span

RATE = 16_000


def square(amplitude: int, samples: int) -> Pcm:
    return np.where(np.arange(samples) % 2, amplitude, -amplitude).astype(np.int16)


def test_levels_are_relative_to_a_full_scale_square_wave() -> None:
    assert block_levels(square(32_767, 160)) == pytest.approx([0.0], abs=0.001)
    assert block_levels(square(328, 160)) == pytest.approx([-40.0], abs=0.02)
    assert block_levels(np.zeros(160, np.int16)).tolist() == [DIGITAL_SILENCE_DBFS]


def test_voiced_is_within_40_db_of_the_loudest_block() -> None:
    speech = np.concatenate((square(50, 320), square(10_000, 320), square(150, 160), square(50, 320)))
    assert voiced_span(speech) == (320, 800)
    assert voiced_span(np.zeros(3_200, np.int16)) is None


def test_first_audible_is_where_20_ms_exceed_minus_45_dbfs() -> None:
    assert first_audible(np.concatenate((np.zeros(RATE, np.int16), square(3_000, 640)))) == RATE - 160
    assert first_audible(square(100, RATE)) is None


@pytest.mark.parametrize("chunk", [100, 333, RATE])
def test_leading_silence_goes_but_for_10_ms(chunk: int) -> None:
    loud = square(3_000, 1_600)
    pcm = np.concatenate((np.zeros(4_800, np.int16), loud))
    trim = LeadingSilenceTrim()
    parts = [trim.process(pcm[at : at + chunk]) for at in range(0, len(pcm), chunk)]
    trimmed = np.concatenate((*parts, trim.flush()))
    assert np.array_equal(trimmed[-1_600:], loud)
    assert 160 <= len(trimmed) - 1_600 <= 320


def test_a_deliberate_pause_is_kept() -> None:
    trim = LeadingSilenceTrim()
    pause = np.zeros(800, np.int16)
    assert len(trim.process(pause)) == 0
    assert np.array_equal(trim.flush(), pause)
