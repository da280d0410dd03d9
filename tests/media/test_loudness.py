"""One level for everything that is said, and no clipping on the way to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.media.frames import SAMPLE_RATE, Pcm
from voicebot.media.loudness import CEILING_DBFS, SPEECH_DBFS, Leveller, VoiceLevel, active_level, gain_for, levelled

CEILING = 32768 * 10 ** (CEILING_DBFS / 20)


def tone(dbfs: float, ms: int = 1_000) -> Pcm:
    samples = np.arange(SAMPLE_RATE * ms // 1000)
    peak = 32768 * 10 ** (dbfs / 20) * np.sqrt(2)
    return np.asarray(peak * np.sin(2 * np.pi * 400 / SAMPLE_RATE * samples), np.int16)


def silence(ms: int) -> Pcm:
    return np.zeros(SAMPLE_RATE * ms // 1000, np.int16)


def streamed(pcm: Pcm, gain: float, cuts: tuple[int, ...] = ()) -> Pcm:
    leveller = Leveller(gain)
    pieces = np.split(pcm, sorted(min(cut, len(pcm)) for cut in cuts))
    return np.concatenate([*(leveller.process(piece) for piece in pieces), leveller.flush()])


def test_pauses_do_not_count() -> None:
    alone = active_level(tone(-26))
    assert alone == pytest.approx(-26, abs=0.1)
    faint = np.concatenate((tone(-60), silence(500), tone(-26), silence(2_000), tone(-50)))
    assert active_level(faint) == pytest.approx(-26, abs=0.1)


def test_silence_has_no_level_and_gets_no_gain() -> None:
    assert active_level(silence(100)) is None
    assert active_level(np.empty(0, np.int16)) is None
    assert gain_for(None) == 1.0


@pytest.mark.parametrize("dbfs", [-45, -26, -12, -4])
def test_speech_comes_out_at_the_level(dbfs: float) -> None:
    out = levelled(tone(dbfs))
    assert active_level(out) == pytest.approx(SPEECH_DBFS, abs=0.2)


def test_what_is_hardly_there_is_not_blown_up_to_speech() -> None:
    assert gain_for(-80) == gain_for(-60) < 32


def test_a_burst_is_limited_before_it_comes_and_the_level_returns_slowly() -> None:
    quiet, loud = tone(-30, 400), tone(-4, 100)
    out = streamed(np.concatenate((quiet, loud, quiet)), 3.0)
    assert np.abs(out).max() <= CEILING + 1
    assert np.array_equal(out[:6_000], np.rint(quiet[:6_000] * 3.0))
    after = len(quiet) + len(loud)
    assert np.abs(out[after : after + 800]).max() < np.abs(quiet[:800]).max() * 3
    assert np.array_equal(out[-1_600:], np.rint(quiet[-1_600:] * 3.0))


def test_what_is_near_enough_is_left_as_it_is() -> None:
    near = tone(SPEECH_DBFS + 0.8)
    assert levelled(near) is near
    assert levelled(silence(100)).max() == 0


def test_what_is_near_enough_is_limited_all_the_same() -> None:
    speech = tone(SPEECH_DBFS)
    speech[1_000:1_010] = 32_767
    out = levelled(speech)
    assert np.abs(out).max() <= CEILING + 1
    assert np.array_equal(out[-8_000:], speech[-8_000:])


@pytest.mark.parametrize("dbfs", [-42, -30, -18, -6])
def test_a_voice_that_streams_in_is_learned(dbfs: float) -> None:
    voice, gain = VoiceLevel(), 1.0
    for second in range(16):
        speech = silence(100) if second % 2 else tone(dbfs)
        gain = voice.learn(speech, SAMPLE_RATE)
    assert dbfs + 20 * np.log10(gain) == pytest.approx(SPEECH_DBFS, abs=1.5)


def test_a_gain_that_changes_glides() -> None:
    leveller = Leveller(1.0)
    leveller.process(tone(-30, 100))
    leveller.gain = 0.5
    glide = np.concatenate((leveller.process(tone(-30, 100)), leveller.process(tone(-30, 100))))
    steps = np.abs(np.diff(glide.astype(np.int32)))
    assert steps.max() <= np.abs(np.diff(tone(-30, 100).astype(np.int32))).max() + 2


@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=1_000),
    st.floats(0.05, 30),
    st.lists(st.integers(0, 1_000), max_size=4),
)
def test_nothing_clips_nothing_is_lost_and_the_cuts_do_not_matter(
    samples: list[int], gain: float, cuts: list[int]
) -> None:
    pcm = np.repeat(np.array(samples, np.int16), 3)
    out = streamed(pcm, gain)
    assert len(out) == len(pcm)
    assert np.abs(out.astype(np.int32)).max() <= CEILING + 1
    assert np.array_equal(streamed(pcm, gain, tuple(cuts)), out)
