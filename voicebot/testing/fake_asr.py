"""A recogniser that hears what its script says, when it is told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from voicebot.asr.protocol import NO_HINTS, AsrResult, Heard, HearingFailed, Hints
from voicebot.media.frames import FRAME_BYTES

Line = str | HearingFailed


class FakeAsr:
    """Answers each new utterance with the next line of the script ("" when it is used up).

    By default a decode is answered at once, on the caller's thread. With `stepped`, answers wait for `step()`.
    """

    name = "fake"

    def __init__(self, script: Iterable[Line] = (), *, stepped: bool = False) -> None:
        self.opened: list[FakeAsrStream] = []
        self._script = deque(script)
        self._stepped = stepped
        self._waiting: deque[Callable[[], None]] = deque()

    def warm_up(self) -> None:
        """Nothing to load."""

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> FakeAsrStream:
        """Start an utterance that will be heard as the script's next line, whatever the hints."""
        stream = FakeAsrStream(self, post, self._script.popleft() if self._script else "", hints)
        self.opened.append(stream)
        return stream

    def close(self) -> None:
        """Forget answers that wait."""
        self._waiting.clear()

    def step(self) -> bool:
        """Give the oldest answer that waits; tell whether there was one."""
        if not self._waiting:
            return False
        self._waiting.popleft()()
        return True

    def answer(self, give: Callable[[], None]) -> None:
        """Give an answer now, or keep it for `step()`."""
        if self._stepped:
            self._waiting.append(give)
        else:
            give()


class FakeAsrStream:
    """One utterance; counts the frames that it is fed and keeps the hints."""

    def __init__(self, engine: FakeAsr, post: Callable[[AsrResult], None], line: Line, hints: Hints) -> None:
        self.hints = hints
        self.frames = 0
        self.closed = False
        self._engine = engine
        self._post = post
        self._line = line

    def feed(self, frame: bytes) -> None:
        """Take one frame. Raises ValueError when it is not 640 bytes long."""
        if len(frame) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, got {len(frame)}")
        self.frames += 1

    def hear(self, text: str) -> None:
        """Post an unasked partial."""
        self._post(Heard(0, text, 1.0))

    def decode(self, number: int) -> None:
        """Answer with the scripted line; with "" when nothing was fed."""
        line = self._line if self.frames else ""
        self._engine.answer(lambda: self._give(number, line))

    def close(self) -> None:
        """Answer nothing any more."""
        self.closed = True

    def _give(self, number: int, line: Line) -> None:
        if self.closed:
            return
        if isinstance(line, HearingFailed):
            self._post(HearingFailed(number, line.category, line.permanent, line.detail))
        else:
            self._post(Heard(number, line, 1.0))
