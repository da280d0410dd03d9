"""A call's tape, and the recorder that turns it into a WAV. Time is stepped; the recorder's thread is the real one."""

from __future__ import annotations

import logging
import wave
from pathlib import Path

import numpy as np
import pytest

from voicebot.media.frames import FRAME_SAMPLES, Pcm
from voicebot.media.playout import PlayoutRing
from voicebot.runtime import tape as tapes
from voicebot.runtime.recorder import Recorder
from voicebot.runtime.tape import Tape

STARTED = "2026-11-22T10:00:00.000+00:00"
ID = "20261122T100000-01"


class Port:
    """The audio port of a call: a tick is a pop and a put, 20 ms apart."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.heard: list[bytes] = []
        self.ring = PlayoutRing()
        self.tape = Tape(self, self.ring, lambda: self.now_ms)

    def put(self, frame: bytes) -> None:
        """Be the call's inbox."""
        self.heard.append(frame)

    def tick(self, count: int = 1, level: int = 5) -> None:
        for _ in range(count):
            self.tape.pop()
            self.tape.put(frame(level))
            self.now_ms += 20

    def say(self, frames: int, level: int = 9, epoch: int = 0) -> None:
        self.ring.push(epoch + 1, epoch, frame(level) * frames)


def frame(level: int) -> bytes:
    return np.full(FRAME_SAMPLES, level, "<i2").tobytes()


def recorded(data_dir: Path) -> tuple[Pcm, Pcm]:
    """Return one sample a tick of the caller's and of the bot's channel."""
    with wave.open(str(data_dir / "recordings" / "2026-11-22" / f"{ID}.wav")) as wav:
        both = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, FRAME_SAMPLES, 2)
    assert (both == both[:, :1]).all()
    return both[:, 0, 0], both[:, 0, 1]


def record(port: Port, data_dir: Path) -> None:
    """Let a recorder write what the tape holds."""
    recorder = Recorder(data_dir)
    recorder.begin(port.tape, ID, STARTED)
    recorder.end(port.tape)
    assert recorder.close()


def test_the_caller_is_left_and_the_bot_right_as_they_passed(tmp_path: Path) -> None:
    port = Port()
    port.tape.start()
    port.tick(2)
    port.say(3)
    port.tick(2)
    port.ring.pause()
    port.tick(2)
    port.ring.resume()
    port.tick(2)
    port.say(5)
    port.tick(1)
    port.ring.flush(1)
    port.tick(2)
    record(port, tmp_path)
    left, right = recorded(tmp_path)
    assert left.tolist() == [5] * 11
    assert right.tolist() == [0, 0, 9, 9, 0, 0, 9, 0, 9, 0, 0]
    assert port.heard == [frame(5)] * 11


def test_nothing_is_kept_from_before_the_start(tmp_path: Path) -> None:
    port = Port()
    port.tick(3, level=1)
    port.tape.start()
    port.tick(2, level=2)
    record(port, tmp_path)
    assert recorded(tmp_path)[0].tolist() == [2, 2]


def test_time_without_ticks_is_silence(tmp_path: Path) -> None:
    port = Port()
    port.tape.start()
    port.tick(2)
    port.now_ms += 30 * 20
    port.tick(2)
    record(port, tmp_path)
    assert recorded(tmp_path)[0].tolist() == [5, 5, *[0] * 30, 5, 5]


def test_a_clock_that_is_late_and_catches_up_leaves_no_hole(tmp_path: Path) -> None:
    port = Port()
    port.tape.start()
    port.tick(2)
    port.now_ms += 5 * 20
    for _ in range(5):
        port.tick()
        port.now_ms -= 20
    port.tick()
    record(port, tmp_path)
    assert recorded(tmp_path)[0].tolist() == [5] * 8


def test_a_tick_without_the_callers_frame_is_still_a_tick(tmp_path: Path) -> None:
    port = Port()
    port.tape.start()
    port.say(2)
    port.tape.pop()
    port.tick()
    record(port, tmp_path)
    left, right = recorded(tmp_path)
    assert (left.tolist(), right.tolist()) == ([0, 5], [9, 9])


def test_a_tape_that_nobody_takes_drops_the_newest_and_counts(tmp_path: Path) -> None:
    port = Port()
    port.tape.start()
    port.tick(tapes.CAPACITY + 7)
    assert port.tape.dropped == 7
    assert len(port.tape.take()) == tapes.CAPACITY
    port.tick(2, level=6)
    record(port, tmp_path)
    # Later frames keep their place: the drop is silence.
    assert recorded(tmp_path)[0].tolist() == [0] * (tapes.CAPACITY + 7) + [6, 6]
    assert len(port.heard) == tapes.CAPACITY + 9


def test_a_disk_that_refuses_costs_one_line_and_not_the_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "recordings").write_text("a file, not a folder")
    port = Port()
    with caplog.at_level(logging.ERROR):
        recorder = Recorder(tmp_path)
        recorder.begin(port.tape, ID, STARTED)
        port.tick(5)
        recorder.end(port.tape)
        assert recorder.close()
    assert [entry.message.partition(";")[0] for entry in caplog.records] == ["recording cannot be written"]
    assert len(port.heard) == 5


def test_calls_of_a_worker_that_stops_are_written_up_to_then(tmp_path: Path) -> None:
    port = Port()
    recorder = Recorder(tmp_path)
    recorder.begin(port.tape, ID, STARTED)
    port.tick(4)
    assert recorder.close()
    assert recorded(tmp_path)[0].tolist() == [5] * 4
