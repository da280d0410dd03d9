"""The bot's audio on its way out: rendered speech into the playout ring, and what left it back to the core."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping

from voicebot.core.commands import FlushPlayout, Prepare, Speak
from voicebot.core.events import FRAME_MS, EngineFailed, Event, Played, Role, SpeechRendered
from voicebot.core.mouth import SPEAKING_RATE
from voicebot.journal.writer import CallJournal
from voicebot.media.frames import FRAME_BYTES
from voicebot.media.playout import PlayoutRing, Popped
from voicebot.runtime.prepared import Prepared
from voicebot.tts.diction import PLAIN, Diction
from voicebot.tts.protocol import SpeakingFailed
from voicebot.tts.speaker import Job, Speaker

SPACE_WAIT_S = 0.25
"""How long a renderer waits on a full ring before it looks again whether anybody still wants its audio."""

AHEAD_FRAMES = 500
"""A text is given to the renderer when no more than 10 s are queued or rendered before it: so a long answer neither
fills the ring nor keeps a renderer that other calls need."""

REPORT_FRAMES = 10
"""The core hears of rendered audio every 200 ms at most: it needs edges, not frames."""


class _Rendering:
    """Takes one speech's audio on a renderer's thread."""

    def __init__(self, speaking: Speaking, command: Speak) -> None:
        self.over = False
        self._speaking = speaking
        self._speech = command.speech
        self._epoch = command.epoch
        self._expected = len(command.text) * 1000 // (SPEAKING_RATE * FRAME_MS)
        self._frames = 0
        self._reported = 0

    @property
    def owed(self) -> int:
        """Frames that will probably still come."""
        return 0 if self.over else max(0, self._expected - self._frames)

    def frames(self, pcm: bytes) -> bool:
        """Queue whole frames; False when nobody wants them any more."""
        ring = self._speaking.ring
        while pcm:
            accepted = ring.push(self._speech, self._epoch, pcm)
            if accepted:
                self._speaking.journal.queued_audio(self._speech, pcm[: accepted * FRAME_BYTES])
                self._frames += accepted
                self._report()
                pcm = pcm[accepted * FRAME_BYTES :]
            elif ring.is_over(self._epoch) or self._speaking.closed:
                return False
            else:
                ring.wait_for_space(SPACE_WAIT_S)
        return True

    def _report(self) -> None:
        if not self._reported or self._frames - self._reported >= REPORT_FRAMES:
            self._reported = self._frames
            self._speaking.post(SpeechRendered(self._speech, self._frames, final=False))

    def done(self) -> None:
        """Say that all of it was queued."""
        self.over = True
        self._speaking.post(SpeechRendered(self._speech, self._frames, final=True))

    def failed(self, error: SpeakingFailed) -> None:
        """Say that no more will come."""
        self.over = True
        self._speaking.post(EngineFailed(Role.TTS, self._speech, error.category, error.permanent))


class Speaking:
    """Owns the ring's log. Its methods are for the driver thread; renderers use `ring`, `post` and `journal`."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a call's audio goes through, from text to ring
        self,
        ring: PlayoutRing,
        speakers: Mapping[str, Speaker],
        patience_s: float,
        journal: CallJournal,
        post: Callable[[Event], None],
        diction: Diction = PLAIN,
    ) -> None:
        self.ring = ring
        self.journal = journal
        self.post = post
        self.closed = False
        self._speakers = speakers
        self._patience_s = patience_s
        self._diction = diction
        self._ahead = (journal.call_id, "ahead")
        """Owns what is prepared: a lane of its own, since it must not wait for what is being said."""
        self._waiting: deque[Speak] = deque()
        self._given: list[_Rendering] = []
        self._prepared: Prepared | None = None
        self._released: Prepared | None = None
        self._log_dropped = 0

    def prepare(self, command: Prepare) -> None:
        """Render a text without saying it, in place of the one that was prepared before."""
        self._drop_prepared()
        self._prepared = Prepared(command.text, command.engine)
        deadline_s = time.monotonic() + self._patience_s
        job = Job(self._ahead, 0, 0, command.text, self._prepared, deadline_s, self._diction)
        self._speakers[command.engine].speak(job)

    def speak(self, command: Speak) -> None:
        """Render a speech in its turn; one that is cached or prepared is in the ring when this returns."""
        self._waiting.append(command)
        self.go_on()

    def go_on(self) -> None:
        """Give the renderer what is next. Speech that was prepared comes out of another lane: nothing passes it."""
        while (
            self._waiting
            and (before := self._frames_before_next()) <= AHEAD_FRAMES
            and (self._released is None or self._released.over)
        ):
            command = self._waiting.popleft()
            rendering = _Rendering(self, command)
            self._given.append(rendering)
            prepared, self._released = self._prepared, None
            if prepared is not None and (prepared.text, prepared.engine) == (command.text, command.engine):
                self._prepared, self._released = None, prepared
                prepared.release(rendering)
                continue
            self._drop_prepared()
            deadline_s = time.monotonic() + before * FRAME_MS / 1000 + self._patience_s
            call = self.journal.call_id
            job = Job(call, command.speech, command.epoch, command.text, rendering, deadline_s, self._diction)
            self._speakers[command.engine].speak(job)

    def _frames_before_next(self) -> int:
        """Guess what plays before the next text. Later sentences of one answer are not urgent: those of others are."""
        self._given = [rendering for rendering in self._given if not rendering.over]
        return self.ring.queued + sum(rendering.owed for rendering in self._given)

    def flush(self, command: FlushPlayout) -> None:
        """Silence first, then the workers: the ring drops old audio at once, whatever still renders."""
        self.ring.flush(command.epoch)
        self._waiting.clear()
        self._given.clear()
        self._released = None
        self._drop_prepared()
        self._cancel(self.journal.call_id, command.epoch)

    def _drop_prepared(self) -> None:
        if self._prepared is not None:
            self._prepared.drop()
            self._prepared = None
        if self._released is None:
            self._cancel(self._ahead)

    def _cancel(self, owner: Hashable, before_epoch: int | None = None) -> None:
        for speaker in self._speakers.values():
            speaker.cancel(owner, before_epoch)

    def progress(self, now_ms: int) -> tuple[Played, ...]:
        """Journal what happened in the ring since the last time; return what was played of each speech, cumulative."""
        self.go_on()
        entries = self.ring.take_log()
        if not entries:
            return ()
        self.journal.playout(now_ms, self.ring.ticks, entries)
        if self.ring.log_dropped > self._log_dropped:
            self._log_dropped = self.ring.log_dropped
            self.journal.not_replayable()
        played: dict[int, int] = {}
        for entry in entries:
            if isinstance(entry, Popped):
                played[entry.speech] = entry.first_frame + entry.frames
        return tuple(Played(speech, frames) for speech, frames in played.items())

    def close(self) -> None:
        """Stop rendering for this call."""
        self.closed = True
        self._waiting.clear()
        self._cancel(self.journal.call_id)
        self._cancel(self._ahead)
