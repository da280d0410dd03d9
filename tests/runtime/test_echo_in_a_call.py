"""What left the playout ring is not heard as the caller."""

from __future__ import annotations

import numpy as np

from tests.media.test_echo import TURN_TAKING, bot, leak, line
from voicebot.core.events import SpeechPaused, SpeechStarted
from voicebot.media.frames import FRAME_BYTES, SILENCE, whole_frames
from voicebot.media.playout import PlayoutRing
from voicebot.runtime.hearing import Hearing
from voicebot.runtime.inbox import CallClock, Frame, Inbox
from voicebot.testing.fake_asr import FakeAsr


def edges(delay_ms: int) -> list[SpeechStarted | SpeechPaused]:
    """Return what is heard of a call in which the bot speaks and the caller's phone leaks."""
    ring = PlayoutRing()
    inbox: Inbox[None] = Inbox(CallClock())
    inbox.follow(ring)
    hearing = Hearing({"": FakeAsr()}, TURN_TAKING, ring, lambda _: None)
    said, caller = whole_frames(bot()), line(leak(delay_ms, -12, np.ones(1)))
    found = []
    for tick in range(len(caller) // FRAME_BYTES):
        at = tick * FRAME_BYTES
        ring.push(1, 0, said[at : at + FRAME_BYTES] or SILENCE)
        ring.pop()
        inbox.put(caller[at : at + FRAME_BYTES])
        frame = inbox.take(0)
        assert isinstance(frame, Frame)
        edge = hearing.hear(Frame(frame.audio, 20 * (tick + 1), frame.tick))
        if edge is not None:
            found.append(edge)
    return found


def test_the_bot_is_not_interrupted_by_itself() -> None:
    assert edges(delay_ms=150) == []


def test_a_frame_carries_the_pops_until_it_came() -> None:
    ring, inbox = PlayoutRing(), Inbox[None](CallClock())
    inbox.follow(ring)
    ring.pop()
    ring.pop()
    inbox.put(SILENCE)
    frame = inbox.take(0)
    assert isinstance(frame, Frame)
    assert frame.tick == 2
