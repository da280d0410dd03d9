"""A bot that says back what it hears: the smallest owner of SIP legs, for tests of the SIP side alone."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from voicebot.sip.legs import Accept, Admission, IncomingCall, LegNews, Refuse

_FRAMES = 50
_PATIENCE_S = 10.0

_News = TypeVar("_News", bound=LegNews)


class FrameLoop:
    """Gives back the frames it was given, in order. Holds 50; beyond that the oldest is dropped, not counted."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque(maxlen=_FRAMES)
        self.heard = 0
        """Frames that were not pure silence."""

    def put(self, frame: bytes) -> None:
        """Keep a frame."""
        if any(frame):
            self.heard += 1
        self._frames.append(frame)

    def pop(self) -> bytes | None:
        """Give the oldest frame back."""
        return self._frames.popleft() if self._frames else None


@dataclass
class EchoLeg:
    """Owner of one leg: echoes its frames and keeps its news in order."""

    call: IncomingCall
    loop: FrameLoop = field(default_factory=FrameLoop)
    news: list[LegNews] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def frames(self) -> FrameLoop:
        """Where the caller's audio goes."""
        return self.loop

    @property
    def playout(self) -> FrameLoop:
        """Where it comes back from."""
        return self.loop

    def post(self, news: LegNews) -> None:
        """Keep news and wake whoever waits for it."""
        with self.changed:
            self.news.append(news)
            self.changed.notify_all()

    def wait_for(self, kind: type[_News], *, count: int = 1, timeout_s: float = _PATIENCE_S) -> list[_News]:
        """Wait until there is that much news of a kind and return all of it. Raises TimeoutError."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self._of(kind)) >= count, timeout_s):
                raise TimeoutError(f"leg {self.call.leg} has no {count} {kind.__name__} but {self.news}")
            return self._of(kind)

    def _of(self, kind: type[_News]) -> list[_News]:
        return [news for news in self.news if isinstance(news, kind)]


class EchoSwitchboard:
    """Admits what `decide` lets in and, unless told otherwise, has it answered at once."""

    def __init__(self) -> None:
        self.answer: Callable[[int], None] = lambda _leg: None
        """Called with each admitted leg; set it to `UserAgent.answer`."""
        self.decide: Callable[[IncomingCall], Refuse | None] = lambda _call: None
        self.legs: list[EchoLeg] = []
        self._arrived = threading.Condition()

    def admit(self, call: IncomingCall) -> Admission:
        """Take an INVITE, on the SIP thread."""
        refusal = self.decide(call)
        if refusal is not None:
            return refusal
        leg = EchoLeg(call)
        with self._arrived:
            self.legs.append(leg)
            self._arrived.notify_all()
        self.answer(call.leg)
        return Accept(leg)

    def wait_for_leg(self, number: int = 1) -> EchoLeg:
        """Wait for the `number`-th admitted call. Raises TimeoutError after 10 s."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.legs) >= number, _PATIENCE_S):
                raise TimeoutError(f"only {len(self.legs)} calls came")
            return self.legs[number - 1]
