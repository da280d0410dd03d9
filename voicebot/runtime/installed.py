"""Whether the engines that a dialplan chooses could be loaded here, told without loading any of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from voicebot.asr import vosk_model, whisper_model
from voicebot.asr.failures import EngineUnavailableError
from voicebot.config import AsrSettings, Settings, TtsSettings
from voicebot.dialplan.model import AsrChoice, Dialplan, TtsChoice
from voicebot.dialplan.rules import Finding
from voicebot.tts import coqui

EXTRAS: Final = {"voted": "whisper"}
"""What `scripts/setup --with` calls what an engine needs, where that is not the engine's name."""
PACKAGES: Final = {"coqui": "TTS", "vosk": "vosk", "voted": "faster_whisper", "whisper": "faster_whisper"}
"""What is imported for an engine that the base install does not hold; `scripts/setup --with ENGINE` adds it."""


class Missing(NamedTuple):
    """What an engine lacks. `key` is `engine` or `model`."""

    key: str
    message: str
    remedy: str


def missing_for_asr(engine: str, model: str) -> Missing | None:
    """Return what the recogniser lacks, None when it can probably be loaded."""
    try:
        match engine:
            case "vosk":
                vosk_model.model_folder(model)
            case "whisper" | "voted" if model:
                whisper_model.model_folder(model)
            case _:
                pass
    except EngineUnavailableError as error:
        return _package(engine) or _model(str(error))
    return _package(engine)


def missing_for_tts(engine: str, model: str) -> Missing | None:
    """Return what the synthesiser lacks, None when it can probably be loaded."""
    if engine == "piper" and model and not (Path(model).is_file() and Path(f"{model}.json").is_file()):
        return Missing("model", f"there is no {model!r} with a .onnx.json beside it", "name a Piper voice, or none")
    if engine == "coqui":
        try:
            coqui.model_files(model)
        except FileNotFoundError as error:
            return _package(engine) or _model(str(error))
    return _package(engine)


def findings(plan: Dialplan, settings: Settings) -> Iterator[Finding]:
    """Yield what is missing for the engines of a dialplan, its own or those of the configuration."""
    yield from _in_section("asr", plan.asr, settings.asr)
    yield from _in_section("tts", plan.tts, settings.tts)


def _in_section(section: str, choice: AsrChoice | TtsChoice, settings: AsrSettings | TtsSettings) -> Iterator[Finding]:
    look = missing_for_asr if section == "asr" else missing_for_tts
    engine = choice.engine or settings.engine
    missing = look(engine, choice.model or settings.model)
    if missing is not None:
        own = choice.engine is not None
        origin = "" if own else f"{section}.engine {engine} of the configuration: "
        yield (section, missing.key) if own else (section,), f"{origin}{missing.message}", missing.remedy


def _package(engine: str) -> Missing | None:
    package = PACKAGES.get(engine)
    if package is None or importlib.util.find_spec(package) is not None:
        return None
    return Missing("engine", f"{engine} is not installed", f"run scripts/setup --with {EXTRAS.get(engine, engine)}")


def _model(reason: str) -> Missing:
    """Take the message of an engine apart: what is wrong, then what to do about it."""
    message, _, remedy = reason.removeprefix("asr.model: ").partition("; ")
    return Missing("model", message, remedy)
