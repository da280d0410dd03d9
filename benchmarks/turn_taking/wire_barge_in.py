"""The caller over the bot, on the wire: interruptions, sounds that are none, and the bot's own echo.

Times are what the telephone measured. What the bot noted and recorded comes from its journals once the calls are over.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.reporting.report import Report, Row
from benchmarks.reporting.statistics import quantile, rate
from benchmarks.turn_taking.barge_in import WINDOW_MS, WINDOWS, long_answer, made
from benchmarks.turn_taking.bot import ANSWER_TIMEOUT_MS, ask, calling, playbook_dialplans, record_of, running
from benchmarks.turn_taking.heard_words import words_heard, words_of
from benchmarks.turn_taking.stepped import load_parts
from benchmarks.turn_taking.stimuli import DISTURBANCES, TAKES_THE_TURN, VOICES, spoken
from voicebot.media.resample import Resampler
from voicebot.testing.bot_process import BotProcess
from voicebot.testing.phone import Phone
from voicebot.testing.speech import Pcm, line
from voicebot.testing.stepped_call import Parts

CALLS_AT_ONCE = 3


def measure(report: Report, *, quick: bool) -> None:
    """Interrupt long answers, and disturb them."""
    parts = load_parts()
    with running(playbook_dialplans()) as bot:
        _interruptions(bot, parts, report, 3 if quick else 36)
        _disturbances(bot, parts, report, 3 if quick else 13)


def _interruptions(bot: BotProcess, parts: Parts, report: Report, trials: int) -> None:
    rng = np.random.default_rng(21)
    stops: list[float] = []
    yielded: list[bool] = []
    agreed: list[bool] = []
    pairs = itertools.islice(itertools.cycle(itertools.product(TAKES_THE_TURN, VOICES)), trials)
    for text, voice in pairs:
        with calling(bot) as phone:
            end_ms = phone.say(line("hours_saturday")).end_ms
            began_ms = phone.wait_bot_speaks(end_ms, ANSWER_TIMEOUT_MS) or end_ms
            phone.wait_bot_speaks(began_ms + float(rng.integers(800, 6_000)), ANSWER_TIMEOUT_MS)
            onset_ms = phone.say(spoken(voice, text).pcm).onset_ms
            phone.wait_bot_quiet(500)
            stop_ms = phone.turns()[-1].barge_stop_ms
            call_id = phone.call_id
            heard = _heard(phone, began_ms, onset_ms + (stop_ms or 0))
        record = record_of(bot, call_id)
        yielded.append("barge_in" in record.notes)
        if stop_ms is None or not yielded[-1]:
            continue
        stops.append(stop_ms)
        count = len(words_of(record.heard[1])) if len(record.heard) > 1 else 0
        agreed.append(abs(words_heard(parts.decoder, heard, record.meant) - count) <= 1)
    report.add(Row("interruptions yielded to", rate(yielded), "%", ">= 99"))
    report.add(Row("stop on the wire p50", quantile(stops, 0.5), "ms", "<= 160"))
    report.add(Row("stop on the wire p95", quantile(stops, 0.95), "ms", "<= 250"))
    report.add(Row("words on record within one of those heard", rate(agreed), "%", ">= 98"))
    report.samples["barge-in stop, on the wire"] = stops


def _heard(phone: Phone, from_ms: float, to_ms: float) -> Pcm:
    """Return what came in between two moments, as 16 kHz."""
    frames = [frame.pcm for frame in phone.recording.heard if from_ms - 20 <= frame.at_ms <= to_ms]
    return Resampler(8_000, 16_000).process(np.concatenate(frames)) if frames else np.zeros(0, np.int16)


def _disturbances(bot: BotProcess, parts: Parts, report: Report, calls: int) -> None:
    """Send the same sounds to the bot on the wire and to the one in stepped time."""
    sounds = [_sounds(seed) for seed in range(calls)]
    with ThreadPoolExecutor(CALLS_AT_ONCE) as callers:
        on_wire = list(callers.map(lambda each: _disturbed(bot, each), sounds))
    in_steps = [_stepped(parts, seed, each) for seed, each in enumerate(sounds)]
    trials = [stopped for call in on_wire for stopped in call]
    report.add(Row("false barge-ins on the wire", rate(trials), "%", "0"))
    same = [wire == steps for wire, steps in zip(trials, itertools.chain.from_iterable(in_steps), strict=True)]
    report.add(Row("... and the same sound in stepped time agrees", rate(same), "%", "100"))
    with ThreadPoolExecutor(CALLS_AT_ONCE) as callers:
        echoes = list(callers.map(lambda each: _echoed(bot, each), _leaks(calls)))
    report.add(Row("answers that the bot's own echo stopped", rate(echoes), "%", "0"))


def _sounds(seed: int) -> list[Pcm]:
    rng = np.random.default_rng(seed)
    kinds = list(DISTURBANCES.values())
    return [made(kinds[(seed + number) % len(kinds)], rng) for number in range(WINDOWS)]


def _disturbed(bot: BotProcess, sounds: Sequence[Pcm]) -> list[bool]:
    """Return for each sound whether it stopped the bot, by the bot's own account: at most the first one that did."""
    with calling(bot) as phone:
        end_ms = phone.say(line("hours_saturday")).end_ms
        due_ms = phone.wait_bot_speaks(end_ms, ANSWER_TIMEOUT_MS) or end_ms
        for sound in sounds:
            phone.say(sound)
            due_ms += WINDOW_MS
            time.sleep(max(0.0, due_ms / 1000 - time.monotonic()))
        call_id = phone.call_id
    stops = record_of(bot, call_id).notes.count("barge_in")
    return [number < stops for number in range(len(sounds))]


def _leaks(calls: int) -> list[tuple[float, int]]:
    """Return levels in dB and delays in ms, the one that every phone may have first."""
    return list(itertools.islice(itertools.cycle(((-20.0, 150), (-26.0, 60), (-20.0, 240))), calls))


def _echoed(bot: BotProcess, leak: tuple[float, int]) -> bool:
    """Let the phone leak through a whole long answer; tell whether that stopped the bot."""
    with calling(bot) as phone:
        phone.leak(*leak)
        ask(phone, line("hours_saturday"))
        call_id = phone.call_id
    return "barge_in" in record_of(bot, call_id).notes


def _stepped(parts: Parts, seed: int, sounds: Sequence[Pcm]) -> list[bool]:
    trial = long_answer(parts, seed)
    due_ms = trial.now_ms
    for sound in sounds:
        trial.say(sound)
        due_ms += WINDOW_MS
        trial.listen(max(20, due_ms - trial.now_ms))
    stops = len(trial.noted("barge_in"))
    return [number < stops for number in range(len(sounds))]
