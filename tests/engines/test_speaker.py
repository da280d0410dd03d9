"""The rendering pool: order, deadlines, overflow, cancelling, engines that hang."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from voicebot.core.events import Category
from voicebot.media.frames import FRAME_BYTES
from voicebot.testing.fake_tts import FakeTts
from voicebot.tts.cache import SpeechCache
from voicebot.tts.diction import Diction
from voicebot.tts.framing import render
from voicebot.tts.protocol import SpeakingFailed, TtsEngine
from voicebot.tts.speaker import Job, Speaker

FAR = 3_600.0
"""Seconds: a deadline that no test reaches."""


class Sink:
    """Collects one text. `endings` gets the category of a failure, or None for done."""

    def __init__(self, wanted_calls: int = 10**6) -> None:
        self.pcm = b""
        self.calls = 0
        self.endings: queue.Queue[Category | None] = queue.Queue()
        self._wanted_calls = wanted_calls

    def frames(self, pcm: bytes) -> bool:
        assert pcm
        assert len(pcm) % FRAME_BYTES == 0
        self.pcm += pcm
        self.calls += 1
        return self.calls < self._wanted_calls

    def done(self) -> None:
        self.endings.put(None)

    def failed(self, error: SpeakingFailed) -> None:
        self.endings.put(error.category)

    def ending(self) -> Category | None:
        return self.endings.get(timeout=10)


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def pool(
    cleanup: ExitStack, engine: TtsEngine, cache: SpeechCache | None = None, workers: int = 1, capacity: int = 64
) -> Speaker:
    speaker = Speaker(engine, cache, workers=workers, capacity=capacity)
    cleanup.callback(speaker.close)
    cleanup.callback(engine.close)
    return speaker


def job(owner: str, text: str, sink: Sink, *, due_in: float = FAR, epoch: int = 1) -> Job:
    return Job(owner, 1, epoch, text, sink, time.monotonic() + due_in)


def test_a_text_arrives_in_pieces_and_whole(cleanup: ExitStack) -> None:
    speaker, sink = pool(cleanup, FakeTts()), Sink()
    speaker.speak(job("a", "We open at nine.", sink))
    assert sink.ending() is None
    assert sink.pcm == render(FakeTts(), "We open at nine.")
    assert sink.calls > 1


def test_a_cached_phrase_is_there_when_speak_returns(cleanup: ExitStack) -> None:
    engine, cache = FakeTts(), SpeechCache()
    cache.warm(engine, ["One moment."])
    speaker, sink = pool(cleanup, engine, cache), Sink()
    speaker.speak(job("a", "One moment.", sink))
    assert sink.endings.get_nowait() is None
    assert sink.pcm == render(FakeTts(), "One moment.")


@pytest.mark.parametrize("failing", [FakeTts(fail=Category.UNAVAILABLE), FakeTts(hang_after=0, deaf=True)])
def test_a_recorded_phrase_is_there_when_speak_returns_whatever_the_engine_does(
    cleanup: ExitStack, failing: FakeTts
) -> None:
    diction = Diction(recordings={"one moment": bytes(3 * FRAME_BYTES)})
    speaker, late, sink = pool(cleanup, failing, SpeechCache()), Sink(), Sink()
    speaker.speak(job("a", "Hello.", late, due_in=0.05))
    assert late.ending() is not None
    speaker.speak(replace(job("a", "One moment!", sink), diction=diction))
    assert sink.endings.get_nowait() is None
    assert len(sink.pcm) == 3 * FRAME_BYTES
    assert failing.texts == ["Hello."]


def test_what_is_spoken_is_not_kept(cleanup: ExitStack) -> None:
    cache = SpeechCache()
    speaker, sink = pool(cleanup, FakeTts(), cache), Sink()
    speaker.speak(job("a", "Your order is late.", sink))
    sink.ending()
    assert cache.sizes() == (0, 0)


def test_texts_of_a_call_keep_their_order_even_when_one_is_cached(cleanup: ExitStack) -> None:
    engine, cache = FakeTts(hang_after=0), SpeechCache()
    cache.warm(FakeTts(), ["One moment."])
    speaker, first, second = pool(cleanup, engine, cache, workers=2), Sink(), Sink()
    speaker.speak(job("a", "Long answer.", first))
    speaker.speak(job("a", "One moment.", second, due_in=1.0))
    assert second.pcm == b""
    engine.released.set()
    assert first.ending() is None
    assert second.ending() is None


def test_the_earliest_deadline_goes_first_among_calls(cleanup: ExitStack) -> None:
    engine = FakeTts(hang_after=0)
    speaker, sinks = pool(cleanup, engine), [Sink() for _ in range(4)]
    speaker.speak(job("a", "blocker", sinks[0]))
    assert engine.hanging.acquire(timeout=10)
    speaker.speak(job("b", "late", sinks[1], due_in=FAR + 2))
    speaker.speak(job("c", "soon", sinks[2], due_in=FAR + 1))
    speaker.speak(job("a", "next", sinks[3], due_in=FAR + 3))
    engine.released.set()
    for sink in sinks:
        assert sink.ending() is None
    assert engine.texts == ["blocker", "soon", "late", "next"]


def test_too_many_texts_are_refused_and_counted(cleanup: ExitStack) -> None:
    engine = FakeTts(hang_after=0)
    speaker, sinks = pool(cleanup, engine, capacity=1), [Sink() for _ in range(3)]
    speaker.speak(job("a", "running", sinks[0]))
    assert engine.hanging.acquire(timeout=10)
    speaker.speak(job("b", "waiting", sinks[1]))
    speaker.speak(job("c", "refused", sinks[2]))
    assert sinks[2].endings.get_nowait() is Category.UNAVAILABLE
    assert speaker.refused == 1
    engine.released.set()
    assert [sink.ending() for sink in sinks[:2]] == [None, None]


def test_an_engine_that_fails_fails_its_text(cleanup: ExitStack) -> None:
    speaker, sink = pool(cleanup, FakeTts(fail=Category.RATE_LIMITED)), Sink()
    speaker.speak(job("a", "Hello.", sink))
    assert sink.ending() is Category.RATE_LIMITED


@pytest.mark.parametrize("deaf", [False, True])
def test_an_engine_that_hangs_costs_one_text_its_deadline_and_others_nothing(cleanup: ExitStack, *, deaf: bool) -> None:
    engine = FakeTts(hang_after=0, deaf=deaf)
    speaker, late, other = pool(cleanup, engine), Sink(), Sink()
    speaker.speak(job("a", "stuck", late, due_in=0.05))
    assert engine.hanging.acquire(timeout=10)
    engine.hang_after = None
    speaker.speak(job("b", "Hello.", other))
    assert late.ending() is Category.TIMEOUT
    assert other.ending() is None
    assert late.pcm == b""
    assert speaker.expired == 1
    assert engine.cancelled == ["stuck"]


def test_a_text_that_waits_too_long_is_never_rendered(cleanup: ExitStack) -> None:
    engine = FakeTts(hang_after=0, deaf=True)
    speaker, first, second = pool(cleanup, engine), Sink(), Sink()
    speaker.speak(job("a", "blocker", first))
    assert engine.hanging.acquire(timeout=10)
    speaker.speak(job("a", "late", second, due_in=0.05))
    assert second.ending() is Category.TIMEOUT
    engine.released.set()
    assert first.ending() is None
    assert engine.texts == ["blocker"]


def test_cancel_drops_older_epochs_running_and_waiting_and_keeps_the_new_one(cleanup: ExitStack) -> None:
    engine = FakeTts(hang_after=1)
    speaker, old, waiting, new = pool(cleanup, engine), Sink(), Sink(), Sink()
    speaker.speak(job("a", "old answer", old, epoch=1))
    speaker.speak(job("a", "its second clause", waiting, epoch=1))
    assert engine.hanging.acquire(timeout=10)
    given = old.pcm
    speaker.speak(job("a", "new answer", new, epoch=2))
    speaker.cancel("a", 2)
    assert new.ending() is None
    assert old.pcm == given
    assert old.endings.empty()
    assert waiting.endings.empty()
    assert engine.texts == ["old answer", "new answer"]
    assert engine.cancelled == ["old answer"]


def test_cancel_touches_one_call_only(cleanup: ExitStack) -> None:
    engine = FakeTts(hang_after=0)
    speaker, sink = pool(cleanup, engine), Sink()
    speaker.speak(job("a", "Hello.", sink))
    speaker.cancel("b")
    engine.released.set()
    assert sink.ending() is None


def test_a_sink_that_wants_no_more_gets_no_more(cleanup: ExitStack) -> None:
    engine = FakeTts()
    speaker, sink, after = pool(cleanup, engine), Sink(wanted_calls=1), Sink()
    speaker.speak(job("a", "A text of several chunks.", sink))
    speaker.speak(job("a", "Hello.", after))
    assert after.ending() is None
    assert sink.calls == 1
    assert sink.endings.empty()
    assert engine.cancelled == ["A text of several chunks."]


def test_closing_ends_what_hangs(cleanup: ExitStack) -> None:
    engine = FakeTts(hang_after=0)
    speaker, sink = pool(cleanup, engine), Sink()
    speaker.speak(job("a", "Hello.", sink))
    assert engine.hanging.acquire(timeout=10)
    speaker.close()
    assert sink.endings.empty()
    speaker.speak(job("a", "Hello?", sink))
    assert sink.endings.get_nowait() is Category.UNAVAILABLE
