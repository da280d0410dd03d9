"""The bot's own voice comes back from the caller's phone, over G.711 both ways, and is not taken for the caller's."""

from __future__ import annotations

import functools
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from voicebot.core.events import SpeechStarted
from voicebot.core.policy import TurnTaking
from voicebot.media.echo import EchoGate
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, Pcm, whole_frames
from voicebot.media.g711 import mulaw_decode, mulaw_encode
from voicebot.media.levels import voiced_span
from voicebot.media.resample import Resampler
from voicebot.media.vad import SpeechDetector
from voicebot.testing import speech

NARROW = 8_000
TRANSPORT_MS = 30
"""What the user agents and the network add to the phone's own delay."""
TURN_TAKING = TurnTaking(start_ms=100)
SENTENCES = ("order_48213", "hours_saturday", "shipping_express", "person", "hours_christmas")
Signal = NDArray[np.float64]
Starts = list[int]


def resampled(pcm: Pcm, source: int, target: int) -> Pcm:
    resampler = Resampler(source, target)
    return np.concatenate((resampler.process(pcm), resampler.flush()))


@functools.cache
def bot() -> Pcm:
    """Return what the bot says, with half a second between its sentences.

    Recorded: Piper draws random numbers for every rendering, and these tests would judge another sound each time.
    """
    said = np.concatenate([np.append(speech.line(name), np.zeros(NARROW // 2, np.int16)) for name in SENTENCES])
    return resampled(said, NARROW, SAMPLE_RATE)


def coded(narrow: Signal) -> Pcm:
    return mulaw_decode(mulaw_encode(np.clip(np.rint(narrow), -32_768, 32_767).astype(np.int16)))


def leak(delay_ms: int, level_db: float, response: Signal) -> Signal:
    """Return what the phone sends back of the bot's speech, at 8 kHz."""
    heard = coded(resampled(bot(), SAMPLE_RATE, NARROW).astype(np.float64)).astype(np.float64)
    late = np.concatenate((np.zeros((delay_ms + TRANSPORT_MS) * NARROW // 1000), heard))
    return np.asarray(np.convolve(late, response)[: len(heard)] * 10 ** (level_db / 20))


def handset(length: int = 32) -> Signal:
    """Return the impulse response, of energy 1, of a leak with a few reflections."""
    rng = np.random.default_rng(8)
    response = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 5))
    response[0] = 2
    return np.asarray(response / np.sqrt(np.sum(response**2)))


def line(narrow: Signal) -> bytes:
    """Add a few LSB of noise and send it through PCMU, to frames at 16 kHz."""
    noise = np.random.default_rng(5).integers(-8, 9, len(narrow))
    return whole_frames(resampled(coded(narrow + noise), NARROW, SAMPLE_RATE))


def starts(caller: bytes, *, gated: bool = True) -> Starts:
    """Return when speech started, in ms, with the bot speaking from time 0 on."""
    gate, detector = EchoGate(), SpeechDetector(TURN_TAKING)
    said = whole_frames(bot())
    found: Starts = []
    for tick in range(len(caller) // FRAME_BYTES):
        at = tick * FRAME_BYTES
        frame = caller[at : at + FRAME_BYTES]
        playing = said[at : at + FRAME_BYTES]
        if gated:
            if any(playing):
                gate.played(tick, playing)
            frame = gate.clean(frame, tick + 1).gated
        if isinstance(detector.feed(frame, 20 * (tick + 1)), SpeechStarted):
            found.append(20 * (tick + 1))
    return found


def spoken(folder: Path, text: str, level_dbfs: float = -24.0) -> Signal:
    """Return a caller's words at 8 kHz, cut to what is voiced."""
    if shutil.which("flite") is None:
        pytest.skip("flite is missing: apt-get install flite")
    path = folder / "caller.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True)
    with wave.open(str(path)) as reader:
        pcm = resampled(np.frombuffer(reader.readframes(reader.getnframes()), "<i2"), reader.getframerate(), NARROW)
    span = voiced_span(resampled(pcm, NARROW, SAMPLE_RATE))
    assert span is not None
    voiced = pcm[span[0] // 2 : span[1] // 2].astype(np.float64)
    return np.asarray(voiced * 32_768 * 10 ** (level_dbfs / 20) / np.sqrt(np.mean(voiced**2)))


@pytest.mark.parametrize(
    ("delay_ms", "level_db"), [(150, -20), (20, -12), (150, -12), (400, -12), (20, -30), (400, -30)]
)
@pytest.mark.parametrize("response", [np.ones(1), handset()], ids=["copy", "handset"])
def test_the_bot_does_not_hear_itself(delay_ms: int, level_db: int, response: Signal) -> None:
    assert starts(line(leak(delay_ms, level_db, response))) == []


def test_without_the_gate_it_would() -> None:
    assert starts(line(leak(150, -20, np.ones(1))), gated=False)


@pytest.mark.peers
@pytest.mark.parametrize("at_ms", [2_060, 3_200, 7_500])
@pytest.mark.parametrize("level_db", [-12, -20])
def test_the_caller_is_heard_over_the_echo_as_soon_as_without_it(tmp_path: Path, at_ms: int, level_db: int) -> None:
    echo, words = leak(150, level_db, handset()), spoken(tmp_path, "No wait, where is my order?")
    alone = np.zeros(len(echo))
    at = at_ms * NARROW // 1000
    alone[at : at + len(words)] = words
    (expected, *_), (found, *_) = starts(line(alone), gated=False), starts(line(echo + alone))
    assert expected - 20 <= found <= expected + 40


@pytest.mark.peers
def test_a_caller_without_an_echo_is_left_as_he_is(tmp_path: Path) -> None:
    words = spoken(tmp_path, "We are open from nine to six? And on Saturday from ten until four?")
    gate, said = EchoGate(), whole_frames(bot())
    audio = line(np.concatenate((np.zeros(NARROW), words)))
    for tick in range(len(audio) // FRAME_BYTES):
        at = tick * FRAME_BYTES
        gate.played(tick, said[at : at + FRAME_BYTES])
        frame = audio[at : at + FRAME_BYTES]
        assert gate.clean(frame, tick + 1) == (frame, frame, False)


@pytest.mark.peers
def test_the_recogniser_gets_the_caller_without_the_echo(tmp_path: Path) -> None:
    echo, words = leak(150, -12, handset()), spoken(tmp_path, "No wait, where is my order?")
    alone = np.zeros(len(echo))
    alone[3 * NARROW : 3 * NARROW + len(words)] = words
    both, clean = line(echo + alone), line(alone)
    gate, said = EchoGate(), whole_frames(bot())
    heard = bytearray()
    for tick in range(len(both) // FRAME_BYTES):
        at = tick * FRAME_BYTES
        gate.played(tick, said[at : at + FRAME_BYTES])
        heard += gate.clean(both[at : at + FRAME_BYTES], tick + 1).speech

    def error_db(audio: bytes) -> float:
        span = slice(3 * SAMPLE_RATE, 3 * SAMPLE_RATE + 2 * len(words))
        wanted, got = (np.frombuffer(part, "<i2")[span].astype(np.float64) for part in (clean, audio))
        return float(10 * np.log10(np.sum((got - wanted) ** 2) / np.sum(wanted**2)))

    assert error_db(bytes(heard)) < error_db(both) - 10


def test_a_delay_that_jumps_is_found_again() -> None:
    early, late = line(leak(150, -20, np.ones(1))), line(leak(230, -20, np.ones(1)))
    gate, said = EchoGate(), whole_frames(bot())
    explained = []
    for tick in range(len(early) // FRAME_BYTES):
        at = tick * FRAME_BYTES
        gate.played(tick, said[at : at + FRAME_BYTES])
        source = early if tick < 100 else late
        explained.append(gate.clean(source[at : at + FRAME_BYTES], tick + 1).explained)
    assert sum(explained[60:100]) > 20
    assert sum(explained[115:155]) > 20


def test_a_gate_that_is_told_late_lets_the_caller_pass() -> None:
    gate = EchoGate()
    frame = b"\1\2" * (FRAME_BYTES // 2)
    for tick in range(40):
        gate.played(tick, frame)
    assert gate.clean(frame, 5) == (frame, frame, False)


def test_a_broken_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="640"):
        EchoGate().clean(b"\0" * 320, 1)
