from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.media.frames import FRAME_BYTES, SILENCE
from voicebot.media.playout import (
    LEFT_CAPACITY,
    Flushed,
    Paused,
    PlayoutEntry,
    PlayoutRing,
    Popped,
    Queued,
    ReplayMismatchError,
    Resumed,
    replay_playout,
)


def frames(*marks: int) -> bytes:
    return b"".join(bytes([mark]) * FRAME_BYTES for mark in marks)


def test_pops_what_was_pushed_then_silence() -> None:
    ring = PlayoutRing()
    assert ring.push(1, 0, frames(1, 2)) == 2
    assert [ring.pop(), ring.pop(), ring.pop()] == [frames(1), frames(2), None]
    assert ring.ticks == 3
    assert ring.take_log() == [Queued(0, 1, 0, 2), Popped(0, 1, 0, 2)]


def test_a_pause_keeps_the_next_frame_for_the_resume() -> None:
    ring = PlayoutRing()
    ring.push(1, 0, frames(1, 2))
    ring.pop()
    ring.pause()
    assert ring.pop() is None
    ring.resume()
    assert ring.pop() == frames(2)
    assert ring.take_log() == [
        Queued(0, 1, 0, 2),
        Popped(0, 1, 0, 1),
        Paused(1),
        Resumed(2),
        Popped(2, 1, 1, 1),
    ]


def test_a_flush_drops_old_epochs_ends_the_pause_and_refuses_late_audio() -> None:
    ring = PlayoutRing()
    ring.push(1, 0, frames(1, 1))
    ring.push(2, 1, frames(2))
    ring.pause()
    ring.flush(1)
    assert ring.push(1, 0, frames(1)) == 0
    assert ring.is_over(0)
    assert not ring.is_over(1)
    assert ring.pop() == frames(2)
    assert Flushed(0, 1) in ring.take_log()


def test_a_full_ring_takes_what_fits_and_says_so() -> None:
    ring = PlayoutRing(capacity_frames=2)
    assert ring.push(1, 0, frames(1, 2, 3)) == 2
    assert ring.push(1, 0, frames(3)) == 0
    assert not ring.wait_for_space(0)
    ring.pop()
    assert ring.wait_for_space(0)


def test_a_flush_wakes_a_renderer_that_waits_for_space() -> None:
    ring = PlayoutRing(capacity_frames=1)
    ring.push(1, 0, frames(1))
    woken = threading.Event()

    def wait() -> None:
        ring.wait_for_space(60)
        woken.set()

    renderer = threading.Thread(target=wait)
    renderer.start()
    ring.flush(1)
    renderer.join(60)
    assert woken.is_set()


def test_push_refuses_broken_frames() -> None:
    with pytest.raises(ValueError, match="whole frames"):
        PlayoutRing().push(1, 0, bytes(FRAME_BYTES + 1))


def test_a_full_log_drops_the_newest_and_counts() -> None:
    ring = PlayoutRing(log_capacity=1)
    ring.pause()
    ring.resume()
    assert ring.log_dropped == 1
    assert ring.take_log() == [Paused(0)]


def test_replay_rejects_a_log_that_does_not_follow_from_its_operations() -> None:
    log: list[PlayoutEntry] = [Queued(0, 1, 0, 1), Popped(1, 1, 0, 1)]
    with pytest.raises(ReplayMismatchError, match="follow from"):
        replay_playout(log, {1: frames(1)}, 2)


def test_replay_names_the_speech_whose_audio_is_missing() -> None:
    with pytest.raises(ReplayMismatchError, match="speech 7"):
        replay_playout([Queued(0, 7, 0, 1)], {}, 1)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(1, 3), st.integers(0, 3), st.integers(1, 5)),
        st.tuples(st.just("pop"), st.integers(1, 6)),
        st.tuples(st.just("pause")),
        st.tuples(st.just("resume")),
        st.tuples(st.just("flush"), st.integers(0, 4)),
        st.tuples(st.just("take_log")),
    ),
    max_size=60,
)


@given(operations=OPERATIONS)
def test_the_log_rebuilds_what_was_popped(operations: list[tuple[str | int, ...]]) -> None:
    ring = PlayoutRing(capacity_frames=8)
    audio: Counter[int] = Counter()
    stored: dict[int, bytes] = {}
    popped: list[bytes] = []
    log: list[PlayoutEntry] = []
    for name, *values in operations:
        numbers = [int(value) for value in values]
        if name == "push":
            speech, epoch, count = numbers
            first = audio[speech]
            chunk = frames(*(50 * speech + (first + offset) % 50 for offset in range(count)))
            accepted = ring.push(speech, epoch, chunk)
            audio[speech] += accepted
            stored[speech] = stored.get(speech, b"") + chunk[: accepted * FRAME_BYTES]
        elif name == "pop":
            popped += [ring.pop() or SILENCE for _ in range(numbers[0])]
        elif name == "flush":
            ring.flush(numbers[0])
        elif name == "take_log":
            log += ring.take_log()
        else:
            getattr(ring, str(name))()
    log += ring.take_log()
    assert replay_playout(log, stored, ring.ticks) == b"".join(popped)


def test_what_left_is_kept_for_a_second_with_its_ticks() -> None:
    ring = PlayoutRing()
    frames = [bytes([number]) * FRAME_BYTES for number in range(1, LEFT_CAPACITY + 3)]
    ring.push(1, 0, frames[0])
    assert ring.pop() is not None
    assert ring.pop() is None
    ring.push(1, 0, b"".join(frames[1:]))
    for _ in frames[1:]:
        ring.pop()
    left = ring.take_left()
    assert [frame.audio for frame in left] == frames[2:]
    assert [frame.tick for frame in left] == list(range(3, len(frames) + 1))
    assert ring.left_dropped == 2
    assert ring.take_left() == ()
