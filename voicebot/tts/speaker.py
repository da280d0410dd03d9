"""The pool that renders speech for all calls of a process.

Texts of one call are rendered one after another; among calls the earliest deadline goes first, because an engine in
process is one scarce thread. A phrase that is recorded, or that the cache holds in memory, does not wait for it: it is
delivered in `speak` itself, so that it starts with the next frame.

An engine that hangs is left behind: its text fails at its deadline, and another worker takes the stuck one's place.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol

from voicebot.core.events import Category
from voicebot.remote.watchdog import Watchdog
from voicebot.tts.cache import SpeechCache, speech_key
from voicebot.tts.diction import PLAIN, Diction
from voicebot.tts.framing import FrameMaker
from voicebot.tts.protocol import SpeakingFailed, TtsEngine, TtsStream

_LOG = logging.getLogger(__name__)

GAP_S = 5.0
"""An engine that has begun to speak and hands out nothing for so long has failed; remote ones have tighter limits."""
CANCEL_S = 1.0
"""A worker that has not come back so long after a cancel counts as stuck."""
STUCK_LIMIT = 4
"""Stuck workers are replaced up to this number, so that a broken engine does not breed threads."""


class SpeechSink(Protocol):
    """Where the audio of one text goes. Called on a worker's thread or inside `speak`.

    `frames` may wait while the playout ring is full, but holds a worker as long as it does.
    """

    def frames(self, pcm: bytes) -> bool:
        """Take whole frames of 640 bytes; False to stop."""

    def done(self) -> None:
        """All of it was given."""

    def failed(self, error: SpeakingFailed) -> None:
        """No more will come."""


@dataclass(frozen=True, slots=True)
class Job:
    """One text to speak. `owner` stands for the call, and is compared by equality.

    `deadline` is when the first audio is due, on `time.monotonic()`, in seconds.
    """

    owner: Hashable
    speech: int
    epoch: int
    text: str
    sink: SpeechSink
    deadline: float
    diction: Diction = PLAIN


_keys = itertools.count(1)


@dataclass(slots=True, eq=False)
class _Rendering:
    """A job on its way. `over`: nothing more may reach the sink."""

    job: Job
    text: str
    """The job's text as it is spoken."""
    recorded: bytes | None = None
    key: int = field(default_factory=lambda: next(_keys))
    stream: TtsStream | None = None
    over: bool = False
    replaced: bool = False
    """The worker was given up; it ends when it comes back."""

    @property
    def wanted(self) -> bool:
        """Whether the sink still hears of it; another thread may change that at any time."""
        return not self.over


@dataclass(slots=True)
class _Lane:
    """The jobs of one call, in order."""

    waiting: deque[_Rendering] = field(default_factory=deque)
    running: _Rendering | None = None


class Speaker:
    """Renders for many calls with `workers` threads: one for an engine in process, several for a remote one.

    At most `capacity` texts wait. Overflow policy: refuse the newest; it fails as unavailable and counts in `refused`.
    `expired` counts texts that missed their deadline, `stuck` the workers that are lost in an engine right now.
    `rendered` is told of each text that the engine itself, not the cache, has rendered to its end.
    """

    def __init__(
        self,
        engine: TtsEngine,
        cache: SpeechCache | None = None,
        *,
        workers: int = 1,
        capacity: int = 64,
        rendered: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine = engine
        self.cache = cache
        self.refused = 0
        self.expired = 0
        self.stuck = 0
        self._capacity = capacity
        self._rendered = rendered
        self._lanes: dict[Hashable, _Lane] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._watchdog = Watchdog("tts-deadlines")
        self._threads = [self._new_worker() for _ in range(workers)]

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.engine.name

    def speak(self, job: Job) -> None:
        """Take a job and return at once. Its sink gets frames, then `done` or `failed`, unless it is cancelled."""
        rendering = _Rendering(job, job.diction.spoken(job.text), job.diction.recorded(job.text))
        cached = rendering.recorded
        if cached is None and self.cache is not None:
            cached = self.cache.in_memory(speech_key(self.engine, rendering.text))
        with self._changed:
            at_once = cached is not None and job.owner not in self._lanes
            waiting = sum(len(lane.waiting) for lane in self._lanes.values())
            refused = not at_once and (self._closed or waiting >= self._capacity)
            self.refused += refused
            if not at_once and not refused:
                self._lanes.setdefault(job.owner, _Lane()).waiting.append(rendering)
                self._watch(rendering, job.deadline - time.monotonic())
                self._changed.notify()
        if refused:
            self._end(rendering, SpeakingFailed(Category.UNAVAILABLE, permanent=False, detail="too many texts wait"))
        elif at_once and cached is not None:
            self._deliver(rendering, cached)

    def cancel(self, owner: Hashable, before_epoch: int | None = None) -> None:
        """Drop the texts of `owner` with an epoch below `before_epoch`, or all. Their sinks hear no more."""
        with self._changed:
            lane = self._lanes.get(owner)
            if lane is None:
                return
            dropped = [r for r in lane.waiting if before_epoch is None or r.job.epoch < before_epoch]
            for rendering in dropped:
                lane.waiting.remove(rendering)
                self._watchdog.disarm(rendering.key)
            running = lane.running
            if running is not None and (before_epoch is None or running.job.epoch < before_epoch):
                dropped.append(running)
                self._watch(running, CANCEL_S)
            for rendering in dropped:
                rendering.over = True
            self._tidy(owner)
        for rendering in dropped:
            if rendering.stream is not None:
                rendering.stream.cancel()

    def close(self) -> None:
        """Cancel everything and end the workers. One that is stuck in an engine is left behind."""
        with self._changed:
            self._closed = True
            owners = list(self._lanes)
            self._changed.notify_all()
        for owner in owners:
            self.cancel(owner)
        for thread in self._threads:
            thread.join(CANCEL_S)
        self._watchdog.close()

    def _new_worker(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name="tts-worker", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        while (rendering := self._next()) is not None:
            try:
                self._render(rendering)
            except Exception as error:  # noqa: BLE001 - the root of a worker; the text fails, the worker goes on
                _LOG.error("speech failed unexpectedly", extra={"error": type(error).__name__})
                self._end(rendering, SpeakingFailed(Category.INTERNAL, permanent=False, detail=type(error).__name__))
            with self._changed:
                self._watchdog.disarm(rendering.key)
                if rendering.replaced:
                    self.stuck -= 1
                    return
                lane = self._lanes.get(rendering.job.owner)
                if lane is not None and lane.running is rendering:
                    lane.running = None
                self._tidy(rendering.job.owner)
                self._changed.notify()

    def _next(self) -> _Rendering | None:
        """Wait for the job with the earliest deadline among the first of each call; None when the pool closes."""
        with self._changed:
            while not self._closed:
                ready = [lane for lane in self._lanes.values() if lane.waiting and lane.running is None]
                if ready:
                    lane = min(ready, key=lambda lane: lane.waiting[0].job.deadline)
                    lane.running = lane.waiting.popleft()
                    return lane.running
                self._changed.wait()
            return None

    def _render(self, rendering: _Rendering) -> None:
        text = rendering.text
        cached = rendering.recorded
        if cached is None and self.cache is not None:
            cached = self.cache.get(speech_key(self.engine, text))
        if cached is not None:
            self._deliver(rendering, cached)
            return
        try:
            stream = self.engine.open(text)
            with self._changed:
                rendering.stream = stream
                if rendering.over:
                    return
            maker = FrameMaker(self.engine.rate)
            for chunk in stream.chunks():
                if not self._pass_on(rendering, maker.push(chunk)):
                    stream.cancel()
                    return
            self._pass_on(rendering, maker.finish())
        except SpeakingFailed as error:
            self._end(rendering, error)
        else:
            self._rendered()
            self._end(rendering, None)

    def _deliver(self, rendering: _Rendering, pcm: bytes) -> None:
        self._pass_on(rendering, pcm)
        self._end(rendering, None)

    def _pass_on(self, rendering: _Rendering, pcm: bytes) -> bool:
        """Give frames to the sink; False when the text is over. Silence that was trimmed does not meet the deadline."""
        with self._changed:
            if rendering.over:
                return False
            if not pcm:
                return True
            self._watchdog.disarm(rendering.key)
        wanted = rendering.job.sink.frames(pcm)
        with self._changed:
            if not wanted:
                rendering.over = True
            going_on = rendering.wanted
            if going_on:
                self._watch(rendering, GAP_S)
            return going_on

    def _end(self, rendering: _Rendering, failure: SpeakingFailed | None) -> None:
        with self._changed:
            if rendering.over:
                return
            rendering.over = True
            self._watchdog.disarm(rendering.key)
        if failure is None:
            rendering.job.sink.done()
        else:
            rendering.job.sink.failed(failure)

    def _watch(self, rendering: _Rendering, seconds: float) -> None:
        self._watchdog.arm(rendering.key, seconds, lambda: self._expire(rendering))

    def _expire(self, rendering: _Rendering) -> None:
        """Fail a text that is late, and replace the worker that is stuck in it."""
        job = rendering.job
        with self._changed:
            lane = self._lanes.get(job.owner)
            if lane is None:
                return
            was_over, rendering.over = rendering.over, True
            self.expired += not was_over
            if lane.running is rendering:
                lane.running = None
                self._replace_worker(rendering)
            elif rendering in lane.waiting:
                lane.waiting.remove(rendering)
            self._tidy(job.owner)
            self._changed.notify()
        if rendering.stream is not None:
            rendering.stream.cancel()
        if not was_over:
            job.sink.failed(SpeakingFailed(Category.TIMEOUT, permanent=False, detail="no audio within the deadline"))

    def _replace_worker(self, rendering: _Rendering) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        rendering.replaced = self.stuck < STUCK_LIMIT and not self._closed
        if rendering.replaced:
            self.stuck += 1
            self._threads.append(self._new_worker())

    def _tidy(self, owner: Hashable) -> None:
        lane = self._lanes.get(owner)
        if lane is not None and lane.running is None and not lane.waiting:
            del self._lanes[owner]
