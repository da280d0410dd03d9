"""Whole calls with recorded prompts, while nothing can be synthesised at all."""

from __future__ import annotations

import wave
from pathlib import Path

from tests.calls.conftest import StartBot
from tests.calls.scene import eventually
from voicebot.testing.phone import AgentPhone, Phone
from voicebot.testing.speech import SAMPLE_RATE, line

NOBODY = "http://127.0.0.1:9/v1"
GREETING = "Harbor Lane Bicycles."
APOLOGY = "I am sorry, something is not working on my side."
HANDOFF = "I am putting you through to a colleague. One moment, please."


def record(folder: Path, phrases: dict[str, str]) -> dict[str, str]:
    """Write a WAV for each phrase, spoken by somebody or other, and return the map of them."""
    folder.mkdir(parents=True)
    names = {}
    for phrase, said in phrases.items():
        names[phrase] = f"recordings/{said}.wav"
        with wave.open(str(folder / f"{said}.wav"), "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(SAMPLE_RATE)
            writer.writeframes(line(said).tobytes())
    return names


def test_recordings_are_heard_and_the_caller_reaches_a_person_when_the_synthesiser_is_dead(
    start_bot: StartBot, agent: AgentPhone, tmp_path: Path
) -> None:
    phrases = {GREETING: "hours_sunday", APOLOGY: "no", HANDOFF: "goodbye"}
    prompts = record(tmp_path / "beside" / "recordings", phrases)
    dead = {"OPENAI_BASE_URL": NOBODY, "OPENAI_API_KEY": "none"}
    bot = start_bot({"tts": {"engine": "openai", "fallbacks": [], "prompts": prompts}}, tmp_path / "beside", **dead)
    came = len(agent.calls)
    with Phone() as phone:
        bot.dial(phone)
        assert phone.wait_bot_speaks(after_ms=0) is not None
        assert phone.wait_bot_quiet(700)
        phone.say(line("shipping_express"))
        assert phone.wait_transferred(30_000) is not None
        eventually(lambda: len(agent.calls) > came, "the agent's phone rings")
        began = bot.began(phone)
    assert began[0] == GREETING
    assert {APOLOGY, HANDOFF} <= set(began)
    bot.await_log("engine failed")
