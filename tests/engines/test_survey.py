"""What `voicebot engines` tells of the engines that every installation has, and of those that it lacks."""

from __future__ import annotations

import io

import pytest

from voicebot.config import Settings, TtsSettings
from voicebot.dialplan.model import Dialplan
from voicebot.runtime.survey import Choice, choices, survey


def test_what_is_chosen_is_tried_once_and_with_its_model() -> None:
    plan = Dialplan.model_validate({"version": 1, "name": "x", "asr": {"engine": "vosk", "model": "m"}})
    told = choices(Settings(), [plan, plan])
    assert told == (
        Choice("asr", "moonshine"),
        Choice("asr", "vosk", "m"),
        Choice("asr", "whisper"),
        Choice("tts", "piper"),
        Choice("tts", "coqui"),
    )


def test_a_remote_engine_is_tried_only_when_it_is_chosen() -> None:
    assert all(choice.engine != "openai" for choice in choices(Settings(), []))
    chosen = choices(Settings(tts=TtsSettings(engine="openai")), [])
    assert Choice("tts", "openai") in chosen


def test_what_can_be_used_is_measured_and_what_cannot_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    told = io.StringIO()
    wanted = (Choice("asr", "moonshine"), Choice("asr", "vosk", "nowhere"), Choice("tts", "piper"))
    assert survey(wanted, told) == 0
    moonshine, vosk, piper = (line.split() for line in told.getvalue().splitlines()[1:])
    assert moonshine[:2] == ["asr", "moonshine"]
    assert float(moonshine[4]) > 0.0
    assert vosk[2:5] == ["-", "-", "-"]
    assert "vosk" in vosk
    assert float(piper[6]) > 0.0
    capsys.readouterr()


def test_without_a_recogniser_it_is_a_failure() -> None:
    assert survey((Choice("asr", "vosk", "nowhere"),), io.StringIO()) == 1
