"""Calls that are recorded: what is on each channel, when, and what is left of a call that was killed."""

from __future__ import annotations

import os
import signal
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, eventually, worker_of
from voicebot.core.events import MediaChanged, MediaState
from voicebot.testing.phone import Phone
from voicebot.testing.speech import line

Levels = NDArray[np.float64]

WINDOW_MS = 10
HOP_MS = 2
"""Two curves are shifted by so much at least; with as much as a window they never fit where it is loud."""
BLOCK_MS = 1_000
APART_MS = 120
"""What the two directions may differ by: the jitter buffer delays one of them, a busy machine either."""


@pytest.fixture(scope="module")
def recording_bot(start_bot: StartBot) -> Bot:
    return start_bot({"recording": {"enabled": True}})


def levels(samples: NDArray[np.int16], rate: int) -> Levels:
    """Return the RMS of 10 ms, every 2 ms."""
    window, hop = rate * WINDOW_MS // 1000, rate * HOP_MS // 1000
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples.astype(np.float64)))))
    starts = np.arange(0, len(samples) - window + 1, hop)
    return np.asarray(np.sqrt((energy[starts + window] - energy[starts]) / window))


def recorded(path: Path) -> tuple[Levels, Levels]:
    with wave.open(str(path)) as wav:
        both = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
        return levels(both[:, 0], wav.getframerate()), levels(both[:, 1], wav.getframerate())


def heard_by(phone: Phone) -> tuple[Levels, Levels]:
    both = phone.recording.stereo()
    return levels(both[:, 0], 8000), levels(both[:, 1], 8000)


def shift_of(one: Levels, other: Levels) -> int:
    """Return by how many hops `other` is to be shifted to fit `one` best."""
    fits = np.correlate(one - one.mean(), other - other.mean(), "full")
    return int(fits.argmax()) - len(other) + 1


def likeness(one: Levels, other: Levels, shift: int) -> float:
    """Return how alike two curves are (1: they are the same).

    Each second of `other` is put where it fits best, at most APART_MS from `shift`: a packet that was held up moves
    what follows it at the caller's ear and not in the recording.
    """
    size, apart = BLOCK_MS // HOP_MS, APART_MS // HOP_MS
    padded = np.pad(one, (len(other) + apart, len(other) + apart))
    found = []
    for start in range(0, len(other) - size + 1, size):
        block = other[start : start + size]
        first = len(other) + start + shift
        places = [padded[at : at + size] for at in range(first, first + 2 * apart + 1)]
        found.append(min(places, key=lambda place: float(np.square(place - block).sum())))
    nearest, compared = np.concatenate(found), other[: len(found) * size]
    nearest, compared = nearest - nearest.mean(), compared - compared.mean()
    return float((nearest * compared).sum() / np.sqrt(np.square(nearest).sum() * np.square(compared).sum()))


def test_the_recording_is_the_call_as_the_caller_heard_it(recording_bot: Bot) -> None:
    bot = recording_bot
    with caller(bot) as phone:
        phone.say(line("hours_saturday"))
        bot.await_spoken(phone, "On Saturday we are open")
        phone.wait_bot_speaks(timeout_ms=1_000)
        phone.say(line("shipping_express"))
        bot.await_spoken(phone, "Standard shipping")
        phone.hold()
        assert phone.wait_media_changed()
        eventually(lambda: MediaChanged(MediaState.HELD) in bot.events(phone), "the bot knows that it is held")
        phone.unhold()
        assert phone.wait_media_changed()
        bot.await_spoken(phone, "Express is")
    record, _ = bot.record(phone)
    assert record.recording == f"recordings/{record.started_at[:10]}/{record.id}.wav"
    assert record.recording in bot.command("calls", "show", record.id).stdout
    left, right = recorded(bot.data_dir / record.recording)
    sent, heard = heard_by(phone)
    caller_shift, bot_shift = shift_of(left, sent), shift_of(right, heard)
    assert likeness(left, sent, caller_shift) > 0.97
    assert likeness(right, heard, bot_shift) > 0.97
    assert abs(caller_shift - bot_shift) * HOP_MS <= APART_MS
    assert abs(len(left) - len(sent)) * HOP_MS <= 500


def test_a_killed_worker_leaves_a_recording_that_plays(recording_bot: Bot) -> None:
    bot = recording_bot
    with caller(bot) as phone:
        phone.say(line("hours_sunday"))
        bot.await_spoken(phone, "On Sunday we are open")
        killed = worker_of(bot)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: bool(bot.worker_pids()) and worker_of(bot) != killed, "another worker takes calls")
    record, _ = bot.record(phone)
    assert record.disposition == "interrupted"
    left, right = recorded(bot.data_dir / record.recording)
    sent, _ = heard_by(phone)
    assert likeness(left, sent, shift_of(left, sent)) > 0.8
    assert right.max() > 500


def test_only_a_call_that_was_answered_has_one(recording_bot: Bot) -> None:
    with Phone() as phone:
        phone.dial(recording_bot.uri("100"))
        recording_bot.journal(phone)
        phone.hang_up()
    record, _ = recording_bot.record(phone)
    assert bool(record.recording) == (record.answered_at is not None)


def test_a_full_disk_costs_the_recording_and_not_the_call(recording_bot: Bot) -> None:
    folder = recording_bot.data_dir / "recordings"
    folder.rename(folder.with_name("set-aside"))
    folder.write_text("no folder")
    try:
        with caller(recording_bot) as phone:
            phone.say(line("hours_sunday"))
            recording_bot.await_spoken(phone, "On Sunday we are open")
        record, _ = recording_bot.record(phone)
    finally:
        folder.unlink()
        folder.with_name("set-aside").rename(folder)
    assert (record.disposition, record.recording, record.replayable) == ("caller_hung_up", "", True)
    assert len(recording_bot.await_log("recording cannot be written")) == 1


def test_calls_are_not_recorded_unless_the_dialplan_says_so(bot: Bot) -> None:
    with caller(bot) as phone:
        pass
    record, _ = bot.record(phone)
    assert record.recording == ""
    assert not (bot.data_dir / "recordings").exists()
