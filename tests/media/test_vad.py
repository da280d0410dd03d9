"""The detector on speech that no part of the bot made, over a noisy G.711 line."""

from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from voicebot.core.events import SpeechPaused, SpeechStarted
from voicebot.core.policy import TurnTaking
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, Pcm
from voicebot.media.g711 import mulaw_decode, mulaw_encode
from voicebot.media.levels import voiced_span
from voicebot.media.resample import Resampler
from voicebot.media.vad import SpeechDetector

TURN_TAKING = TurnTaking(start_ms=100, pause_ms=200)
LEAD_MS = 1_000
Edges = list[tuple[int, SpeechStarted | SpeechPaused]]


def resampled(pcm: Pcm, source: int, target: int) -> Pcm:
    resampler = Resampler(source, target)
    return np.concatenate((resampler.process(pcm), resampler.flush()))


def over_the_line(pcm: Pcm) -> Pcm:
    """Add a few LSB of noise and send it through PCMU at 8 kHz."""
    narrow = resampled(pcm, SAMPLE_RATE, 8_000).astype(np.int32)
    noise = np.random.default_rng(5).integers(-8, 9, len(narrow))
    noisy = np.clip(narrow + noise, -32_768, 32_767).astype(np.int16)
    return resampled(mulaw_decode(mulaw_encode(noisy)), 8_000, SAMPLE_RATE)


def detect(pcm: Pcm, turn_taking: TurnTaking = TURN_TAKING) -> Edges:
    detector = SpeechDetector(turn_taking)
    audio = pcm.astype("<i2").tobytes()
    edges: Edges = []
    for number in range(len(audio) // FRAME_BYTES):
        at_ms = 20 * (number + 1)
        edge = detector.feed(audio[number * FRAME_BYTES : (number + 1) * FRAME_BYTES], at_ms)
        if edge is not None:
            edges.append((at_ms, edge))
    return edges


def silence(ms: int) -> Pcm:
    return np.zeros(ms * SAMPLE_RATE // 1000, np.int16)


def spoken(folder: Path, text: str) -> Pcm:
    """Return flite's voice as a telephone lets it through, cut to what is voiced."""
    if shutil.which("flite") is None:
        pytest.skip("flite is missing: apt-get install flite")
    path = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True)
    with wave.open(str(path)) as reader:
        pcm = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
        narrow = resampled(resampled(pcm, reader.getframerate(), 8_000), 8_000, SAMPLE_RATE)
    span = voiced_span(narrow)
    assert span is not None
    return narrow[span[0] : span[1]]


@pytest.mark.peers
@pytest.mark.parametrize("text", ["Yes.", "What are your opening hours on Saturday?", "Where is my order?"])
def test_both_ends_of_an_utterance_are_found(tmp_path: Path, text: str) -> None:
    speech = spoken(tmp_path, text)
    end_ms = LEAD_MS + 1000 * len(speech) // SAMPLE_RATE
    (started_ms, started), *_, (paused_ms, paused) = detect(
        over_the_line(np.concatenate((silence(LEAD_MS), speech, silence(800))))
    )
    assert isinstance(started, SpeechStarted)
    assert isinstance(paused, SpeechPaused)
    assert not started.resumed
    assert abs(started.voiced_at_ms - LEAD_MS) <= 60
    assert started_ms - LEAD_MS <= 180
    assert abs(paused.last_voiced_ms - end_ms) <= 60
    assert 0 <= paused_ms - paused.last_voiced_ms - TURN_TAKING.pause_ms <= 60


@pytest.mark.peers
def test_speech_after_a_short_pause_is_resumed_and_after_a_long_one_is_new(tmp_path: Path) -> None:
    speech = spoken(tmp_path, "Where is my order?")
    for gap_ms, resumed in ((260, True), (1_400, False)):
        line = np.concatenate((silence(LEAD_MS), speech, silence(gap_ms), speech, silence(800)))
        starts = [edge for _, edge in detect(over_the_line(line)) if isinstance(edge, SpeechStarted)]
        assert [start.resumed for start in starts] == [False, resumed]


@pytest.mark.peers
def test_sleeping_through_silence_costs_no_onset(tmp_path: Path) -> None:
    speech = spoken(tmp_path, "Where is my order?")
    for lead_ms in (100, 5_000):
        (_, started), *_ = detect(over_the_line(np.concatenate((silence(lead_ms), speech, silence(500)))))
        assert isinstance(started, SpeechStarted)
        assert abs(started.voiced_at_ms - lead_ms) <= 60


def pink(samples: int) -> Pcm:
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(samples))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), samples)
    return np.asarray(600 * shaped / shaped.std(), np.int16)


def clicks(samples: int) -> Pcm:
    rng = np.random.default_rng(4)
    pcm = np.zeros(samples, np.int16)
    for at in range(SAMPLE_RATE // 2, samples - 200, SAMPLE_RATE // 2):
        length = int(rng.integers(1, 160))
        pcm[at : at + length] = np.clip(rng.standard_normal(length) * 12_000, -32_768, 32_767).astype(np.int16)
    return pcm


def beeps(samples: int) -> Pcm:
    time = np.arange(samples) / SAMPLE_RATE
    return np.asarray(8_000 * np.sin(2 * np.pi * 440 * time) * (time % 1 < 0.5), np.int16)


@pytest.mark.parametrize("sound", [pink, clicks, beeps, lambda samples: np.zeros(samples, np.int16)])
def test_what_is_not_speech_starts_nothing(sound: object) -> None:
    assert callable(sound)
    assert detect(over_the_line(sound(20 * SAMPLE_RATE))) == []


def test_a_broken_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="640"):
        SpeechDetector(TURN_TAKING).feed(b"\0" * 320, 20)
