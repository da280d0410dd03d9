"""Whisper and what it is told before it listens, over G.711."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.test_moonshine import spoken
from voicebot.asr.protocol import Hints
from voicebot.asr.whisper import WhisperEngine
from voicebot.asr.whisper_model import model_folder
from voicebot.core.digits import digit_runs

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def engine() -> Iterator[WhisperEngine]:
    pytest.importorskip("faster_whisper")
    loaded = WhisperEngine(model_folder(""))
    yield loaded
    loaded.close()


@pytest.mark.parametrize(("text", "digits"), [("nine zero zero three", "9003"), ("four six two four two", "46242")])
def test_expected_digits_are_heard_as_digits(engine: WhisperEngine, tmp_path: Path, text: str, digits: str) -> None:
    heard = engine.transcribe(spoken(tmp_path, text), Hints(f"digits:{len(digits)}")).text
    assert "".join(run.digits for run in digit_runs(heard)) == digits


def test_a_caller_who_was_asked_for_digits_may_say_anything(engine: WhisperEngine, tmp_path: Path) -> None:
    heard = engine.transcribe(spoken(tmp_path, "I would like to speak to a person."), Hints("digits:5")).text
    assert "speak to a person" in heard


def test_names_are_listened_for(engine: WhisperEngine, tmp_path: Path) -> None:
    pcm = spoken(tmp_path, "Do you have the Kestrel Vivace?")
    assert "Kestrel Vivace" in engine.transcribe(pcm, Hints(phrases=("Kestrel Vivace",))).text
