"""The playout ring: what the bot will say next, in frames, and an exact log of what left it.

Renderers push, the clock thread pops one frame a tick, the driver pauses, resumes and flushes. Every frame belongs to a
speech and an epoch. Everything happens under one lock, so the log has one total order, and with the queued audio it
rebuilds the outgoing audio frame by frame (`replay_playout`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from voicebot.media.frames import FRAME_BYTES, SILENCE

LEFT_CAPACITY = 50
"""1 s of what left. Overflow policy: `drop_oldest`, counted: older audio is too old to come back as an echo."""


@dataclass(frozen=True, slots=True)
class Queued:
    """`frames` frames of `speech` were accepted before pop number `tick` (counted from 0)."""

    tick: int
    speech: int
    epoch: int
    frames: int


@dataclass(frozen=True, slots=True)
class Paused:
    """From pop number `tick` on nothing leaves."""

    tick: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """From pop number `tick` on frames leave again."""

    tick: int


@dataclass(frozen=True, slots=True)
class Flushed:
    """Before pop number `tick` everything older than `epoch` was dropped, and a pause ended."""

    tick: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Popped:
    """Consecutive frames of one speech left in the pops `tick_from` ... `tick_from + frames - 1`."""

    tick_from: int
    speech: int
    first_frame: int
    frames: int


PlayoutEntry = Queued | Paused | Resumed | Flushed | Popped


class Left(NamedTuple):
    """A frame of 640 bytes that left with pop number `tick`."""

    tick: int
    audio: bytes


class _Frame(NamedTuple):
    epoch: int
    speech: int
    number: int
    audio: bytes


class PlayoutRing:
    """Bounded queue of frames of 640 bytes (20 ms, 16 kHz, int16 mono).

    Overflow policy: `backpressure`. A full ring accepts only what fits; the renderer waits with `wait_for_space`.
    The log's overflow policy: `drop_newest`, counted in `log_dropped`; a call with a drop cannot be replayed.
    What left is kept for `take_left`, for 1 s; what nobody took counts in `left_dropped`.
    """

    def __init__(self, capacity_frames: int = 1500, log_capacity: int = 4096) -> None:
        self.log_dropped = 0
        self.left_dropped = 0
        self._capacity = capacity_frames
        self._log_capacity = log_capacity
        self._lock = threading.Lock()
        self._space = threading.Condition(self._lock)
        self._waiting = 0
        self._frames: deque[_Frame] = deque()
        self._accepted: dict[int, int] = {}
        self._epoch = 0
        self._paused = False
        self._ticks = 0
        self._log: list[PlayoutEntry] = []
        self._left: deque[Left] = deque(maxlen=LEFT_CAPACITY)
        self._run: Popped | None = None

    @property
    def ticks(self) -> int:
        """Pops so far, silent ones included."""
        return self._ticks

    @property
    def queued(self) -> int:
        """Frames that wait to be popped."""
        return len(self._frames)

    def is_over(self, epoch: int) -> bool:
        """Tell whether pushes of `epoch` are refused for good."""
        return epoch < self._epoch

    def push(self, speech: int, epoch: int, frames: bytes) -> int:
        """Append whole frames (n * 640 bytes) of `speech`; return how many fitted, 0 when the epoch is over.

        Raises ValueError when `frames` is not a whole number of frames.
        """
        if len(frames) % FRAME_BYTES:
            raise ValueError(f"push takes whole frames of {FRAME_BYTES} bytes, got {len(frames)} bytes")
        cut = [frames[at : at + FRAME_BYTES] for at in range(0, len(frames), FRAME_BYTES)]
        with self._lock:
            if epoch < self._epoch:
                return 0
            accepted = min(len(cut), self._capacity - len(self._frames))
            if accepted <= 0:
                return 0
            first = self._accepted.get(speech, 0)
            self._frames.extend(
                _Frame(epoch, speech, first + offset, audio) for offset, audio in enumerate(cut[:accepted])
            )
            self._accepted[speech] = first + accepted
            self._note(Queued(self._ticks, speech, epoch, accepted))
            return accepted

    def wait_for_space(self, timeout: float) -> bool:
        """Block up to `timeout` seconds until a frame fits or a flush came; tell whether there is space."""
        with self._space:
            if len(self._frames) >= self._capacity:
                self._waiting += 1
                try:
                    self._space.wait(timeout)
                finally:
                    self._waiting -= 1
            return len(self._frames) < self._capacity

    def pop(self) -> bytes | None:
        """Take the next frame, None for silence. Called once a tick by the clock thread; never blocks for long."""
        with self._lock:
            tick = self._ticks
            self._ticks = tick + 1
            if self._paused or not self._frames:
                return None
            frame = self._frames.popleft()
            self._extend_run(tick, frame)
            self.left_dropped += len(self._left) == LEFT_CAPACITY
            self._left.append(Left(tick, frame.audio))
            if self._waiting:
                self._space.notify_all()
            return frame.audio

    def pause(self) -> None:
        """Let nothing leave from the next tick on; keep what is queued."""
        with self._lock:
            if not self._paused:
                self._paused = True
                self._note(Paused(self._ticks))

    def resume(self) -> None:
        """Go on with the sample after the last one that left."""
        with self._lock:
            if self._paused:
                self._paused = False
                self._note(Resumed(self._ticks))

    def flush(self, epoch: int) -> None:
        """Drop every frame of an older epoch, refuse later pushes of one, and end a pause."""
        with self._lock:
            self._epoch = max(epoch, self._epoch)
            self._paused = False
            self._frames = deque(frame for frame in self._frames if frame.epoch >= self._epoch)
            self._note(Flushed(self._ticks, epoch))
            self._space.notify_all()

    def take_log(self) -> list[PlayoutEntry]:
        """Return what happened since the last call, in order, and forget it."""
        with self._lock:
            self._close_run()
            log, self._log = self._log, []
            return log

    def take_left(self) -> tuple[Left, ...]:
        """Return the frames that left since the last call, oldest first: what may come back as an echo."""
        with self._lock:
            left = tuple(self._left)
            self._left.clear()
            return left

    def _extend_run(self, tick: int, frame: _Frame) -> None:
        run = self._run
        if (
            run is not None
            and run.speech == frame.speech
            and run.tick_from + run.frames == tick
            and run.first_frame + run.frames == frame.number
        ):
            self._run = Popped(run.tick_from, run.speech, run.first_frame, run.frames + 1)
            return
        self._close_run()
        self._run = Popped(tick, frame.speech, frame.number, 1)

    def _close_run(self) -> None:
        if self._run is not None:
            run, self._run = self._run, None
            self._append(run)

    def _note(self, entry: PlayoutEntry) -> None:
        self._close_run()
        self._append(entry)

    def _append(self, entry: PlayoutEntry) -> None:
        if len(self._log) >= self._log_capacity:
            self.log_dropped += 1
        else:
            self._log.append(entry)


class ReplayMismatchError(Exception):
    """A log and its audio do not fit together, or the rebuilt pops differ from the logged ones."""


def replay_playout(
    log: Iterable[PlayoutEntry], audio: Mapping[int, bytes], ticks: int, silence: bytes = SILENCE
) -> bytes:
    """Rebuild the outgoing audio of `ticks` pops from a complete log.

    `audio` maps a speech to all its accepted frames, end to end. A frame is as long as `silence`, so that mu-law blobs
    (160 bytes of 0xFF) replay as well as 16 kHz frames. Raises ReplayMismatchError when the pops that follow from the
    queue operations are not the logged ones, or when audio is missing.
    """
    replay = _Replay(audio, silence)
    popped: list[Popped] = []
    for entry in log:
        if isinstance(entry, Popped):
            popped.append(entry)
            continue
        replay.run_to(entry.tick)
        replay.apply(entry)
    replay.run_to(ticks)
    if _ticked(popped) != replay.left:
        raise ReplayMismatchError("the logged pops are not those that follow from the queue operations")
    return b"".join(replay.out)


def _ticked(popped: Iterable[Popped]) -> list[tuple[int, int, int]]:
    return [
        (run.tick_from + offset, run.speech, run.first_frame + offset) for run in popped for offset in range(run.frames)
    ]


class _Replay:
    """The queue's rules once more, without locks: (tick, speech, frame) of what left, and the audio."""

    def __init__(self, audio: Mapping[int, bytes], silence: bytes) -> None:
        self.out: list[bytes] = []
        self.left: list[tuple[int, int, int]] = []
        self._audio = audio
        self._silence = silence
        self._queue: deque[tuple[int, int, int]] = deque()
        self._accepted: dict[int, int] = {}
        self._epoch = 0
        self._paused = False

    def run_to(self, tick: int) -> None:
        while len(self.out) < tick:
            if self._paused or not self._queue:
                self.out.append(self._silence)
                continue
            _, speech, index = self._queue.popleft()
            size = len(self._silence)
            frame = self._audio.get(speech, b"")[index * size : (index + 1) * size]
            if len(frame) != size:
                raise ReplayMismatchError(f"frame {index} of speech {speech} was queued, but its audio is missing")
            self.left.append((len(self.out), speech, index))
            self.out.append(frame)

    def apply(self, entry: Queued | Paused | Resumed | Flushed) -> None:
        match entry:
            case Queued():
                first = self._accepted.get(entry.speech, 0)
                self._queue.extend((entry.epoch, entry.speech, first + offset) for offset in range(entry.frames))
                self._accepted[entry.speech] = first + entry.frames
            case Paused():
                self._paused = True
            case Resumed():
                self._paused = False
            case Flushed():
                self._paused = False
                self._epoch = max(self._epoch, entry.epoch)
                self._queue = deque(queued for queued in self._queue if queued[0] >= self._epoch)
