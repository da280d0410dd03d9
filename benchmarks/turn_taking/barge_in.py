"""The caller over the bot, in stepped time: who takes the turn gets it, and nothing else stops the bot.

The bot gives a long answer (some 15 s). Into it the caller says something, or the phone sends a noise, a tone, the
bot's own echo, or a listener's `mm hmm`. A trial is one of these; several fit into one answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from benchmarks.reporting.report import Report, Row
from benchmarks.reporting.statistics import quantile, rate
from benchmarks.turn_taking.heard_words import words_heard, words_of
from benchmarks.turn_taking.stepped import Trial
from benchmarks.turn_taking.stimuli import (
    BACKCHANNELS,
    DISTURBANCES,
    PER_MS,
    TAKES_THE_TURN,
    VOICES,
    line_noise,
    louder,
    spoken,
    talk_behind,
)
from voicebot.testing.speech import Pcm, line
from voicebot.testing.stepped_call import Parts
from voicebot.testing.wire import Stretch, measure_turns

WINDOW_MS = 2_600
"""Time for one disturbance and what follows from it."""
WINDOWS = 5
"""Disturbances in one answer."""
ECHO = "echo"
ECHO_GAIN_DB, ECHO_MS = -20.0, 150
AGREED_WORDS = 1
BEHIND_DBFS = (-45.0, -50.0)
"""Somebody talks in the background, the caller being at -20 dBFS."""
SOFTER_DB = -12.0
"""A caller who turns away from the telephone."""


def measure(parts: Parts, report: Report, *, quick: bool) -> None:
    """Run interruptions, backchannels and disturbances."""
    rng = np.random.default_rng(12)
    _interruptions(parts, report, rng, 1 if quick else 3)
    _backchannels(parts, report, rng, 1 if quick else 3)
    _disturbances(parts, report, rng, 4 if quick else 24)
    _voices_behind(parts, report, rng, 1 if quick else 2)
    _softer_callers(parts, report, rng, 1 if quick else 2)


def long_answer(parts: Parts, seed: int) -> Trial:
    """Return a call in which the bot has just begun to answer at length."""
    trial = Trial(parts, np.random.default_rng(seed))
    trial.listen(300)
    trial.say(line("hours_saturday"))
    trial.listen_until_bot_speaks()
    return trial


def _interruptions(parts: Parts, report: Report, rng: np.random.Generator, each: int) -> None:
    stops: list[float] = []
    yielded: list[bool] = []
    agreed: list[bool] = []
    for seed, (voice, text, _) in enumerate(itertools.product(VOICES, TAKES_THE_TURN, range(each))):
        trial = long_answer(parts, seed)
        began = len(trial.heard)
        trial.listen(int(rng.integers(800, 7_000)))
        onset_ms, end_ms = trial.say(spoken(voice, text).pcm)
        trial.listen(600)
        audible_ms = [20.0 * (index + 1) for index, audible in enumerate(trial.audible) if audible]
        measured = measure_turns([Stretch(onset_ms, end_ms)], audible_ms, trial.now_ms)[0]
        yielded.append(bool(trial.noted("barge_in", onset_ms)))
        if not yielded[-1] or measured.barge_stop_ms is None:
            continue
        stops.append(measured.barge_stop_ms)
        stopped = int(onset_ms + measured.barge_stop_ms) // 20
        heard = np.concatenate(trial.heard[began - 1 : stopped])
        agreed.append(_agree(parts, trial, heard, onset_ms))
    report.add(Row("interruptions yielded to", rate(yielded), "%", ">= 99"))
    report.add(Row("stop on the wire p50", quantile(stops, 0.5), "ms", "<= 160"))
    report.add(Row("stop on the wire p95", quantile(stops, 0.95), "ms", "<= 250"))
    report.add(Row("words on record within one of those heard", rate(agreed), "%", ">= 98"))
    report.samples["barge-in stop, stepped"] = stops


def _agree(parts: Parts, trial: Trial, heard: Pcm, onset_ms: int) -> bool:
    """Compare the transcript's words with those in the audio that left."""
    said = " ".join(command.text for at_ms, command in trial.spoken() if at_ms < onset_ms)
    recorded = [entry.text for entry in trial.call.state.transcript.heard() if entry.speaker == "bot"]
    count = len(words_of(recorded[0])) if recorded else 0
    return abs(words_heard(parts.decoder, heard, said) - count) <= AGREED_WORDS


def _backchannels(parts: Parts, report: Report, rng: np.random.Generator, each: int) -> None:
    survived: list[bool] = []
    for seed, (voice, text, _) in enumerate(itertools.product(VOICES, BACKCHANNELS, range(each))):
        trial = long_answer(parts, seed)
        trial.listen(int(rng.integers(800, 6_000)))
        onset_ms, _ = trial.say(spoken(voice, text).pcm)
        trial.listen(WINDOW_MS)
        survived.append(not trial.noted("barge_in", onset_ms) and any(trial.audible[-50:]))
    report.add(Row("backchannels survived", rate(survived), "%", ">= 97"))


def _disturbances(parts: Parts, report: Report, rng: np.random.Generator, answers: int) -> None:
    every: list[bool] = []
    for kind in (*DISTURBANCES, ECHO):
        false: list[bool] = []
        hesitations = 0
        for seed in range(answers):
            trial = long_answer(parts, seed)
            windows = [disturb(trial, kind, rng) for _ in range(WINDOWS)]
            stops = [outcome for outcome in windows if outcome is not None]
            false += stops
            hesitations += len(trial.noted("false_barge_in"))
        every += false
        report.add(Row(f"false barge-ins: {kind}", rate(false), "%", "0"))
        report.tell(f"{kind}: the bot held its breath {hesitations} times in {len(false)} trials and went on")
    report.add(Row("false barge-ins: all", rate(every), "%", "0 of 600"))


def _voices_behind(parts: Parts, report: Report, rng: np.random.Generator, answers: int) -> None:
    """Let another talk through a whole answer; nothing of it may stop the bot or become a turn."""
    for dbfs in BEHIND_DBFS:
        false: list[bool] = []
        turns, audible = 0, []
        for seed, (voice, _) in enumerate(itertools.product(VOICES, range(answers))):
            trial = long_answer(parts, seed)
            began, since_ms = len(trial.audible), trial.now_ms
            for _ in range(WINDOWS):
                window_ms = trial.now_ms
                trial.say(talk_behind(voice, dbfs, WINDOW_MS, rng))
                false.append(bool(trial.noted("barge_in", window_ms)))
            audible += trial.audible[began:]
            turns += len(trial.noted("turn", since_ms))
        report.add(Row(f"false barge-ins: a voice at {dbfs:.0f} dBFS", rate(false), "%", "0"))
        report.tell(
            f"a voice at {dbfs:.0f} dBFS: {turns} turns of it; the bot was audible {np.mean(audible):.0%} of the time"
        )


def _softer_callers(parts: Parts, report: Report, rng: np.random.Generator, each: int) -> None:
    yielded: list[bool] = []
    stops: list[float] = []
    for seed, (voice, text, _) in enumerate(itertools.product(VOICES, TAKES_THE_TURN, range(each))):
        trial = long_answer(parts, seed)
        trial.listen(int(rng.integers(800, 7_000)))
        onset_ms, end_ms = trial.say(louder(spoken(voice, text), SOFTER_DB).pcm)
        trial.listen(600)
        audible_ms = [20.0 * (index + 1) for index, audible in enumerate(trial.audible) if audible]
        stop_ms = measure_turns([Stretch(onset_ms, end_ms)], audible_ms, trial.now_ms)[0].barge_stop_ms
        yielded.append(bool(trial.noted("barge_in", onset_ms)))
        if yielded[-1] and stop_ms is not None:
            stops.append(stop_ms)
    report.add(Row("interruptions 12 dB softer yielded to", rate(yielded), "%", ">= 99"))
    report.add(Row("... stop on the wire p50", quantile(stops, 0.5), "ms", "<= 160"))


def disturb(trial: Trial, kind: str, rng: np.random.Generator) -> bool | None:
    """Make one disturbance; tell whether it stopped the bot. None when an earlier one already has."""
    if trial.noted("barge_in"):
        return None
    since_ms = trial.now_ms
    if kind == ECHO:
        trial.say(line_noise(WINDOW_MS, rng), ECHO_GAIN_DB, ECHO_MS)
    else:
        trial.say(made(DISTURBANCES[kind], rng))
        trial.listen(max(20, since_ms + WINDOW_MS - trial.now_ms))
    return bool(trial.noted("barge_in", since_ms))


def made(kind: Callable[[np.random.Generator], Pcm], rng: np.random.Generator) -> Pcm:
    """Make a sound that fits into a window."""
    return kind(rng)[: (WINDOW_MS - 100) * PER_MS]
