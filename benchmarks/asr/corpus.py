"""What is said to the recognisers, and by whom: synthetic callers in six voices, and recorded people.

The people are those of Debian's pocketsphinx-testdata (playing cards, LibriVox, commands, digits of TIDIGITS) and the
reader of a passage in moonshine-voice. Everything is int16 mono at 8 kHz.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.turn_taking.stimuli import FLITE_VOICES, GENERAL, SHOP, VOICES, line_noise, spoken
from voicebot.testing.speech import SAMPLE_RATE, Pcm, read_wav, to_line_rate

HUMAN = "people"
_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LENGTHS = range(4, 11)
_POCKETSPHINX = Path("/usr/share/pocketsphinx/test/data")
_RAW_RATE = 16_000
_RAW = {
    "goforward.raw": "go forward ten meters",
    "something.raw": "go somewhere and do something",
    "tidigits/dhd.2934z.raw": "two nine three four zero",
}
_PASSAGE = """\
8.5  it was the best of times it was the worst of times it was the age of wisdom it was the age of foolishness
16.9 it was the epoch of belief it was the epoch of incredulity it was the season of light it was the season of darkness
24.3 it was the spring of hope it was the winter of despair we had everything before us we had nothing before us
28.7 we were all going direct to heaven we were all going direct the other way
42.3 in short the period was so far like the present period that some of its noisiest authorities insisted on its \
being received for good or for evil in the superlative degree of comparison only
"""
"""A Tale of Two Cities, read for moonshine-voice: the second at which a line ends, and the line."""


class RecordingsMissing(Exception):
    """There are no recordings of people; the message tells how to get them."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """`digits` is the number that is read out, empty for a sentence."""

    voice: str
    text: str
    pcm: Pcm
    digits: str = ""


def sentences(*, quick: bool) -> list[Utterance]:
    """Return the sentences of the turn-taking benchmark in every voice: 144, with `quick` 12. Raises SpeakerMissing."""
    texts = (*SHOP, *GENERAL)[:: 12 if quick else 1]
    return [Utterance(voice, text, spoken(voice, text).pcm) for voice in VOICES for text in texts]


def numbers(*, quick: bool) -> list[Utterance]:
    """Return numbers of 4 to 10 digits in every voice: 252, with `quick` 42. Raises SpeakerMissing.

    Half of them are read without a break, half in groups of two to four digits with pauses of 150 to 400 ms.
    """
    rng = np.random.default_rng(2)
    return [
        _number(voice, "".join(str(digit) for digit in rng.integers(0, 10, length)), rng, grouped=bool(trial % 2))
        for voice in VOICES
        for length in _LENGTHS
        for trial in range(1 if quick else 6)
    ]


def _number(voice: str, digits: str, rng: np.random.Generator, *, grouped: bool) -> Utterance:
    groups = [digits]
    if grouped:
        cuts = np.cumsum(rng.integers(2, 5, len(digits)))
        groups = ["".join(group) for group in np.array_split(list(digits), cuts[cuts < len(digits)])]
    pieces: list[Pcm] = []
    for group in groups:
        pieces += [spoken(voice, _read_out(group)).pcm, line_noise(int(rng.integers(150, 401)), rng)]
    return Utterance(voice, _read_out(digits), np.concatenate(pieces[:-1]), digits)


def _read_out(digits: str) -> str:
    return " ".join(_NAMES[int(digit)] for digit in digits)


def people() -> list[Utterance]:
    """Return what recorded people say, 18 utterances. Raises RecordingsMissing."""
    if not _POCKETSPHINX.is_dir():
        raise RecordingsMissing("recordings are missing: apt-get install pocketsphinx-testdata")
    return [Utterance(HUMAN, text, pcm) for text, pcm in (*_transcribed(), *_raw(), *_passage())]


def _transcribed() -> Iterator[tuple[str, Pcm]]:
    for transcript in ("cards/cards.transcription", "librivox/transcription"):
        path = _POCKETSPHINX / transcript
        for line in path.read_text().splitlines():
            text, _, name = line.rpartition("(")
            yield text.replace("<s>", "").replace("</s>", "").strip(), read_wav(path.parent / f"{name.strip(') ')}.wav")


def _raw() -> Iterator[tuple[str, Pcm]]:
    for name, text in _RAW.items():
        yield text, to_line_rate(np.fromfile(_POCKETSPHINX / name, "<i2"), _RAW_RATE)


def _passage() -> Iterator[tuple[str, Pcm]]:
    spec = importlib.util.find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        raise RecordingsMissing("moonshine-voice is missing: run scripts/setup")
    pcm = read_wav(Path(spec.origin).parent / "assets" / "two_cities.wav")
    start = 0
    for line in _PASSAGE.splitlines():
        end_s, _, text = line.partition(" ")
        end = int(float(end_s) * SAMPLE_RATE)
        yield text.strip(), pcm[start:end]
        start = end


RECORDED_VOICES = FLITE_VOICES
"""Voices that were built from recordings of a person; espeak-ng's are made of formants."""
