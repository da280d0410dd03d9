"""RTP over a bad link: lost frames are concealed, and what the caller says stays where it was in time.

The concealment is pjsip's own; here it is measured at the port, where the bot hears.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from voicebot.sip.legs import Accept, Admission, IncomingCall, LegNews
from voicebot.sip.settings import SipSettings
from voicebot.sip.user_agent import UserAgent
from voicebot.testing.link import Link, Quality
from voicebot.testing.phone import Phone
from voicebot.testing.phone.sdp import PCMA, PCMU

SECONDS = 4
LOW_HZ, HIGH_HZ = 437, 1_100
"""Whole seconds are told apart by their pitch."""
LEVEL = 8_000
FRAME = 320
WINDOW = 160
"""10 ms at 16 kHz."""
QUIET_RMS = 0.1 * LEVEL / 2**0.5
"""A frame below this, 20 dB under the tone, would be heard as a hole."""


@dataclass
class Ear:
    """Keeps what one caller says, and says nothing."""

    kept: list[bytes] = field(default_factory=list)
    grown: threading.Condition = field(default_factory=threading.Condition)

    @property
    def frames(self) -> Ear:
        return self

    @property
    def playout(self) -> Ear:
        return self

    def put(self, frame: bytes) -> None:
        with self.grown:
            self.kept.append(frame)
            self.grown.notify_all()

    def pop(self) -> bytes | None:
        return None

    def post(self, news: LegNews) -> None:
        pass

    def wait_for(self, frames: int) -> None:
        """Wait until that many more frames came."""
        with self.grown:
            until = len(self.kept) + frames
            assert self.grown.wait_for(lambda: len(self.kept) >= until, 10)


class Listening:
    """A user agent that listens to whoever calls."""

    def __init__(self) -> None:
        self.ears: list[Ear] = []
        self.agent = UserAgent(SipSettings(host="127.0.0.1", port=0, rtp_port=42_400), self._admit)
        self.agent.start()

    def _admit(self, call: IncomingCall) -> Admission:
        self.ears.append(Ear())
        self.agent.answer(call.leg)
        return Accept(self.ears[-1])


@pytest.fixture(scope="module")
def listening() -> Iterator[Listening]:
    made = Listening()
    yield made
    made.agent.stop()


def spoken() -> NDArray[np.int16]:
    pitch = np.where(np.arange(8_000 * SECONDS) // 8_000 % 2, HIGH_HZ, LOW_HZ)
    return np.asarray(np.rint(LEVEL * np.sin(np.cumsum(2 * np.pi * pitch / 8_000))), np.int16)


def heard(listening: Listening, link: Link, codec: int = PCMU) -> NDArray[np.float64]:
    """Speak for some seconds over a link; return what the bot heard of that, at 16 kHz, in whole frames."""
    with Phone(codecs=(codec,)) as phone:
        phone.dial(f"sip:bot@127.0.0.1:{listening.agent.port}")
        phone.wait_answered()
        phone.impair(link)
        phone.say(spoken())
        ear = listening.ears[-1]
        ear.wait_for(15)
        frames = np.frombuffer(b"".join(ear.kept), "<i2").reshape(-1, FRAME).astype(np.float64)
    loud = np.flatnonzero(rms(frames) > QUIET_RMS)
    return frames[loud[0] : loud[-1] + 1]


def rms(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.square(frames).mean(axis=1)))


def pitch_changes_ms(frames: NDArray[np.float64]) -> list[int]:
    """Return when the pitch changed, to 10 ms, counted from the first change."""
    windows = frames.reshape(-1, WINDOW)
    at = np.arange(WINDOW) / 16_000
    low, high = (np.abs(windows @ np.exp(-2j * np.pi * pitch * at)) for pitch in (LOW_HZ, HIGH_HZ))
    # A concealed frame may hold a bit of both: most of 90 ms decide.
    is_high = np.convolve(high > low, np.ones(9) / 9, "same") > 0.5
    changes = np.flatnonzero(np.diff(is_high[:-5].astype(int))) * 10
    return [int(change - changes[0]) for change in changes]


@pytest.mark.parametrize(
    ("quality", "codec"),
    [
        (Quality(loss=0.05), PCMU),
        (Quality(loss=0.05), PCMA),
        (Quality(loss=0.2), PCMU),
        (Quality(outage_every_ms=1_000, outage_ms=60), PCMU),
    ],
    ids=["5 %", "5 % of A-law", "20 %", "60 ms a second"],
)
def test_lost_frames_are_concealed_and_time_goes_on(listening: Listening, quality: Quality, codec: int) -> None:
    link = Link(quality, seed=1)
    frames = heard(listening, link, codec)
    assert link.lost >= 0.03 * link.sent
    holes = int((rms(frames) < QUIET_RMS).sum())
    # Of 20 % some runs are longer than the 80 ms or so that can be concealed.
    assert holes <= 0.02 * link.lost
    assert not (frames == 0).all(axis=1).any()
    assert abs(len(frames) - SECONDS * 50) <= 5
    changes = pitch_changes_ms(frames)
    assert len(changes) == SECONDS - 1
    assert all(abs(change - second * 1_000) <= 100 for second, change in enumerate(changes))


@pytest.mark.slow
@pytest.mark.parametrize(
    "quality",
    [
        Quality(delay_ms=20, jitter_ms=35),
        Quality(reorder=0.1),
        Quality(duplicate=0.2),
    ],
    ids=["jitter", "reordering", "duplicates"],
)
def test_a_link_that_loses_nothing_costs_nothing(listening: Listening, quality: Quality) -> None:
    frames = heard(listening, Link(quality, seed=1))
    assert (rms(frames) > QUIET_RMS).all()
    changes = pitch_changes_ms(frames)
    assert all(abs(change - second * 1_000) <= 100 for second, change in enumerate(changes))


@pytest.mark.slow
def test_a_long_outage_fades_to_silence_and_does_not_shift_what_follows(listening: Listening) -> None:
    frames = heard(listening, Link(Quality(outage_every_ms=2_500, outage_ms=400), seed=1))
    assert (frames == 0).all(axis=1).any()
    assert abs(len(frames) - SECONDS * 50) <= 30
