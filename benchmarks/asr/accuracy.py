"""What a recogniser gets right, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.asr import corpus
from benchmarks.asr.corpus import Utterance
from benchmarks.asr.line import Condition, received
from benchmarks.asr.listening import Timing, text_of, timed
from benchmarks.asr.scoring import distance, number, words
from benchmarks.reporting.report import Report, Row
from benchmarks.reporting.statistics import Figure, bootstrap, quantile, rate
from voicebot.asr.protocol import NO_HINTS, AsrEngine, Hints

_FALSE_DIGITS = 3
"""So many digits, where none were said, are taken for a number."""
_SENTENCES_IN_REAL_TIME, _NUMBERS_IN_REAL_TIME = 4, 11
"""One in so many."""


def measure_words(engine: AsrEngine, report: Report, *, quick: bool) -> None:
    """Measure the word error rate of voices and people on every line, and sentences where a number is expected."""
    synthetic, people = corpus.sentences(quick=quick), corpus.people()
    for said, who in ((synthetic, "sentences"), (people, corpus.HUMAN)):
        for condition in Condition:
            heard = _heard(engine, said, condition)
            report.add(Row(f"WER, {who}, {condition}", _wer(said, heard), "%", ""))
    heard = _heard(engine, synthetic, Condition.CLEAN, expects="digits:5")
    invented = [
        len(number(text)) >= _FALSE_DIGITS > len(number(one.text)) for one, text in zip(synthetic, heard, strict=True)
    ]
    report.add(Row("sentences taken for numbers when 5 digits are expected", rate(invented), "%", ""))


def measure_numbers(engine: AsrEngine, report: Report, *, quick: bool) -> None:
    """Measure how many numbers are right: by voice, by line, and by what the engine was told of them."""
    said = corpus.numbers(quick=quick)
    people_like = [one.voice in corpus.RECORDED_VOICES for one in said]
    for condition in Condition:
        heard = _heard(engine, said, condition, "digits:{length}")
        right = _right(said, heard)
        target = ">= 95 %" if condition is Condition.CLEAN else ""
        report.add(Row(f"numbers right, flite, {condition}", rate(_where(right, people_like)), "%", target))
        report.add(Row(f"numbers right, all voices, {condition}", rate(right), "%", ""))
        if condition is Condition.CLEAN:
            report.add(Row("single digits wrong, all voices, clean", _digit_errors(said, heard), "%", ""))
            for voice in dict.fromkeys(one.voice for one in said):
                own = _where(right, [one.voice == voice for one in said])
                report.add(Row(f"numbers right, {voice}", rate(own), "%", ""))
    told = {"of unknown length": "digits", "where one digit more is expected": "digits:{longer}", "not expected": ""}
    recorded = [one for one in said if one.voice in corpus.RECORDED_VOICES]
    for what, expects in told.items():
        right = _right(recorded, _heard(engine, recorded, Condition.CLEAN, expects))
        report.add(Row(f"numbers right, flite, {what}", rate(right), "%", ""))


def measure_speed(engine: AsrEngine, report: Report, *, quick: bool) -> None:
    """Measure sentences and expected numbers that are spoken in real time, one after the other."""
    numbers = corpus.numbers(quick=quick)[::_NUMBERS_IN_REAL_TIME]
    _measure_finals(engine, report, "numbers", numbers)
    timings = _measure_finals(engine, report, "sentences", corpus.sentences(quick=quick)[::_SENTENCES_IN_REAL_TIME])
    factor = sum(timing.cpu_s for timing in timings) / sum(timing.audio_s for timing in timings)
    report.add(Row("cores a stream of speech", Figure(factor, None, None, len(timings)), "%", ""))
    report.add(Row("streams a core", Figure(1 / factor, None, None, len(timings)), "", ""))


def _measure_finals(engine: AsrEngine, report: Report, what: str, said: Sequence[Utterance]) -> list[Timing]:
    rng = np.random.default_rng(4)
    timings = []
    for one in said:
        hints = Hints(f"digits:{len(one.digits)}") if one.digits else NO_HINTS
        timings.append(timed(engine, received(one.pcm, Condition.CLEAN, rng), hints))
    finals = [timing.final_ms for timing in timings]
    report.samples[f"{engine.name}, {what}"] = finals
    report.add(Row(f"final, {what}, p50", quantile(finals, 0.5), "ms", ""))
    report.add(Row(f"final, {what}, p95", quantile(finals, 0.95), "ms", ""))
    return timings


def _heard(engine: AsrEngine, said: Sequence[Utterance], condition: Condition, expects: str = "") -> list[str]:
    rng = np.random.default_rng(3)
    texts = []
    for one in said:
        told = expects.format(length=len(one.digits), longer=len(one.digits) + 1)
        hints = Hints(told) if told else NO_HINTS
        texts.append(text_of(engine, received(one.pcm, condition, rng), hints))
    return texts


def _right(said: Sequence[Utterance], heard: Sequence[str]) -> list[bool]:
    return [number(text) == one.digits for one, text in zip(said, heard, strict=True)]


def _where(right: Sequence[bool], chosen: Sequence[bool]) -> list[bool]:
    return [hit for hit, taken in zip(right, chosen, strict=True) if taken]


def _wer(said: Sequence[Utterance], heard: Sequence[str]) -> Figure:
    return _error_rate([(words(one.text), words(text)) for one, text in zip(said, heard, strict=True)])


def _digit_errors(said: Sequence[Utterance], heard: Sequence[str]) -> Figure:
    return _error_rate([(list(one.digits), list(number(text))) for one, text in zip(said, heard, strict=True)])


def _error_rate(pairs: Sequence[tuple[list[str], list[str]]]) -> Figure:
    """Return errors per thing said; the trials are utterances."""
    errors = np.array([distance(said, heard) for said, heard in pairs], np.float64)
    lengths = np.array([len(said) for said, _ in pairs], np.float64)

    def of_trials(trials: NDArray[np.float64]) -> float:
        chosen = trials.astype(np.int64)
        return float(errors[chosen].sum() / lengths[chosen].sum())

    return bootstrap(list(range(len(pairs))), of_trials)
