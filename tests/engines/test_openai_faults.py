"""What remote services do wrong, and that it becomes one failure with the right category; cancelling; connections."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator

import pytest

from voicebot.brain.openai_chat import ChatSettings, OpenAiBrain
from voicebot.brain.protocol import BrainResult
from voicebot.core.commands import StartBrain
from voicebot.core.events import Attempt, BrainClause, BrainFinished, Category, EngineFailed
from voicebot.remote.link import Endpoint
from voicebot.testing.openai_server import Fault, OpenAiServer, Reply, Service
from voicebot.tts.openai_speech import OpenAiSpeech, OpenAiSpeechStream, SpeechSettings
from voicebot.tts.piper import PiperTts
from voicebot.tts.protocol import SpeakingFailed

FAULTS = [
    (Fault.ERR500, Category.UNAVAILABLE),
    (Fault.ERR429, Category.RATE_LIMITED),
    (Fault.RESET, Category.UNAVAILABLE),
    (Fault.GARBAGE, Category.GARBAGE),
    (Fault.STALL, Category.TIMEOUT),
    (Fault.MIDRESET, Category.UNAVAILABLE),
    (Fault.MIDSTALL, Category.TIMEOUT),
]
SHORT_S = 0.15
LONG_S = 60.0


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer(replies=[Reply("One sentence here. And then another one follows it.")]) as running:
        yield running


def speech(server: OpenAiServer, seconds: float, links: int = 1) -> OpenAiSpeech:
    endpoint = Endpoint(base_url=server.url, links=links)
    return OpenAiSpeech(SpeechSettings(endpoint=endpoint, first_s=seconds, gap_s=seconds))


def brain(server: OpenAiServer, seconds: float, links: int = 1) -> OpenAiBrain:
    endpoint = Endpoint(base_url=server.url, links=links)
    return OpenAiBrain(ChatSettings("m", endpoint=endpoint, first_s=seconds, gap_s=seconds))


def turn(number: int = 1) -> StartBrain:
    return StartBrain(Attempt(1, number), 1, "When do you open?", (), (), "", 5_000)


def run_to_end(engine: OpenAiBrain, number: int = 1) -> list[BrainResult]:
    results: queue.Queue[BrainResult] = queue.Queue()
    engine.start(turn(number), results.put)
    got = [results.get(timeout=10)]
    while not isinstance(got[-1], BrainFinished | EngineFailed):
        got.append(results.get(timeout=10))
    return got


@pytest.mark.parametrize(("fault", "category"), FAULTS)
def test_a_fault_of_the_synthesiser_is_one_failure_and_the_next_text_works(
    server: OpenAiServer, fault: Fault, category: Category
) -> None:
    engine = speech(server, SHORT_S if category is Category.TIMEOUT else LONG_S)
    server.fault(Service.SPEECH, fault)
    with pytest.raises(SpeakingFailed) as failure:
        list(engine.open("Hello there.").chunks())
    assert failure.value.category is category
    assert "Hello" not in str(failure.value)
    server.fault(Service.SPEECH, Fault.NONE)
    assert list(engine.open("Hello again.").chunks())
    engine.close()


@pytest.mark.parametrize(("fault", "category"), FAULTS)
def test_a_fault_of_the_model_is_one_failure_after_what_was_said(
    server: OpenAiServer, fault: Fault, category: Category
) -> None:
    engine = brain(server, SHORT_S if category is Category.TIMEOUT else LONG_S)
    server.fault(Service.CHAT, fault)
    *said, last = run_to_end(engine, 7)
    assert isinstance(last, EngineFailed)
    assert (last.ref, last.category, last.permanent) == (7, category, False)
    midway = fault in {Fault.MIDRESET, Fault.MIDSTALL}
    assert [r.text for r in said if isinstance(r, BrainClause)] == (["One sentence here."] if midway else [])
    server.fault(Service.CHAT, Fault.NONE)
    assert isinstance(run_to_end(engine, 8)[-1], BrainFinished)
    engine.close()


def test_nobody_there_is_unavailable() -> None:
    engine = OpenAiSpeech(SpeechSettings(endpoint=Endpoint(base_url="http://127.0.0.1:9/v1", links=1)))
    with pytest.raises(SpeakingFailed) as failure:
        engine.warm_up()
    assert failure.value.category is Category.UNAVAILABLE
    engine.close()


def test_a_model_that_is_not_there_is_a_warning_at_first_and_a_failure_of_each_run() -> None:
    engine = OpenAiBrain(ChatSettings("m", endpoint=Endpoint(base_url="http://127.0.0.1:9/v1", links=1)))
    engine.warm_up()
    (result,) = run_to_end(engine)
    assert isinstance(result, EngineFailed)
    assert result.category is Category.UNAVAILABLE
    engine.close()


def test_nothing_that_is_said_reaches_a_log(server: OpenAiServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine, voice = brain(server, LONG_S), speech(server, LONG_S)
    run_to_end(engine)
    list(voice.open("Your parcel is late.").chunks())
    list(PiperTts().open("Your parcel is late.").chunks())
    for fault in (Fault.GARBAGE, Fault.ERR500, Fault.MIDRESET):
        server.fault(Service.CHAT, fault)
        run_until_accepted(engine)
    engine.close()
    voice.close()
    for text in ("parcel", "sentence", "When do you open"):
        assert text not in caplog.text


def test_a_connection_that_breaks_before_the_response_is_tried_once_more(server: OpenAiServer) -> None:
    engine = brain(server, LONG_S)
    server.fault(Service.CHAT, Fault.RESET)
    assert isinstance(run_to_end(engine)[-1], EngineFailed)
    assert len(server.seen(Service.CHAT)) == 2
    engine.close()


def test_what_failed_after_the_response_began_is_not_tried_again(server: OpenAiServer) -> None:
    engine = brain(server, LONG_S)
    server.fault(Service.CHAT, Fault.MIDRESET)
    run_to_end(engine)
    assert len(server.seen(Service.CHAT)) == 1
    engine.close()


def test_turns_share_one_warm_connection(server: OpenAiServer) -> None:
    engine, voice = brain(server, LONG_S), speech(server, LONG_S)
    engine.warm_up()
    voice.warm_up()
    for _ in range(3):
        assert isinstance(run_until_accepted(engine)[-1], BrainFinished)
        list(voice.open("Hello.").chunks())
    assert server.connections == 2
    engine.close()
    voice.close()


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.MIDSTALL])
def test_cancelling_wakes_a_reader_that_is_blocked_and_the_server_sees_it(server: OpenAiServer, fault: Fault) -> None:
    engine = speech(server, LONG_S)
    server.fault(Service.SPEECH, fault)
    stream = engine.open("Hello there.")
    outcome: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=read_all, args=(stream, outcome))
    reader.start()
    assert server.await_mark(Service.SPEECH, "stalled" if fault is Fault.MIDSTALL else "arrived")
    stream.cancel()
    assert outcome.get(timeout=10) == "ended quietly"
    reader.join()
    assert server.await_mark(Service.SPEECH, "cancelled")
    engine.close()


def read_all(stream: OpenAiSpeechStream, outcome: queue.Queue[str]) -> None:
    try:
        list(stream.chunks())
        outcome.put("ended quietly")
    except SpeakingFailed as failure:
        outcome.put(str(failure))


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.MIDSTALL])
def test_a_cancelled_run_posts_nothing_more_and_its_link_is_free_again(server: OpenAiServer, fault: Fault) -> None:
    engine = brain(server, LONG_S)
    server.fault(Service.CHAT, fault)
    posted: list[BrainResult] = []
    run = engine.start(turn(), posted.append)
    assert server.await_mark(Service.CHAT, "stalled" if fault is Fault.MIDSTALL else "arrived")
    run.cancel()
    run.cancel()
    assert server.await_mark(Service.CHAT, "cancelled")
    server.fault(Service.CHAT, Fault.NONE)
    retry = run_until_accepted(engine)
    assert isinstance(retry[-1], BrainFinished)
    assert not any(isinstance(result, BrainFinished | EngineFailed) for result in posted)
    engine.close()


def run_until_accepted(engine: OpenAiBrain) -> list[BrainResult]:
    """A link comes back a moment after its run's last result, when its thread is done with it."""
    for number in range(2, 1_000):
        refused = engine.refused
        results = run_to_end(engine, number)
        if engine.refused == refused:
            return results
    pytest.fail("the link never came back")


def test_more_runs_than_links_are_refused_and_counted(server: OpenAiServer) -> None:
    engine = brain(server, LONG_S)
    server.fault(Service.CHAT, Fault.STALL)
    posted: list[BrainResult] = []
    engine.start(turn(1), posted.append)
    engine.start(turn(2), posted.append)
    assert [(type(result), getattr(result, "ref", 0)) for result in posted] == [(EngineFailed, 2)]
    assert engine.refused == 1
    engine.close()
