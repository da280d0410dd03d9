"""A WAV that is whole at any moment."""

from __future__ import annotations

import resource
import wave
from pathlib import Path

import numpy as np
import pytest

from voicebot.media.wav import StereoWav


def read(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (2, 2, 16_000)
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)


def stereo(*rows: tuple[int, int]) -> bytes:
    return np.array(rows, "<i2").tobytes()


def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    wav = StereoWav(tmp_path / "day" / "call.wav")
    assert len(read(wav.path)) == 0
    wav.write(0, stereo((1, -1), (2, -2)))
    wav.settle()
    wav.write(2, stereo((3, -3)))
    # What was not settled is behind the end: a reader does not see it, and it hurts nobody.
    assert read(wav.path).tolist() == [[1, -1], [2, -2]]
    wav.abandon()
    assert read(wav.path).tolist() == [[1, -1], [2, -2]]


def test_what_is_left_out_is_silence(tmp_path: Path) -> None:
    wav = StereoWav(tmp_path / "call.wav")
    wav.write(3, stereo((7, 8)))
    wav.close()
    assert read(wav.path).tolist() == [[0, 0]] * 3 + [[7, 8]]


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_text("kept")
    with pytest.raises(FileExistsError):
        StereoWav(tmp_path / "call.wav")
    assert (tmp_path / "call.wav").read_text() == "kept"


def test_a_disk_that_refuses_costs_nothing_that_was_settled(tmp_path: Path) -> None:
    wav = StereoWav(tmp_path / "call.wav")
    wav.write(0, stereo((1, -1)) * 1_000)
    wav.settle()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            wav.write(1_000, stereo((2, -2)) * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    wav.abandon()
    assert read(wav.path).tolist() == [[1, -1]] * 1_000
