"""What callers say and do: speech of voices that are not the bot's, with pauses where people make them, and noises.

Speech comes from Debian's flite (which tells when each word ends, so that a pause can stand between words) and
espeak-ng. Coughs, breath, knocks and tones are made here, since no package ships them: a cough is a burst of noise
through two resonances of the throat, then a longer, fading one. Everything is int16 mono at 8 kHz, speech at -20 dBFS.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.testing.speech import SAMPLE_RATE, Pcm, as_int16, read_wav
from voicebot.testing.wire import voiced_bounds

_Sound = NDArray[np.float64]

FLITE_VOICES = ("slt", "rms", "awb", "kal16")
ESPEAK_VOICES = ("en-us", "en-gb+f3")
VOICES = (*FLITE_VOICES, *(f"espeak:{voice}" for voice in ESPEAK_VOICES))

PER_MS = SAMPLE_RATE // 1000
NOISE_PEAK = 8
"""LSB: what a live microphone leaves on a quiet line, about -77 dBFS."""
_LEVEL = 3277.0
SPEECH_DBFS = -20.0
_FADE = SAMPLE_RATE // 100
_LEXICON_VOICE = "rms"

SHOP = (
    "What are your opening hours on Saturday?",
    "Are you open on Christmas Day?",
    "What time do you close on Thursday?",
    "How much does express shipping cost?",
    "I would like to speak to a person, please.",
    "Can you tell me if you are open on Sunday?",
    "I would like to check the status of my order.",
    "Could you please put me through to customer service?",
    "How long does the standard delivery take?",
    "When can I pick up my bicycle?",
    "What does it cost to ship a whole bicycle?",
    "Tell me the opening hours for the workshop.",
)
"""Questions that the demo's dialplan is made for."""

GENERAL = (
    "I ordered a helmet last week and it has not arrived yet.",
    "I want to change the delivery address for my order.",
    "My name is Daniel Carter and I am calling about a refund.",
    "The wheel is bent and the brakes do not work.",
    "I will be there at four thirty in the afternoon.",
    "Do you have the red helmet in a larger size?",
    "I am not sure which model is right for me.",
    "If it is still available, I would like to reserve it.",
    "She asked me to call you about the invoice.",
    "I paid with my credit card but I never got a receipt.",
    "The number on the letter does not match my account.",
    "What happens if nobody is at home?",
)
"""What any caller might say to any business."""

TAKES_THE_TURN = (
    "What about Sunday?",
    "How much does express shipping cost?",
    "Wait, where is my order?",
    "I would like to speak to a person.",
    "No, I meant tomorrow.",
    "Are you open on Christmas Day?",
)
BACKCHANNELS = ("okay", "right", "mm hmm", "uh huh", "yeah", "i see", "all right", "sure")
_SOUNDS = {"mm hmm": ("pau m m hh ah m m pau", "[[m@hVm]]"), "uh huh": ("pau ah hh ah pau", "[[Vh'V]]")}
"""What synthesisers would spell out or misread: phones for flite and for espeak-ng."""
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class SpeakerMissing(Exception):
    """A synthesiser is not installed; the message tells how to get it."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence in one voice. `word_ends` are samples, one a word; empty when the voice does not tell."""

    voice: str
    text: str
    pcm: Pcm
    word_ends: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Paused:
    """A sentence with pauses in it: `pauses` are (first sample, samples) in `pcm`, in order."""

    said: Spoken
    pcm: Pcm
    pauses: tuple[tuple[int, int], ...]


def spoken(voice: str, text: str) -> Spoken:
    """Render a sentence, cut close and levelled. Raises SpeakerMissing."""
    engine, _, name = voice.rpartition(":")
    raw, ends = _espeak(name, text) if engine else _flite(voice, text)
    first, last = voiced_bounds(raw) or (0, len(raw))
    cut = raw[first:last].astype(np.float64)
    word_ends = tuple(min(max(0, end - first), len(cut)) for end in ends)
    return Spoken(voice, text, as_int16(cut * _LEVEL / np.sqrt(np.square(cut).mean())), word_ends)


def with_pauses(
    said: Spoken, after_words: tuple[int, ...], pauses_ms: tuple[int, ...], rng: np.random.Generator
) -> Paused:
    """Put line noise between words; `after_words` counts from 1, in order."""
    pieces: list[Pcm] = []
    spans: list[tuple[int, int]] = []
    start = 0
    for word, pause_ms in zip(after_words, pauses_ms, strict=True):
        end = said.word_ends[word - 1]
        before = said.pcm[start:end].copy()
        fade = min(_FADE, len(before))
        before[len(before) - fade :] = before[len(before) - fade :] * np.linspace(1, 0, fade)
        pieces.append(before)
        spans.append((sum(map(len, pieces)), pause_ms * PER_MS))
        pieces.append(line_noise(pause_ms, rng))
        start = end
    pieces.append(said.pcm[start:])
    return Paused(said, np.concatenate(pieces), tuple(spans))


def dictated(voice: str, length: int, lead: str, rng: np.random.Generator) -> Paused:
    """Return a number read out in groups of one to four digits, with pauses of 0.2 to 1.0 s between them."""
    digits = [_DIGITS[digit] for digit in rng.integers(0, 10, length)]
    said = spoken(voice, f"{lead} {' '.join(digits)}".strip())
    while len(said.word_ends) != len(lead.split()) + length:  # a word that this voice reads in another way here
        digits = [_DIGITS[digit] for digit in rng.integers(0, 10, length)]
        said = spoken(voice, f"{lead} {' '.join(digits)}".strip())
    breaks: list[int] = []
    at = int(rng.integers(1, 5))
    while at < length:
        breaks.append(len(lead.split()) + at)
        at += int(rng.integers(1, 5))
    pauses = tuple(int(ms) for ms in rng.integers(200, 1001, len(breaks)))
    return with_pauses(said, tuple(breaks), pauses, rng)


def line_noise(length_ms: int, rng: np.random.Generator) -> Pcm:
    """Return the faint noise of an open line."""
    return rng.integers(-NOISE_PEAK, NOISE_PEAK + 1, length_ms * PER_MS).astype(np.int16)


# --- what is no speech


def cough(rng: np.random.Generator) -> Pcm:
    """Return one to three coughs."""
    return np.concatenate([_one_cough(rng) for _ in range(int(rng.integers(1, 4)))])


def _one_cough(rng: np.random.Generator) -> Pcm:
    burst = _resonant(rng.normal(size=_samples(rng, 30, 80)), rng.uniform(400, 900), rng.uniform(1200, 2400))
    hiss = _resonant(rng.normal(size=_samples(rng, 100, 260)), rng.uniform(300, 700), rng.uniform(1000, 2000))
    hiss *= np.linspace(0.7, 0.05, len(hiss))
    gap = np.zeros(_samples(rng, 60, 250))
    return _levelled(np.concatenate([burst, hiss, gap]), rng.uniform(-30, -14))


def breath(rng: np.random.Generator) -> Pcm:
    """Return a breath into the microphone."""
    hiss = _resonant(rng.normal(size=_samples(rng, 300, 1200)), 500, 1500)
    return _levelled(hiss * np.hanning(len(hiss)), rng.uniform(-42, -26))


def noise_burst(rng: np.random.Generator) -> Pcm:
    """Return white or pink noise that comes and goes: traffic, wind, paper."""
    noise = rng.normal(size=_samples(rng, 150, 2000))
    if rng.integers(2):
        noise = _shaped(noise, lambda at: np.asarray(1 / np.sqrt(np.maximum(at, 50)), np.float64))
    edge = min(len(noise) // 2, 400)
    noise[:edge] *= np.linspace(0, 1, edge)
    noise[-edge:] *= np.linspace(1, 0, edge)
    return _levelled(noise, rng.uniform(-40, -18))


def knock(rng: np.random.Generator) -> Pcm:
    """Return knocks and clicks: a door, a keyboard, the receiver on the table."""
    knocks = []
    for _ in range(int(rng.integers(1, 6))):
        times = np.arange(_samples(rng, 40, 120)) / SAMPLE_RATE
        thud = np.sin(2 * np.pi * rng.uniform(120, 900) * times) * np.exp(-times * rng.uniform(40, 120))
        knocks += [thud, np.zeros(_samples(rng, 40, 300))]
    return _levelled(np.concatenate(knocks), rng.uniform(-34, -16))


def tone(rng: np.random.Generator) -> Pcm:
    """Return a tone of the line: ringing, busy, a confirmation, a sine, in bursts."""
    pairs = ((440, 480), (480, 620), (350, 440), (1000, 1000), (425, 425), (2100, 2100), (1400, 1400))
    low, high = pairs[int(rng.integers(len(pairs)))]
    on, off = _samples(rng, 100, 900), _samples(rng, 50, 400)
    times = np.arange(on) / SAMPLE_RATE
    burst = np.sin(2 * np.pi * low * times) + np.sin(2 * np.pi * high * times)
    bursts = np.tile(np.concatenate([burst, np.zeros(off)]), int(rng.integers(1, 4)))
    return _levelled(bursts[: 2 * SAMPLE_RATE], rng.uniform(-36, -14))


DISTURBANCES = {"cough": cough, "breath": breath, "noise": noise_burst, "knock": knock, "tone": tone}


def talk_behind(voice: str, dbfs: float, length_ms: int, rng: np.random.Generator) -> Pcm:
    """Return somebody who talks without an end at another distance from the telephone: a television, a colleague."""
    pieces: list[Pcm] = []
    while sum(map(len, pieces)) < length_ms * PER_MS:
        said = louder(spoken(voice, GENERAL[int(rng.integers(len(GENERAL)))]), dbfs - SPEECH_DBFS)
        pieces += [said.pcm, line_noise(int(rng.integers(100, 500)), rng)]
    return np.concatenate(pieces)[: length_ms * PER_MS]


def _samples(rng: np.random.Generator, least_ms: float, most_ms: float) -> int:
    return int(rng.uniform(least_ms, most_ms) * PER_MS)


def _shaped(noise: _Sound, gain: Callable[[_Sound], _Sound]) -> _Sound:
    """Filter by a gain for each frequency in Hz."""
    spectrum = np.fft.rfft(noise)
    frequencies = np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE)
    return np.asarray(np.fft.irfft(spectrum * gain(frequencies.astype(np.float64)), len(noise)), np.float64)


def _resonant(noise: _Sound, *resonances: float) -> _Sound:
    """Let noise pass resonances of 150 Hz width, in Hz."""
    return _shaped(noise, lambda at: np.asarray(sum(1 / (1 + ((at - peak) / 150) ** 2) for peak in resonances)))


def _levelled(sound: _Sound, dbfs: float) -> Pcm:
    """Bring the loudest 100 ms to `dbfs`."""
    block = min(len(sound), SAMPLE_RATE // 10)
    power = np.convolve(np.square(sound), np.ones(block) / block, "valid").max()
    return as_int16(sound * 32768.0 * 10 ** (dbfs / 20) / np.sqrt(power))


# --- synthesisers


@functools.cache
def _folder() -> Path:
    """Keep what was rendered: the same sentence is said in many trials, and in the next run."""
    folder = Path(tempfile.gettempdir()) / "voicebot-turn-taking"
    folder.mkdir(exist_ok=True)
    return folder


def _run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise SpeakerMissing(f"{command[0]} is missing: apt-get install {command[0]}")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@functools.cache
def _flite(voice: str, text: str) -> tuple[Pcm, tuple[int, ...]]:
    """Return speech and where its words end, from the ends of flite's phones; no ends when they do not add up."""
    path = _folder() / f"{hashlib.sha256(f'{voice} {text}'.encode()).hexdigest()[:16]}.wav"
    listing = path.with_suffix(".txt")
    if not listing.exists():
        said = ("-p", _SOUNDS[text][0]) if text in _SOUNDS else ("-t", text)
        listing.write_text(_run("flite", "-voice", voice, "-psdur", *said, "-o", str(path)))
    phones = [phone.rpartition(":") for phone in listing.read_text().split()]
    ends = [float(end) for name, _, end in phones if name != "pau"]
    counts = [_phones_of(word) for word in text.split()]
    if sum(counts) != len(ends):
        return read_wav(path), ()
    lasts = np.cumsum(counts) - 1
    return read_wav(path), tuple(int(ends[last] * SAMPLE_RATE) for last in lasts)


@functools.cache
def _phones_of(word: str) -> int:
    listed = _run("flite", "-voice", _LEXICON_VOICE, "-ps", "-t", word.strip(".,?!"), "-o", "none").split()
    return sum(phone != "pau" for phone in listed)


@functools.cache
def _espeak(voice: str, text: str) -> tuple[Pcm, tuple[int, ...]]:
    path = _folder() / f"{hashlib.sha256(f'espeak {voice} {text}'.encode()).hexdigest()[:16]}.wav"
    if not path.exists():
        said = _SOUNDS[text][1] if text in _SOUNDS else text
        _run("espeak-ng", "-v", voice, "-s", "150", "-w", str(path), said)
    return read_wav(path), ()


def mixed(first: Pcm, second: Pcm) -> Pcm:
    """Add two sounds of the same length."""
    return as_int16(first.astype(np.float64) + second)


def louder(said: Spoken, gain_db: float) -> Spoken:
    """Return the same, at another level."""
    return replace(said, pcm=as_int16(said.pcm.astype(np.float64) * 10 ** (gain_db / 20)))
