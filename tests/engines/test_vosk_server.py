"""What a vosk-server is sent, and what becomes of its faults."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest

from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import AsrResult, Heard, HearingFailed, Word
from voicebot.asr.vosk_server import VoskServerEngine, VoskServerStream
from voicebot.core.events import FRAME_MS, Category
from voicebot.media.frames import FRAME_BYTES, SILENCE
from voicebot.testing.vosk_server import Fault, VoskServer

SHORT_S = 0.2
LONG_S = 60.0
SECOND = 50

FAULTS = [
    (Fault.REFUSE, Category.UNAVAILABLE, False),
    (Fault.UNAUTHORISED, Category.REJECTED, True),
    (Fault.RESET, Category.UNAVAILABLE, False),
    (Fault.STALL, Category.TIMEOUT, False),
    (Fault.GARBAGE, Category.GARBAGE, False),
    (Fault.WRONG, Category.GARBAGE, False),
]


@pytest.fixture
def server() -> Iterator[VoskServer]:
    with VoskServer("where is my order") as running:
        yield running


@pytest.fixture
def results() -> queue.SimpleQueue[AsrResult]:
    return queue.SimpleQueue()


def feed(stream: VoskServerStream, frames: int) -> None:
    for _ in range(frames):
        stream.feed(SILENCE)


def asked(results: queue.SimpleQueue[AsrResult], number: int) -> tuple[list[AsrResult], AsrResult]:
    partials: list[AsrResult] = []
    while (result := results.get(timeout=LONG_S)).decode != number:
        partials.append(result)
    return partials, result


def words(text: str, start_ms: int = 0) -> tuple[Word, ...]:
    """Return what the server's words are to be, in a segment that begins at `start_ms`."""
    return tuple(Word(word, start_ms, start_ms + 100, 0.75) for word in text.split())


def test_partials_come_while_the_caller_speaks_and_all_audio_is_sent(
    server: VoskServer, results: queue.SimpleQueue[AsrResult]
) -> None:
    engine = VoskServerEngine(server.url, LONG_S)
    stream = engine.open(results.put)
    feed(stream, SECOND)
    first = results.get(timeout=LONG_S)
    feed(stream, 3)
    stream.decode(1)
    _, last = asked(results, 1)
    engine.close()
    assert first == Heard(0, "where", 1.0)
    assert last == Heard(1, "where is my order", 0.75, words=words("where is my order"))
    assert server.heard == [(SECOND + 3) * FRAME_BYTES]
    assert server.configs == [{"sample_rate": 16_000, "words": 1}]


def test_what_follows_a_decode_is_added_to_its_text(server: VoskServer, results: queue.SimpleQueue[AsrResult]) -> None:
    engine = VoskServerEngine(server.url, LONG_S)
    stream = engine.open(results.put)
    feed(stream, 7)
    stream.decode(1)
    asked(results, 1)
    feed(stream, 5)
    stream.decode(2)
    _, last = asked(results, 2)
    engine.close()
    both = words("where is my order") + words("where is my order", 7 * FRAME_MS)
    assert last == Heard(2, "where is my order where is my order", 0.75, words=both)
    assert server.heard == [7 * FRAME_BYTES, 5 * FRAME_BYTES]


def test_the_newest_of_the_decodes_that_wait_is_answered(
    server: VoskServer, results: queue.SimpleQueue[AsrResult]
) -> None:
    engine = VoskServerEngine(server.url, LONG_S)
    stream = engine.open(results.put)
    feed(stream, SECOND)
    for number in (1, 2, 3):
        stream.decode(number)
    _, last = asked(results, 3)
    engine.close()
    assert isinstance(last, Heard)


@pytest.mark.parametrize(("fault", "category", "permanent"), FAULTS)
def test_a_fault_is_one_failure_and_the_next_decode_sends_everything_again(
    server: VoskServer,
    results: queue.SimpleQueue[AsrResult],
    fault: Fault,
    category: Category,
    permanent: bool,  # noqa: FBT001
) -> None:
    engine = VoskServerEngine(server.url, SHORT_S if category is Category.TIMEOUT else LONG_S)
    stream = engine.open(results.put)
    server.fault = fault
    feed(stream, SECOND)
    stream.decode(1)
    _, failed = asked(results, 1)
    assert isinstance(failed, HearingFailed)
    assert (failed.category, failed.permanent) == (category, permanent)
    engine.close()
    again = VoskServerEngine(server.url, LONG_S)
    server.fault = Fault.NONE
    stream = again.open(results.put)
    feed(stream, SECOND)
    stream.decode(2)
    assert isinstance(asked(results, 2)[1], Heard)
    again.close()


def test_a_connection_that_broke_in_mid_utterance_costs_nothing_but_a_second_one(
    server: VoskServer, results: queue.SimpleQueue[AsrResult]
) -> None:
    engine = VoskServerEngine(server.url, LONG_S)
    stream = engine.open(results.put)
    server.fault = Fault.RESET
    feed(stream, SECOND)
    stream.decode(1)
    assert isinstance(asked(results, 1)[1], HearingFailed)
    server.fault = Fault.NONE
    feed(stream, SECOND)
    stream.decode(2)
    _, last = asked(results, 2)
    engine.close()
    assert last == Heard(2, "where is my order", 0.75, words=words("where is my order"))
    assert server.heard[-1] == 2 * SECOND * FRAME_BYTES


def test_a_server_that_is_not_there_is_unavailable_and_counted_at_the_warm_up(
    results: queue.SimpleQueue[AsrResult],
) -> None:
    engine = VoskServerEngine("ws://127.0.0.1:9", LONG_S)
    engine.warm_up()
    stream = engine.open(results.put)
    feed(stream, SECOND)
    stream.decode(1)
    _, failed = asked(results, 1)
    engine.close()
    assert isinstance(failed, HearingFailed)
    assert (failed.category, failed.permanent) == (Category.UNAVAILABLE, False)
    assert engine.counts["warm_up_failed"] == 1


def test_connections_are_bounded(server: VoskServer, results: queue.SimpleQueue[AsrResult]) -> None:
    engine = VoskServerEngine(server.url, LONG_S, capacity=0)
    stream = engine.open(results.put)
    stream.decode(1)
    _, refused = asked(results, 1)
    engine.close()
    assert refused == HearingFailed(1, Category.UNAVAILABLE, permanent=False, detail="too many connections")
    assert engine.counts["reject_newest"] == 1


def test_a_closed_engine_says_so(server: VoskServer, results: queue.SimpleQueue[AsrResult]) -> None:
    engine = VoskServerEngine(server.url)
    stream = engine.open(results.put)
    engine.close()
    stream.decode(1)
    assert isinstance(results.get(timeout=LONG_S), HearingFailed)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(EngineUnavailableError, match="no WebSocket address"):
        VoskServerEngine("http://127.0.0.1:2700")
