"""What a telephone hears besides speech, in stepped time: each false start would make the bot stutter."""

from __future__ import annotations

import shutil
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.test_vad import TURN_TAKING, over_the_line, resampled
from voicebot.core.events import SpeechStarted
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, Pcm, whole_frames
from voicebot.media.levels import voiced_span
from voicebot.media.vad import SpeechDetector
from voicebot.media.voicing import SPAN_SAMPLES, periodicity

RATE = SAMPLE_RATE
TRIALS = 10
LEAD_MS = 1_000
Signal = NDArray[np.float64]
Sound = Callable[[np.random.Generator], Signal]


def at_level(sound: Signal, dbfs: float) -> Signal:
    return np.asarray(sound * 32_768 * 10 ** (dbfs / 20) / np.sqrt(np.mean(sound**2)))


def band(sound: Signal, low_hz: float, high_hz: float) -> Signal:
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return np.fft.irfft(np.where((hertz >= low_hz) & (hertz <= high_hz), spectrum, 0), len(sound))


def decaying(rng: np.random.Generator, ms: int, decay_ms: float) -> Signal:
    samples = RATE * ms // 1000
    return rng.standard_normal(samples) * np.exp(-np.arange(samples) * 1000 / RATE / decay_ms)


def cough(rng: np.random.Generator) -> Signal:
    """One to three bursts of 150-400 ms, coloured by a mouth, without a voice."""
    pieces = []
    for _ in range(int(rng.integers(1, 4))):
        burst = decaying(rng, int(rng.integers(150, 400)), rng.uniform(50, 120))
        formants = [band(burst, centre - 150, centre + 150) for centre in (rng.uniform(400, 700), 1_300, 2_500)]
        pieces += [formants[0] + 0.7 * formants[1] + 0.5 * formants[2], np.zeros(int(RATE * rng.uniform(0.1, 0.4)))]
    return at_level(np.concatenate(pieces), rng.uniform(-28, -15))


def slam(rng: np.random.Generator) -> Signal:
    return at_level(band(decaying(rng, 600, rng.uniform(50, 150)), 60, 600), rng.uniform(-25, -12))


def breath(rng: np.random.Generator) -> Signal:
    samples = int(RATE * rng.uniform(0.3, 0.9))
    return at_level(band(rng.standard_normal(samples) * np.hanning(samples), 300, 3_000), rng.uniform(-38, -22))


def burst(rng: np.random.Generator) -> Signal:
    """White to brown noise of 150 ms to 2 s."""
    samples = int(RATE * rng.uniform(0.15, 2))
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    tilt = np.maximum(np.arange(len(spectrum)), 1) ** rng.choice([0, 0.5, 1])
    return at_level(np.fft.irfft(spectrum / tilt, samples), rng.uniform(-35, -15))


def click(rng: np.random.Generator) -> Signal:
    pcm = np.zeros(RATE)
    for at in rng.integers(0, RATE - 300, 5):
        pcm[at : at + 240] += decaying(rng, 15, 4)
    return at_level(pcm, rng.uniform(-40, -25))


def tone(frequencies_hz: tuple[float, ...], on_ms: int, off_ms: int = 0, ms: int = 2_000) -> Sound:
    def make(rng: np.random.Generator) -> Signal:
        time = np.arange(RATE * ms // 1000) / RATE
        waves = np.sum([np.sin(2 * np.pi * hertz * time) for hertz in frequencies_hz], axis=0)
        return at_level(waves * ((time * 1000) % (on_ms + off_ms) < on_ms), rng.uniform(-25, -10))

    return make


def keys(rng: np.random.Generator) -> Signal:
    """DTMF in band."""
    pieces = []
    for _ in range(6):
        pair = (float(rng.choice([697, 770, 852, 941])), float(rng.choice([1209, 1336, 1477])))
        pieces += [tone(pair, 1_000, ms=int(rng.integers(50, 250)))(rng), np.zeros(RATE // 10)]
    return np.concatenate(pieces)


def starts(sound: Signal) -> list[int]:
    """Return when speech started, in ms from the beginning of the sound."""
    silence = np.zeros(RATE * LEAD_MS // 1000)
    pcm = np.clip(np.concatenate((silence, sound, silence)), -32_768, 32_767).astype(np.int16)
    audio = whole_frames(over_the_line(pcm))
    detector = SpeechDetector(TURN_TAKING)
    return [
        at // FRAME_BYTES * 20 + 20 - LEAD_MS
        for at in range(0, len(audio), FRAME_BYTES)
        if isinstance(detector.feed(audio[at : at + FRAME_BYTES], at // FRAME_BYTES * 20 + 20), SpeechStarted)
    ]


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(cough, id="cough"),
        pytest.param(slam, id="slam"),
        pytest.param(breath, id="breath"),
        pytest.param(burst, id="noise"),
        pytest.param(click, id="click"),
        pytest.param(keys, id="dtmf"),
        pytest.param(tone((350, 440), 1_000), id="dial-tone"),
        pytest.param(tone((480, 620), 500, 500), id="busy"),
        pytest.param(tone((440, 480), 2_000), id="ringback"),
        pytest.param(tone((440,), 200, 300), id="beeps"),
        pytest.param(tone((2_100,), 1_000), id="fax"),
    ],
)
def test_it_is_not_taken_for_speech(sound: Sound) -> None:
    rng = np.random.default_rng(7)
    assert [starts(sound(rng)) for _ in range(TRIALS)] == [[]] * TRIALS


def voices(folder: Path) -> list[Pcm]:
    if shutil.which("flite") is None:
        pytest.skip("flite is missing: apt-get install flite")
    speech = []
    for text in ("Where is my order?", "Yes please.", "No, wait.", "Can I ask about shipping?", "Hello?"):
        for voice in ("slt", "rms"):
            path = folder / "said.wav"
            subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
            with wave.open(str(path)) as reader:
                pcm = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
                narrow = resampled(resampled(pcm, reader.getframerate(), 8_000), 8_000, RATE)
            span = voiced_span(narrow)
            assert span is not None
            speech.append(narrow[span[0] : span[1]])
    return speech


@pytest.mark.peers
def test_speech_is_heard_soon(tmp_path: Path) -> None:
    delays = []
    for pcm in voices(tmp_path):
        for level_dbfs in (-20, -32):
            first, *_ = starts(at_level(pcm.astype(np.float64), level_dbfs))
            delays.append(first)
    assert np.median(delays) <= 130
    assert max(delays) <= 300


def test_a_vowel_repeats_itself_and_noise_does_not() -> None:
    time = np.arange(SPAN_SAMPLES) / RATE
    vowel = np.sum([np.sin(2 * np.pi * 120 * partial * time) / partial for partial in range(1, 20)], axis=0)
    noise = np.random.default_rng(1).standard_normal(SPAN_SAMPLES)
    assert periodicity((3_000 * vowel).astype(np.int16)) > 0.9
    assert periodicity((3_000 * noise).astype(np.int16)) < 0.5
    assert periodicity(np.zeros(SPAN_SAMPLES, np.int16)) == 0
