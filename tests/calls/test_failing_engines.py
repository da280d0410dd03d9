"""Engines that fail in mid-call and have no other: an apology, then a person; there is never silence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, eventually
from voicebot.testing.openai_server import Fault, OpenAiServer, Reply, Service
from voicebot.testing.phone import AgentPhone, Phone
from voicebot.testing.speech import line

APOLOGY = "I am sorry, something is not working on my side."
HANDOFF = "I am putting you through to a colleague. One moment, please."
LONGEST_SILENCE_MS = 9_000
"""The turn's hard budget of 8 s, and the way to the ear."""


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAiServer]:
    reply = Reply("That depends on a good many things, and a colleague in the shop can tell you more about it.")
    with OpenAiServer(replies=[reply]) as running:
        yield running


@pytest.fixture
def healthy(server: OpenAiServer) -> Iterator[OpenAiServer]:
    yield server
    for service in Service:
        server.fault(service, Fault.NONE)


@pytest.fixture(scope="module")
def remote_bot(start_bot: StartBot, server: OpenAiServer) -> Bot:
    """A bot whose every engine is remote and without another; its phrases were rendered while the server was well."""
    engines = {role: {"engine": "openai", "model": "any", "fallbacks": []} for role in ("asr", "brain", "tts")}
    return start_bot(engines, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="none")


USUAL = [(Service.ASR, Fault.ERR500), (Service.CHAT, Fault.STALL), (Service.SPEECH, Fault.ERR500)]
RARE = [
    (Service.ASR, Fault.STALL),
    (Service.ASR, Fault.RESET),
    (Service.CHAT, Fault.ERR500),
    (Service.CHAT, Fault.MIDSTALL),
    (Service.SPEECH, Fault.STALL),
]


@pytest.mark.parametrize(
    ("service", "fault"),
    [*USUAL, *(pytest.param(*failure, marks=pytest.mark.slow) for failure in RARE)],
)
def test_the_caller_hears_an_apology_and_reaches_a_person(
    remote_bot: Bot, healthy: OpenAiServer, agent: AgentPhone, service: Service, fault: Fault
) -> None:
    came = len(agent.calls)
    with Phone() as phone:
        remote_bot.dial(phone)
        assert phone.wait_bot_speaks(after_ms=0) is not None
        assert phone.wait_bot_quiet(400)
        healthy.fault(service, fault)
        for _ in range(2):
            phone.say(line("shipping_express"))
            heard_ms = phone.wait_bot_speaks(timeout_ms=LONGEST_SILENCE_MS)
            assert heard_ms is not None, "silence"
            if phone.wait_transferred(5_000):
                break
        assert phone.wait_transferred(20_000) is not None
        eventually(lambda: len(agent.calls) > came, "the agent's phone rings")
        record, turns = remote_bot.record(phone)
        said = remote_bot.began(phone)
    assert record.disposition == "transferred"
    assert APOLOGY in said
    assert HANDOFF in said
    assert all(turn.silence_ms is not None for turn in turns)
    remote_bot.await_log("engine failed")
