"""What several calls want said at once, in the order in which it will be missed."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.core.commands import FlushPlayout, Layer, Speak
from voicebot.core.events import Event, SpeechRendered
from voicebot.journal.writer import CallJournal, JournalWriter
from voicebot.media.frames import FRAME_BYTES
from voicebot.media.playout import PlayoutRing
from voicebot.runtime.speaking import Speaking
from voicebot.testing.fake_tts import FakeTts
from voicebot.tts.cache import SpeechCache
from voicebot.tts.diction import PLAIN, Diction
from voicebot.tts.framing import render
from voicebot.tts.speaker import Speaker

PATIENCE_S = 60.0
LONG = "A sentence that takes the bot more than four seconds to say, {} in all."


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path, None)
    yield writer
    writer.close()


def speak(speech: int, text: str) -> Speak:
    return Speak(speech, 0, text, Layer.ANSWER)


def test_the_rest_of_one_answer_waits_for_the_beginning_of_anothers(writer: JournalWriter) -> None:
    engine = FakeTts(hang_after=0)
    speaker = Speaker(engine, None, workers=1, capacity=16)
    told: queue.Queue[Event] = queue.Queue()
    first, other = (
        Speaking(PlayoutRing(), {"": speaker}, PATIENCE_S, CallJournal(writer, name), told.put)
        for name in ("first", "other")
    )
    texts = [LONG.format(number) for number in ("one", "two", "three", "four")]
    for number, text in enumerate(texts, 1):
        first.speak(speak(number, text))
    assert engine.hanging.acquire(timeout=10)
    other.speak(speak(1, "We open at nine."))
    engine.released.set()
    ended = 0
    while ended < 4:
        ended += getattr(told.get(timeout=10), "final", False)
    assert engine.texts == [texts[0], "We open at nine.", texts[1], texts[2]]
    first.flush(FlushPlayout(1))
    first.speak(Speak(5, 1, texts[3], Layer.ANSWER))
    told_last = told.get(timeout=10)
    assert isinstance(told_last, SpeechRendered)
    assert told_last.speech == 5
    first.close()
    other.close()
    speaker.close()
    engine.close()


@pytest.mark.parametrize("how", ["cached", "recorded"])
def test_a_phrase_that_is_there_leaves_with_the_next_pull_after_the_decision(writer: JournalWriter, how: str) -> None:
    engine, cache, ring = FakeTts(), SpeechCache(), PlayoutRing()
    diction = PLAIN
    if how == "cached":
        cache.warm(engine, ["One moment."])
    else:
        diction = Diction(recordings={"one moment": render(engine, "One moment.")})
    speaker = Speaker(engine, cache)
    speaking = Speaking(ring, {"": speaker}, PATIENCE_S, CallJournal(writer, "call"), lambda _: None, diction)
    assert [ring.pop() for _ in range(3)] == [None] * 3
    speaking.speak(speak(1, "One moment."))
    assert ring.pop() == render(FakeTts(), "One moment.")[:FRAME_BYTES]
    speaking.close()
    speaker.close()
