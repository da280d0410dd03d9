"""Engines that fail in mid-call with another behind them: it answers the turn, and calls come back to the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, eventually
from voicebot.core.commands import Note
from voicebot.testing.openai_server import Fault, OpenAiServer, Reply, Service
from voicebot.testing.phone import Phone
from voicebot.testing.speech import line

QUESTION = "How much does express shipping cost?"
ANSWER = "We have plenty of these in the shop right now."
APOLOGY = "I am sorry, something is not working on my side."
FALLBACKS = {"asr": "moonshine", "brain": "playbook", "tts": "piper"}
ROLES = {Service.ASR: "asr", Service.CHAT: "brain", Service.SPEECH: "tts"}


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer(replies=[Reply(ANSWER)], transcript=QUESTION) as running:
        yield running


@pytest.fixture
def healthy(server: OpenAiServer) -> Iterator[OpenAiServer]:
    yield server
    for service in Service:
        server.fault(service, Fault.NONE)


@pytest.fixture(scope="module")
def chained_bot(start_bot: StartBot, server: OpenAiServer) -> Bot:
    """A bot whose first engines are remote, with the embedded ones behind them, which is what it does by itself."""
    engines = {role: {"engine": "openai", "model": "any"} for role in FALLBACKS}
    return start_bot(
        engines,
        OPENAI_BASE_URL=server.url,
        OPENAI_API_KEY="none",
        VOICEBOT_FAILOVER__FAILURES="1",
        VOICEBOT_FAILOVER__PROBE_S="0.2",
    )


def switches(bot: Bot, phone: Phone) -> list[tuple[str, str]]:
    notes = [dict(c.fields) for c in bot.commands(phone) if isinstance(c, Note) and c.mark == "switched"]
    return [(str(fields["role"]), str(fields["engine"])) for fields in notes]


def asks(bot: Bot, phone: Phone, answer: str, count: int) -> None:
    phone.say(line("shipping_express"))
    bot.await_spoken(phone, answer, count)
    assert phone.wait_bot_quiet(1_500)


@pytest.mark.parametrize(
    ("service", "fault"),
    [
        (Service.SPEECH, Fault.MIDRESET),
        (Service.CHAT, Fault.STALL),
        (Service.ASR, Fault.ERR500),
        pytest.param(Service.SPEECH, Fault.STALL, marks=pytest.mark.slow),
        pytest.param(Service.CHAT, Fault.GARBAGE, marks=pytest.mark.slow),
        pytest.param(Service.ASR, Fault.STALL, marks=pytest.mark.slow),
    ],
)
def test_the_next_engine_answers_the_turn_and_the_first_one_comes_back(
    chained_bot: Bot, healthy: OpenAiServer, service: Service, fault: Fault
) -> None:
    role = ROLES[service]
    well = f'voicebot_engine_well{{engine="openai",role="{role}"}}'
    with caller(chained_bot) as phone:
        healthy.fault(service, fault)
        asks(chained_bot, phone, "Standard shipping is" if service is Service.CHAT else ANSWER, 1)
        assert (role, FALLBACKS[role]) in switches(chained_bot, phone)
        eventually(lambda: chained_bot.metric(well) == 0.0, "the engine counts as ill")
        healthy.fault(service, Fault.NONE)
        eventually(lambda: chained_bot.metric(well) == 1.0, "a probe finds it well")
        before, tried = switches(chained_bot, phone), len(healthy.seen(service))
        asks(chained_bot, phone, ANSWER, 1 if service is Service.CHAT else 2)
        assert len(healthy.seen(service)) > tried
        assert switches(chained_bot, phone) == before, "the first engine did its part again"
        phone.hang_up()
    record, _ = chained_bot.record(phone)
    assert record.disposition == "caller_hung_up"
    assert APOLOGY not in chained_bot.began(phone)
    trace = chained_bot.command("trace", record.id).stdout
    assert f"{role} openai failed" in trace
    assert f"{role} {FALLBACKS[role]} took over" in trace
