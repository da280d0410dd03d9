"""Interruptions on the wire, read from the record of the very frames that left."""

from __future__ import annotations

import numpy as np

from tests.calls.scene import Bot, caller, noise_burst
from voicebot.core.commands import FlushPlayout, Note, PausePlayout, Speak
from voicebot.core.events import FRAME_MS
from voicebot.journal.lines import Playout, Step
from voicebot.media.playout import Flushed, Paused, PlayoutEntry, Popped, Resumed
from voicebot.testing.phone import Phone
from voicebot.testing.speech import Pcm, as_int16, line

LAST_FRAMES = 3
"""What may still leave after the core's decision: the tick under way, and what the clocks of both may differ by."""


def long_answer(bot: Bot, phone: Phone) -> None:
    """Let the bot begin its longest answer and get into its first sentence."""
    phone.say(line("shipping_express"))
    bot.await_spoken(phone, "Standard shipping")
    began_ms = phone.wait_bot_speaks()
    assert began_ms is not None
    assert phone.wait_bot_speaks(began_ms + 1000) is not None


def runs(ring: list[PlayoutEntry]) -> list[Popped]:
    return [entry for entry in ring if isinstance(entry, Popped)]


def test_an_interruption_stops_the_bot_and_what_nobody_heard_is_forgotten(bot: Bot) -> None:
    with caller(bot) as phone:
        long_answer(bot, phone)
        phone.say(line("hours_sunday"))
        bot.await_spoken(phone, "On Sunday we are open")
        assert phone.wait_bot_quiet(700)
    _, turns = bot.record(phone)
    ring = bot.ring(phone)
    flush = next(entry for entry in ring if isinstance(entry, Flushed))
    stop = [entry.tick for entry in ring if isinstance(entry, Paused) and entry.tick <= flush.tick][-1:] or [flush.tick]
    assert abs(stop[0] - tick_of_decision(bot, phone)) <= LAST_FRAMES
    assert not [run for run in runs(ring) if stop[0] < run.tick_from + run.frames and run.tick_from < flush.tick]
    forgotten = {c.speech for c in bot.commands(phone) if isinstance(c, Speak) and c.epoch < flush.epoch}
    assert forgotten.isdisjoint(run.speech for run in runs(ring) if run.tick_from >= flush.tick)
    assert turns[0].barge_in
    assert turns[0].bot_text.startswith("Standard shipping")
    assert "free" not in turns[0].bot_text
    assert turns[1].bot_text.startswith("On Sunday")


def tick_of_decision(bot: Bot, phone: Phone) -> float:
    """Return the pop of the ring at which the core first stopped the answer, by the journal's two clocks."""
    lines = bot.journal(phone).lines
    steps = [step for step in lines if isinstance(step, Step)]
    flushed_ms = next(step.now_ms for step in steps for c in step.commands if isinstance(c, FlushPlayout))
    paused = [step.now_ms for step in steps for c in step.commands if isinstance(c, PausePlayout)]
    decided_ms = max((ms for ms in paused if ms <= flushed_ms), default=flushed_ms)
    reports = [line for line in lines if isinstance(line, Playout)]
    nearest = min(reports, key=lambda report: abs(report.now_ms - decided_ms))
    return nearest.ticks + (decided_ms - nearest.now_ms) / FRAME_MS


def test_what_is_no_word_stops_nothing_for_good(bot: Bot) -> None:
    """A cough and a hum: whatever pause they bring, the bot goes on from the very next frame, and says all of it."""
    with caller(bot) as phone:
        long_answer(bot, phone)
        phone.say(noise_burst(250))
        bot.await_spoken(phone, "Express is 14 dollars")
        phone.say(hum(420))
        bot.await_spoken(phone, "A whole bicycle")
        assert phone.wait_bot_quiet(700)
    _, turns = bot.record(phone)
    assert [turn.barge_in for turn in turns] == [False]
    assert turns[0].bot_text.endswith("49 dollars.")
    assert not [c for c in bot.commands(phone) if isinstance(c, Note) and c.mark == "barge_in"]
    ring = bot.ring(phone)
    for pause, resume in zip(of(ring, Paused), of(ring, Resumed), strict=True):
        before = [run for run in runs(ring) if run.tick_from < pause.tick][-1]
        after = next((run for run in runs(ring) if run.tick_from >= resume.tick), None)
        if after is not None and after.speech == before.speech:
            assert after.first_frame == before.first_frame + before.frames


def of(ring: list[PlayoutEntry], kind: type[Paused | Resumed]) -> list[Paused | Resumed]:
    return [entry for entry in ring if isinstance(entry, kind)]


def hum(length_ms: int) -> Pcm:
    """A voiced sound without a word in it."""
    samples = np.arange(length_ms * 8)
    wave = np.sum([np.sin(2 * np.pi * 120 * k * samples / 8000) / k for k in range(1, 12)], axis=0)
    return as_int16(wave / np.abs(wave).max() * 9000)
