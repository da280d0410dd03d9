from __future__ import annotations

import io
import queue
import wave
from collections.abc import Iterator

import pytest

from voicebot.asr.openai_audio import OpenAiAudioEngine
from voicebot.asr.protocol import NO_HINTS, READ_OUT, AsrResult, Heard, HearingFailed, Hints
from voicebot.core.events import Category
from voicebot.media.frames import SILENCE
from voicebot.testing.openai_server import Fault, OpenAiServer, Service

ANSWER_S = 60.0
SHORT_S = 0.2


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer(transcript=" when do you open ") as running:
        yield running


def ask(server: OpenAiServer, deadline_s: float, hints: Hints = NO_HINTS) -> AsrResult:
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    engine = OpenAiAudioEngine(base_url=server.url, api_key="none", deadline_s=deadline_s)
    stream = engine.open(results.put, hints)
    stream.feed(SILENCE)
    stream.decode(3)
    try:
        return results.get(timeout=ANSWER_S)
    finally:
        engine.close()


def test_sends_the_utterance_as_wav_and_returns_the_text(server: OpenAiServer) -> None:
    assert ask(server, ANSWER_S) == Heard(3, "when do you open", 1.0)
    body = server.seen(Service.ASR)[0].body
    with wave.open(io.BytesIO(body[body.index(b"RIFF") :])) as sent:
        assert (sent.getframerate(), sent.getnchannels(), sent.getsampwidth(), sent.getnframes()) == (16_000, 1, 2, 320)


@pytest.mark.parametrize(
    ("hints", "prompt"),
    [
        (Hints("digits:5"), READ_OUT),
        (Hints(phrases=("Trek Domane", "Harbor Lane")), "Trek Domane, Harbor Lane."),
        (Hints("digits", ("Trek Domane",)), f"Trek Domane. {READ_OUT}"),
    ],
)
def test_hints_go_as_the_prompt(server: OpenAiServer, hints: Hints, prompt: str) -> None:
    ask(server, ANSWER_S, hints)
    assert f'name="prompt"\r\n\r\n{prompt}\r\n'.encode() in server.seen(Service.ASR)[0].body


def test_without_hints_there_is_no_prompt(server: OpenAiServer) -> None:
    ask(server, ANSWER_S, Hints("yes_no"))
    assert b'name="prompt"' not in server.seen(Service.ASR)[0].body


@pytest.mark.parametrize(
    ("fault", "deadline_s", "category"),
    [
        (Fault.ERR429, ANSWER_S, Category.RATE_LIMITED),
        (Fault.ERR500, ANSWER_S, Category.UNAVAILABLE),
        (Fault.RESET, ANSWER_S, Category.UNAVAILABLE),
        (Fault.GARBAGE, ANSWER_S, Category.GARBAGE),
        (Fault.STALL, SHORT_S, Category.TIMEOUT),
    ],
)
def test_a_fault_becomes_a_category(server: OpenAiServer, fault: Fault, deadline_s: float, category: Category) -> None:
    server.fault(Service.ASR, fault)
    result = ask(server, deadline_s)
    assert isinstance(result, HearingFailed)
    assert (result.decode, result.category, result.permanent) == (3, category, False)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with OpenAiServer() as gone:
        pass
    result = ask(gone, ANSWER_S)
    assert isinstance(result, HearingFailed)
    assert result.category is Category.UNAVAILABLE


@pytest.mark.parametrize("how", ["close", "newer decode"])
def test_a_request_that_is_no_longer_wanted_is_cut_off(server: OpenAiServer, how: str) -> None:
    server.fault(Service.ASR, Fault.STALL)
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    engine = OpenAiAudioEngine(base_url=server.url, api_key="none", deadline_s=ANSWER_S)
    stream = engine.open(results.put)
    stream.feed(SILENCE)
    stream.decode(1)
    assert server.await_mark(Service.ASR, "arrived")
    server.fault(Service.ASR, Fault.NONE)
    if how == "close":
        stream.close()
    else:
        stream.decode(2)
        assert results.get(timeout=ANSWER_S) == Heard(2, "when do you open", 1.0)
    assert server.await_mark(Service.ASR, "cancelled")
    assert results.empty()
    engine.close()


def test_warm_up_opens_the_connection_that_the_first_caller_uses(server: OpenAiServer) -> None:
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    engine = OpenAiAudioEngine(base_url=server.url, api_key="none", deadline_s=ANSWER_S)
    engine.warm_up()
    stream = engine.open(results.put)
    stream.feed(SILENCE)
    stream.decode(1)
    results.get(timeout=ANSWER_S)
    assert server.connections == 1
    engine.close()
