"""How soon a turn is taken for finished, and how often too soon: pauses of 0.2 to 1.0 s in sentences and in numbers.

Every trial is one caller's turn. It is cut off when the core takes it for finished in one of its pauses. Its delay runs
from its last voiced sample to the moment at which the core takes it for finished at its real end. As eot-bench does,
the sweep asks for the delay at a given rate of cut-offs: the configuration's waiting times are scaled, and the curve is
read where it crosses that rate.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from benchmarks.reporting.report import Report, Row
from benchmarks.reporting.statistics import quantile, rate
from benchmarks.turn_taking.stepped import Trial, with_rules
from benchmarks.turn_taking.stimuli import (
    FLITE_VOICES,
    GENERAL,
    SHOP,
    Paused,
    dictated,
    spoken,
    with_pauses,
)
from voicebot.core.policy import Endpointing
from voicebot.testing.stepped_call import Parts

SCALES = (0.5, 0.7, 0.85, 1.0, 1.2)
"""Of the waiting times that mean something; what is already certain (a full slot) is not scaled."""
SILENCE_ONLY_MS = (300, 600, 900, 1000)
"""For comparison: an endpointer that hears nothing but silence."""
AFTER_MS = 3_200
"""Time after the last word in which a turn must have ended."""
TARGETS = (0.05, 0.10)
DRAWS = 3
"""Pauses for each sentence of each voice; the curves take the first."""
NUMBER_LEADS = ("", "My order number is", "It is")
ASK_FOR_ORDER = "Where is my order?"


@dataclass(frozen=True, slots=True)
class Ending:
    """How one turn ended. `delay_ms` is None when it did not."""

    cut: bool
    heard_cut: bool
    """The bot was heard in a pause, or over the words after it."""
    delay_ms: float | None


def measure(parts: Parts, report: Report, *, quick: bool) -> None:
    """Run all trials and put the figures and the curve into the report."""
    rng = np.random.default_rng(11)
    each = 4 if quick else len(SHOP) + len(GENERAL)
    draws = [list(paused_sentences(rng, each)) for _ in range(1 if quick else DRAWS)]
    _sentences(parts, report, list(itertools.chain.from_iterable(draws)))
    if not quick:
        _curves(parts, report, draws[0])
    _numbers(parts, report, rng, 3 if quick else 25)


def paused_sentences(rng: np.random.Generator, each: int) -> Iterator[Paused]:
    """Yield `each` sentences in every voice, one pause in each, anywhere between two words."""
    texts = list(itertools.islice(itertools.chain.from_iterable(zip(SHOP, GENERAL, strict=True)), each))
    for voice, text in itertools.product(FLITE_VOICES, texts):
        said = spoken(voice, text)
        if len(said.word_ends) > 1:
            word = int(rng.integers(1, len(said.word_ends)))
            yield with_pauses(said, (word,), (int(rng.integers(200, 1001)),), rng)


def run(parts: Parts, stimulus: Paused, seed: int, before: Paused | None = None) -> Ending:
    """Hold one call in which the caller says `stimulus`, after a first turn and the bot's answer to it, if given."""
    trial = Trial(parts, np.random.default_rng(seed))
    trial.listen(300)
    if before is not None:
        trial.say(before.pcm)
        trial.listen_until_bot_speaks()
        trial.listen_until_quiet()
    said_ms, end_ms = trial.say(stimulus.pcm)
    trial.listen(AFTER_MS)
    turns = [at_ms for at_ms, _ in trial.turns() if at_ms > said_ms]
    heard_ms = [20 * index for index, audible in enumerate(trial.audible) if audible and said_ms < 20 * index < end_ms]
    delay = next((at_ms - end_ms for at_ms in turns if at_ms > end_ms), None)
    return Ending(bool(turns) and turns[0] < end_ms, bool(heard_ms), delay)


def _sentences(parts: Parts, report: Report, sentences: Sequence[Paused]) -> None:
    endings = [run(parts, stimulus, seed) for seed, stimulus in enumerate(sentences)]
    whole = [ending.delay_ms for ending in endings if ending.delay_ms is not None]
    report.add(Row("sentences cut off in a pause", rate([e.cut for e in endings]), "%", "<= 5"))
    report.add(Row("... of these heard by the caller", rate([e.heard_cut for e in endings]), "%", ""))
    for at in (0.5, 0.95):
        report.add(Row(f"endpointing delay p{at * 100:.0f}", quantile(whole, at), "ms", "<= 450" if at == 0.5 else ""))
    never = rate([ending.delay_ms is None for ending in endings])
    report.add(Row("turns not ended within 3.2 s", never, "%", "0"))


def _curves(parts: Parts, report: Report, sentences: Sequence[Paused]) -> None:
    base = parts.rules or parts.policy.call
    curves = {
        "by what was said": [scaled(base.endpointing, scale) for scale in SCALES],
        "by silence alone": [Endpointing(*(ms for _ in fields(Endpointing))) for ms in SILENCE_ONLY_MS],
    }
    for name, settings in curves.items():
        points = [_point(with_rules(parts, replace(base, endpointing=each)), sentences) for each in settings]
        report.curve("endpointing", name, points)
        for target in TARGETS:
            delay = crossing(points, target)
            shown = "not reached" if delay is None else f"{delay:.0f} ms"
            report.tell(f"delay at {target:.0%} cut-offs, {name}: {shown}")


def scaled(endpointing: Endpointing, scale: float) -> Endpointing:
    """Return the waiting times for sentences, scaled."""
    return replace(
        endpointing,
        min_delay_ms=round(endpointing.min_delay_ms * scale),
        likely_ms=round(endpointing.likely_ms * scale),
        possible_ms=round(endpointing.possible_ms * scale),
        delay_ms=round(endpointing.delay_ms * scale),
        max_delay_ms=round(endpointing.max_delay_ms * scale),
    )


def _point(parts: Parts, sentences: Sequence[Paused]) -> tuple[float, float]:
    """Return (median delay in ms, part of turns cut off)."""
    endings = [run(parts, stimulus, seed) for seed, stimulus in enumerate(sentences)]
    delays = [ending.delay_ms for ending in endings if ending.delay_ms is not None]
    return float(np.median(delays)), sum(ending.cut for ending in endings) / len(endings)


def crossing(points: Sequence[tuple[float, float]], target: float) -> float | None:
    """Return the delay at which the curve falls to `target`, between the two points around it."""
    ordered = sorted(points)
    if ordered[0][1] <= target:
        return ordered[0][0]
    for (left, above), (right, below) in itertools.pairwise(ordered):
        if above > target >= below:
            return left + (right - left) * (above - target) / (above - below)
    return None


def _numbers(parts: Parts, report: Report, rng: np.random.Generator, each: int) -> None:
    unasked = [
        dictated(voice, int(rng.integers(4, 11)), NUMBER_LEADS[number % 3], rng)
        for voice, number in itertools.product(FLITE_VOICES, range(each))
    ]
    asked = [dictated(voice, 5, "", rng) for voice, _ in itertools.product(FLITE_VOICES, range(each))]
    question = Paused(spoken("rms", ASK_FOR_ORDER), spoken("rms", ASK_FOR_ORDER).pcm, ())
    for name, stimuli, before in (("number, unasked", unasked, None), ("order number, asked for", asked, question)):
        endings = [run(parts, stimulus, seed, before) for seed, stimulus in enumerate(stimuli) if stimulus.pauses]
        ended = [ending.delay_ms for ending in endings if ending.delay_ms is not None]
        report.add(Row(f"dictated {name}: cut off", rate([ending.cut for ending in endings]), "%", "<= 1"))
        report.add(Row(f"dictated {name}: delay p50", quantile(ended, 0.5), "ms", ""))
