"""Resampling as audio streams by: right length, right time, no alias, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from voicebot.media.frames import Pcm
from voicebot.media.resample import Resampler

RATES = [(22_050, 16_000), (24_000, 16_000), (48_000, 16_000), (22_050, 8_000), (16_000, 8_000), (8_000, 16_000)]
DOWN = [rates for rates in RATES if rates[0] > rates[1]]
LOUD = 30_000


def tone(rate: int, hertz: float, seconds: float = 0.5) -> Pcm:
    wave = 10_000 * np.sin(2 * np.pi * hertz / rate * np.arange(int(rate * seconds)))
    return np.asarray(np.rint(wave), dtype=np.int16)


def loud_tone(rate: int, hertz: float) -> Pcm:
    wave = LOUD * np.sin(2 * np.pi * hertz / rate * np.arange(rate // 4) + 0.3)
    return np.asarray(np.rint(wave), dtype=np.int16)


def converted(pcm: Pcm, source: int, target: int, chunk: int) -> Pcm:
    resampler = Resampler(source, target)
    pieces = [resampler.process(pcm[start : start + chunk]) for start in range(0, len(pcm), chunk)]
    return np.concatenate([*pieces, resampler.flush()])


def rms(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(samples**2)))


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_tone_stays_where_it_was(source: int, target: int) -> None:
    audio = converted(tone(source, 1_000), source, target, source // 50).astype(np.float64)
    assert len(audio) == target // 2
    middle = slice(target // 20, -target // 20)
    assert rms((audio - tone(target, 1_000))[middle]) < 10_000 * 0.001


@pytest.mark.parametrize(("source", "target"), RATES)
def test_the_cut_of_the_chunks_changes_nothing(source: int, target: int) -> None:
    pcm = tone(source, 700)
    whole = converted(pcm, source, target, len(pcm))
    for chunk in (1_000, 441, 37):
        assert np.array_equal(converted(pcm, source, target, chunk), whole)


@pytest.mark.parametrize(("source", "target"), DOWN)
def test_what_the_lower_rate_cannot_hold_is_gone(source: int, target: int) -> None:
    audio = converted(tone(source, 0.62 * target), source, target, source // 50).astype(np.float64)
    assert rms(audio[target // 20 : -target // 20]) < 7_071 * 10 ** (-75 / 20)


@pytest.mark.parametrize(("source", "target"), DOWN)
def test_aliases_are_80_db_down_over_the_whole_stop_band(source: int, target: int) -> None:
    for hertz in np.linspace(target / 2, source / 2, 40, endpoint=False):
        audio = converted(loud_tone(source, float(hertz)), source, target, source // 50).astype(np.float64)
        assert rms(audio[target // 20 : -target // 20]) <= LOUD / 2**0.5 * 10 ** (-80 / 20), f"{hertz:.0f} Hz"


@pytest.mark.parametrize(("source", "target"), RATES)
def test_the_pass_band_is_flat_and_holds_nothing_else(source: int, target: int) -> None:
    for hertz in np.linspace(100, 0.84 * min(source, target) / 2, 20):
        audio = converted(loud_tone(source, float(hertz)), source, target, source // 50).astype(np.float64)
        middle = slice(target // 20, -target // 20)
        at = 2 * np.pi * hertz / target * np.arange(len(audio))
        basis = np.stack((np.sin(at), np.cos(at)), axis=1)[middle]
        fitted, *_ = np.linalg.lstsq(basis, audio[middle], rcond=None)
        assert abs(20 * np.log10(np.hypot(*fitted) / LOUD)) < 0.01, f"{hertz:.0f} Hz"
        assert rms(audio[middle] - basis @ fitted) <= LOUD / 2**0.5 * 10 ** (-80 / 20), f"{hertz:.0f} Hz"


@pytest.mark.parametrize(("source", "target"), RATES)
def test_no_more_is_held_back_than_half_the_filter(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    chunk = np.zeros(source // 50, np.int16)
    given = 0
    for number in range(1, 51):
        given += len(resampler.process(chunk))
        taken_s = number * len(chunk) / source
        assert taken_s - given / target <= 32.5 / min(source, target)


def test_equal_rates_pass_through() -> None:
    pcm = tone(16_000, 440)
    assert np.array_equal(converted(pcm, 16_000, 16_000, 320), pcm)


def test_full_scale_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(8_000) % 20 < 10, 32_767, -32_768).astype(np.int16)
    audio = converted(square, 8_000, 16_000, 160)
    assert np.abs(np.diff(audio.astype(np.int32))).max() <= 65_535
    assert np.sign(audio[12:18]).tolist() == [1] * 6
