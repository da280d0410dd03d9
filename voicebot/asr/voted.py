"""Moonshine, with Whisper's vote on numbers that the first did not hear as long as they were asked for.

Only a number whose length the bot knows can be voted on. When the first heard so many digits, they count, and nothing
is waited for; when it heard another number of digits, those of the second count if they are as many as were asked for.
The second hears an utterance only then. Of 168 numbers in four voices over G.711 the first has 160 right, both 165.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from voicebot.asr.protocol import NO_HINTS, AsrEngine, AsrResult, AsrStream, Heard, Hints, LearnsSentences
from voicebot.asr.utterance import UtteranceAudio
from voicebot.core.digits import digit_runs
from voicebot.media.frames import FRAME_BYTES, Pcm, whole_frames


class VotedEngine:
    """Two engines as one. The partials are the first one's."""

    name = "voted"

    def __init__(self, first: AsrEngine, second: AsrEngine) -> None:
        self._first = first
        self._second = second

    def warm_up(self) -> None:
        """Load both. Raises EngineUnavailableError."""
        self._first.warm_up()
        self._second.warm_up()

    def learn(self, sentences: tuple[str, ...]) -> None:
        """Make the first recogniser ready, if it learns."""
        if isinstance(self._first, LearnsSentences):
            self._first.learn(sentences)

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> AsrStream:
        """Start an utterance whose results go to `post`."""
        if not hints.digits:
            return self._first.open(post, hints)
        return VotedStream(self._first, self._second, post, hints, hints.digits)

    def close(self) -> None:
        """Release both."""
        self._first.close()
        self._second.close()


class VotedStream:
    """One utterance for which `length` digits are expected. The vote is asked for on the first engine's threads."""

    def __init__(
        self, first: AsrEngine, second: AsrEngine, post: Callable[[AsrResult], None], hints: Hints, length: int
    ) -> None:
        self._second = second
        self._post = post
        self._hints = hints
        self._length = length
        self._audio = UtteranceAudio()
        self._lock = threading.Lock()
        self._asked: tuple[int, Pcm] | None = None
        """The newest decode, and what was fed before it."""
        self._voting: AsrStream | None = None
        self._closed = False
        self._stream = first.open(self._heard, hints)

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes."""
        self._audio.append(frame)
        self._stream.feed(frame)

    def decode(self, number: int) -> None:
        """Ask for the text of everything fed so far."""
        with self._lock:
            self._asked = number, self._audio.snapshot()
        self._stream.decode(number)

    def close(self) -> None:
        """Forget the utterance."""
        with self._lock:
            self._closed = True
            voting, self._voting = self._voting, None
        self._stream.close()
        if voting is not None:
            voting.close()

    def _heard(self, result: AsrResult) -> None:
        with self._lock:
            asked = self._asked
        if not result.decode or asked is None or asked[0] != result.decode or not self._votable(result):
            self._post(result)
            return
        stream = self._second.open(lambda vote: self._voted(result, vote), self._hints)
        with self._lock:
            before, self._voting = self._voting, stream
            closed = self._closed
        if before is not None:
            before.close()
        audio = whole_frames(asked[1])
        for at in range(0, len(audio), FRAME_BYTES):
            stream.feed(audio[at : at + FRAME_BYTES])
        if closed:
            stream.close()
        else:
            stream.decode(result.decode)

    def _votable(self, result: AsrResult) -> bool:
        """Whether the first engine failed, or heard another number of digits than was asked for."""
        return not isinstance(result, Heard) or _digits(result) not in {0, self._length}

    def _voted(self, first: AsrResult, vote: AsrResult) -> None:
        if vote.decode != first.decode:
            return
        fits = isinstance(vote, Heard) and _digits(vote) == self._length
        if not isinstance(vote, Heard) or (isinstance(first, Heard) and not fits):
            self._post(first)
        else:
            self._post(replace(vote, finality=first.finality) if isinstance(first, Heard) else vote)


def _digits(heard: Heard) -> int:
    return sum(len(run.digits) for run in digit_runs(heard.text))
