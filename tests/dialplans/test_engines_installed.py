"""`voicebot check` refuses a dialplan whose engine cannot be loaded, and names what to run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from voicebot.config import AsrSettings, Settings
from voicebot.dialplan.loading import load_dialplan
from voicebot.runtime.installed import EXTRAS, PACKAGES, findings, missing_for_asr, missing_for_tts


def faults(tmp_path: Path, text: str, settings: Settings | None = None) -> list[str]:
    file = tmp_path / "plan.yaml"
    file.write_text(f"version: 1\n{text}", encoding="utf-8")
    _, found = load_dialplan(file, lambda plan: findings(plan, settings or Settings()))
    return [str(fault).removeprefix(f"{file}:") for fault in found]


@pytest.fixture(params=sorted(PACKAGES))
def absent(request: pytest.FixtureRequest) -> str:
    """An engine that is not installed here."""
    engine: str = request.param
    if importlib.util.find_spec(PACKAGES[engine]) is not None:
        pytest.skip(f"{engine} is installed")
    return engine


def test_an_engine_that_is_not_installed_is_named_with_the_command_that_adds_it(absent: str, tmp_path: Path) -> None:
    role = "tts" if absent == "coqui" else "asr"
    (told,) = faults(tmp_path, f"{role}: {{engine: {absent}}}\n")
    assert (
        told
        == f"2:15: {role}.engine: {absent} is not installed (run scripts/setup --with {EXTRAS.get(absent, absent)})"
    )


def test_a_model_that_is_not_there_is_named_where_it_is_written(tmp_path: Path) -> None:
    (told,) = faults(tmp_path, "tts: {engine: piper, model: nowhere.onnx}\n")
    assert (
        told == "2:29: tts.model: there is no 'nowhere.onnx' with a .onnx.json beside it (name a Piper voice, or none)"
    )


def test_an_engine_of_the_configuration_is_told_apart_from_one_of_the_dialplan(tmp_path: Path) -> None:
    settings = Settings(asr=AsrSettings(engine="vosk", model="nowhere"))
    (told,) = faults(tmp_path, "", settings)
    assert told.startswith("1:1: asr: asr.engine vosk of the configuration: ")


def test_what_the_base_install_holds_is_never_missing(tmp_path: Path) -> None:
    for engine in ("moonshine", "openai", "vosk-server"):
        assert missing_for_asr(engine, "") is None
    for engine in ("piper", "openai"):
        assert missing_for_tts(engine, "") is None
    assert faults(tmp_path, "") == []


def test_a_vosk_model_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("vosk") is None:
        pytest.skip("vosk is not installed: run scripts/setup --with engine-tests")
    monkeypatch.setenv("VOSK_MODEL_PATH", str(tmp_path))
    (tmp_path / "vosk-model-small-en" / "am").mkdir(parents=True)
    assert missing_for_asr("vosk", "vosk-model-small-en") is None
    missing = missing_for_asr("vosk", "vosk-model-large-en")
    assert missing is not None
    assert missing.key == "model"
