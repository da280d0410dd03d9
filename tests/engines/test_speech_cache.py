"""The cache of fixed phrases: bounded, whole, shared by processes."""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from pathlib import Path

import pytest

from voicebot.media.frames import FRAME_BYTES
from voicebot.testing.fake_tts import FakeTts
from voicebot.tts.cache import SpeechCache, sole_writer, speech_key
from voicebot.tts.framing import render

PHRASE = "One moment please."


def frames(fill: int, count: int = 10) -> bytes:
    return bytes([fill]) * (count * FRAME_BYTES)


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_a_phrase_is_rendered_once_and_survives_a_restart(tmp_path: Path) -> None:
    engine = FakeTts()
    assert SpeechCache(tmp_path).warm(engine, [PHRASE, "Hello.", PHRASE]) == 2
    again = SpeechCache(tmp_path)
    assert again.warm(engine, [PHRASE, "Hello."]) == 0
    assert engine.texts == [PHRASE, "Hello."]
    assert again.in_memory(speech_key(engine, PHRASE)) == render(FakeTts(), PHRASE)


def test_the_key_tells_engine_voice_version_speed_and_text_apart() -> None:
    engine, other = FakeTts(), FakeTts()
    other.voice = "bell"
    fast = FakeTts()
    fast.speed = 1.2
    keys = {speech_key(engine, "a"), speech_key(engine, "b"), speech_key(other, "a"), speech_key(fast, "a")}
    assert len(keys) == 4
    assert speech_key(FakeTts(), "a") in keys


@pytest.mark.parametrize("size", [0, 5, 31, 700])
def test_a_truncated_file_is_a_miss_and_is_made_anew(tmp_path: Path, size: int) -> None:
    engine = FakeTts()
    SpeechCache(tmp_path).warm(engine, [PHRASE])
    whole = only_file(tmp_path).read_bytes()
    only_file(tmp_path).write_bytes(whole[:size])
    cache = SpeechCache(tmp_path)
    assert cache.get(speech_key(engine, PHRASE)) is None
    assert cache.misses == 1
    assert cache.warm(engine, [PHRASE]) == 1
    assert only_file(tmp_path).read_bytes() == whole


def test_memory_is_bounded_and_forgets_what_was_not_used_for_longest() -> None:
    cache = SpeechCache(memory_bytes=len(frames(0)) * 2)
    cache.put("a", frames(1))
    cache.put("b", frames(2))
    assert cache.in_memory("a") == frames(1)
    cache.put("c", frames(3))
    assert cache.in_memory("b") is None
    assert cache.in_memory("a") == frames(1)
    assert cache.evicted == 1
    assert cache.sizes()[0] == len(frames(0)) * 2


def test_what_does_not_fit_at_all_is_not_kept() -> None:
    cache = SpeechCache(memory_bytes=FRAME_BYTES)
    cache.put("a", frames(1))
    assert cache.sizes() == (0, 0)


def test_the_folder_is_bounded(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, disk_bytes=3 * len(frames(0)))
    for index in range(8):
        cache.put(f"key{index}", frames(index))
    assert cache.sizes()[1] <= 3 * len(frames(0))
    assert SpeechCache(tmp_path).get("key7") == frames(7)


def test_a_folder_that_cannot_be_written_costs_only_persistence(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    cache = SpeechCache(folder)
    folder.rmdir()
    cache.put("a", frames(1))
    assert cache.get("a") == frames(1)


def test_half_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="not whole frames"):
        SpeechCache().put("a", b"12")


def test_clear_leaves_nothing(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path)
    cache.put("a", frames(1))
    cache.clear()
    assert cache.sizes() == (0, 0)
    assert cache.get("a") is None


def test_what_does_not_fit_the_folder_is_not_written(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, disk_bytes=3 * FRAME_BYTES)
    cache.put("small", frames(1, 2))
    cache.put("large", frames(2, 3))
    assert SpeechCache(tmp_path).get("large") is None
    assert SpeechCache(tmp_path).get("small") == frames(1, 2)


def test_what_a_killed_writer_left_goes_with_the_next_entry(tmp_path: Path) -> None:
    (tmp_path / "half.new").write_bytes(b"half")
    cache = SpeechCache(tmp_path)
    cache.put("a", frames(1))
    assert only_file(tmp_path).name == "a.pcm"


def fill(folder: Path, bound: int, seed: int) -> None:
    """Write entries of all sizes until somebody ends this."""
    cache = SpeechCache(folder, memory_bytes=0, disk_bytes=bound)
    for number in itertools.count(seed):
        cache.put(f"key{number % 50}", frames(number % 251, 1 + number % 9))


def test_writers_that_are_killed_at_any_moment_leave_whole_entries_within_the_bound(tmp_path: Path) -> None:
    bound = 60 * FRAME_BYTES
    spawn = multiprocessing.get_context("spawn")
    witness = SpeechCache(tmp_path, memory_bytes=0, disk_bytes=bound)
    for seed in (0, 10):
        writers = [spawn.Process(target=fill, args=(tmp_path, bound, seed + each)) for each in range(2)]
        for writer in writers:
            writer.start()
        seen = 0
        while seen < 50:
            # Nobody writes while this looks: what it sees is what a kill at this moment would leave.
            with sole_writer(tmp_path):
                held = [file.stat().st_size for file in tmp_path.iterdir()]
            assert sum(held) <= bound
            seen += bool(held)
        for writer in writers:
            writer.kill()
            writer.join(10)
            assert writer.exitcode == -signal.SIGKILL
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= bound
        for file in tmp_path.glob("*.pcm"):
            pcm = witness.get(file.stem)
            assert pcm is not None
            assert len(set(pcm)) == 1
        witness.put("after", frames(1))
        assert not list(tmp_path.glob("*.new"))


def write_and_check(folder: Path, rounds: int) -> None:
    for count in range(1, rounds):
        SpeechCache(folder).put("shared", frames(7, count))
        seen = SpeechCache(folder).get("shared")
        if seen is None or set(seen) != {7}:
            raise SystemExit(1)


def test_two_processes_never_see_half_a_file(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_and_check, args=(tmp_path, 40)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert only_file(tmp_path).suffix == ".pcm"
