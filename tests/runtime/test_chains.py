"""Which engines a dialplan and the configuration name, in which order."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicebot.config import AsrSettings, BrainSettings, Settings, TtsSettings
from voicebot.dialplan.engines import AsrChoice, AsrFallback, BrainChoice, TtsChoice, TtsFallback
from voicebot.dialplan.intents import IntentPart
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import SecretMissingError
from voicebot.runtime.chains import Chosen, asr_chain, brain_chain, names, tts_chain

USUAL = Settings()
INTENTS = {"hours": IntentPart(examples=("when do you open",), answers={"default": "At nine."})}


def plan(**parts: object) -> Dialplan:
    return Dialplan.model_validate({"version": 1, "name": "shop", **parts})


@pytest.mark.parametrize(
    ("own", "usual", "chain"),
    [
        (AsrChoice(), AsrSettings(), [Chosen("moonshine")]),
        (AsrChoice(engine="openai", model="m"), AsrSettings(), [Chosen("openai", "m"), Chosen("moonshine")]),
        (AsrChoice(engine="openai", fallbacks=()), AsrSettings(), [Chosen("openai")]),
        (AsrChoice(), AsrSettings(engine="vosk", model="/m"), [Chosen("vosk", "/m")]),
        (AsrChoice(engine="whisper"), AsrSettings(engine="vosk", model="/m"), [Chosen("whisper")]),
        (AsrChoice(model="/n"), AsrSettings(engine="vosk", model="/m"), [Chosen("vosk", "/n")]),
        (
            AsrChoice(
                engine="vosk-server",
                fallbacks=(AsrFallback(engine="openai"), AsrFallback(engine="vosk", model="/m")),
            ),
            AsrSettings(),
            [Chosen("vosk-server"), Chosen("openai"), Chosen("vosk", "/m")],
        ),
        (
            AsrChoice(),
            AsrSettings(engine="openai", fallbacks=(AsrFallback(engine="whisper"),)),
            [Chosen("openai"), Chosen("whisper")],
        ),
        (
            AsrChoice(engine="moonshine"),
            AsrSettings(engine="openai", fallbacks=(AsrFallback(engine="whisper"),)),
            [Chosen("moonshine")],
        ),
    ],
)  # fmt: skip
def test_the_dialplan_decides_before_the_configuration(own: AsrChoice, usual: AsrSettings, chain: list[Chosen]) -> None:
    assert list(asr_chain(plan(asr=own), Settings(asr=usual))) == chain


def test_remote_engines_of_one_kind_have_addresses_and_keys_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    monkeypatch.setenv("SECOND_KEY", "second")
    second = TtsFallback(engine="openai", url="http://127.0.0.1:2/v1", api_key="${SECOND_KEY}")
    third = TtsFallback(engine="openai", url="http://127.0.0.1:3/v1")
    chain = tts_chain(plan(tts=TtsChoice(engine="openai", fallbacks=(second, third))), USUAL)
    first, *others = (chosen.endpoint() for chosen in chain)
    assert first is None, "where the environment says"
    assert [(each.base_url, each.key) for each in others if each] == [
        ("http://127.0.0.1:2/v1", "second"),
        ("http://127.0.0.1:3/v1", "none"),
    ]
    monkeypatch.delenv("SECOND_KEY")
    with pytest.raises(SecretMissingError, match="SECOND_KEY"):
        chain[1].endpoint()
    with pytest.raises(ValidationError, match="must not stand in a file"):
        TtsFallback(engine="openai", api_key="sk-123")


def test_a_voice_belongs_to_its_engine() -> None:
    usual = Settings(
        tts=TtsSettings(engine="openai", voice="alloy", fallbacks=(TtsFallback(engine="coqui", voice="p1"),))
    )
    assert tts_chain(plan(), usual) == (Chosen("openai", voice="alloy"), Chosen("coqui", voice="p1"))
    assert tts_chain(plan(tts=TtsChoice(engine="piper")), usual) == (Chosen("piper"),)


def test_the_playbook_stands_in_for_a_model_only_if_it_has_something_to_say() -> None:
    model = BrainChoice(engine="openai", model="m")
    assert brain_chain(plan(brain=model), USUAL) == (Chosen("openai", "m"),)
    assert brain_chain(plan(brain=model, intents=INTENTS), USUAL) == (Chosen("openai", "m"), Chosen("playbook"))
    assert brain_chain(plan(intents=INTENTS), Settings(brain=BrainSettings(engine="openai", model="m"))) == (
        Chosen("openai", "m"),
        Chosen("playbook"),
    )


def test_each_engine_of_a_chain_has_a_name_of_its_own() -> None:
    assert names([Chosen("openai", "a"), Chosen("openai", "b"), Chosen("piper")]) == ("openai", "openai-2", "piper")
