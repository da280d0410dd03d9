"""`voicebot check` refuses a dialplan whose engine cannot be loaded, and names what to run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.engines.tiny_onnx import quiet_tail
from voicebot.config import AsrSettings, Settings
from voicebot.dialplan.loading import load_dialplan
from voicebot.runtime.installed import EXTRAS, PACKAGES, findings, missing_for_asr, missing_for_tts


def faults(tmp_path: Path, text: str, settings: Settings | None = None) -> list[str]:
    file = tmp_path / "plan.yaml"
    file.write_text(f"version: 1\n{text}", encoding="utf-8")
    _, found = load_dialplan(file, lambda plan: findings(plan, settings or Settings()))
    return [str(fault).removeprefix(f"{file}:") for fault in found]


@pytest.fixture(params=sorted(PACKAGES))
def absent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An engine that is not installed, or as good as that."""
    engine: str = request.param
    monkeypatch.setitem(sys.modules, PACKAGES[engine], None)
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


def test_an_end_of_turn_model_that_is_not_there_is_named_where_it_is_written(tmp_path: Path) -> None:
    (told,) = faults(tmp_path, "endpointing: {model: nowhere.onnx}\n")
    assert told == "2:22: endpointing.model: 'nowhere.onnx' is not there (correct the path, or leave the key out)"


def test_an_end_of_turn_model_that_does_not_fit_is_named_with_the_contract(tmp_path: Path) -> None:
    path = quiet_tail(tmp_path / "long.onnx", 200_000)
    (told,) = faults(tmp_path, f"endpointing: {{model: {path}}}\n")
    assert told.startswith(
        f"2:22: endpointing.model: {path!r} wants 200000 samples, which is more than 8 s (give it one"
    )
    assert faults(tmp_path, f"endpointing: {{model: {quiet_tail(tmp_path / 'fits.onnx')}}}\n") == []


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
