"""Whether the engines that a dialplan chooses could be loaded here, told without loading any but the smallest."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from voicebot.asr import end_of_turn, vosk_model, whisper_model
from voicebot.asr.failures import EngineUnavailableError
from voicebot.config import Settings
from voicebot.dialplan.engines import AsrChoice, TtsChoice
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.rules import Finding
from voicebot.dialplan.source import Path_
from voicebot.runtime.chains import Chosen, asr_chain, tts_chain
from voicebot.tts import coqui_model

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
            coqui_model.model_files(model)
        except FileNotFoundError as error:
            return _package(engine) or _model(str(error))
    return _package(engine)


def findings(plan: Dialplan, settings: Settings) -> Iterator[Finding]:
    """Yield what is missing for the engines of a dialplan, its own or those of the configuration."""
    yield from _in_section("asr", plan.asr, asr_chain(plan, settings))
    yield from _in_section("tts", plan.tts, tts_chain(plan, settings))
    missing = _missing_for_endpointing(plan.endpointing.model)
    if missing is not None:
        yield ("endpointing", missing.key), missing.message, missing.remedy


def _in_section(section: str, choice: AsrChoice | TtsChoice, chain: Sequence[Chosen]) -> Iterator[Finding]:
    look = missing_for_asr if section == "asr" else missing_for_tts
    for place, chosen in enumerate(chain):
        missing = look(chosen.engine, chosen.model)
        if missing is None:
            continue
        path: Path_ = (section,)
        if place == 0 and choice.engine is not None:
            path = (section, missing.key)
        elif place and choice.fallbacks:
            path = (section, "fallbacks", place - 1, missing.key)
        origin = "" if len(path) > 1 else f"{section}.engine {chosen.engine} of the configuration: "
        yield path, f"{origin}{missing.message}", missing.remedy


def _missing_for_endpointing(model: str) -> Missing | None:
    """Return what is wrong with an end-of-turn model. It is small, and only loading it tells whether it fits."""
    if not model:
        return None
    try:
        end_of_turn.EndOfTurnModel(model).close()
    except EngineUnavailableError as error:
        return _model(str(error))
    return None


def _package(engine: str) -> Missing | None:
    package = PACKAGES.get(engine)
    if package is None or importlib.util.find_spec(package) is not None:
        return None
    return Missing("engine", f"{engine} is not installed", f"run scripts/setup --with {EXTRAS.get(engine, engine)}")


def _model(reason: str) -> Missing:
    """Take the message of an engine apart: what is wrong, then what to do about it."""
    message, _, remedy = reason.removeprefix("asr.model: ").removeprefix("endpointing.model: ").partition("; ")
    return Missing("model", message, remedy)
