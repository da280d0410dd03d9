"""Which synthesisers there are, by the name that a configuration or a dialplan uses."""

from __future__ import annotations

import os
from pathlib import Path

from voicebot.remote.link import Endpoint
from voicebot.tts.coqui import CoquiTts
from voicebot.tts.coqui_model import model_files
from voicebot.tts.openai_speech import OpenAiSpeech, SpeechSettings
from voicebot.tts.piper import PiperTts
from voicebot.tts.protocol import TtsEngine

ENGINES = ("piper", "coqui", "openai")
REMOTE_WORKERS = 4
"""A remote engine is waited for, not computed, so several calls' texts can be under way."""


class TtsUnavailable(Exception):
    """A synthesiser cannot be had. The message names it and the remedy."""


def build_tts(
    name: str, voice: str = "", model: str = "", endpoint: Endpoint | None = None, speed: float = 1.0
) -> TtsEngine:
    """Return the engine called `name`, not yet warm; empty `voice` and `model` mean the engine's own.

    For piper, `model` is the path of an .onnx file with its .onnx.json beside it, and `voice` is not used. For coqui,
    `model` is the path of a checkpoint with its config.json beside it, or the name of a model that Coqui has
    downloaded, and `voice` one of its speakers. Raises TtsUnavailable for an unknown name or a model that is not there;
    `warm_up` raises SpeakingFailed for one that cannot be loaded or a server that cannot be reached.
    """
    match name:
        case "piper":
            path = Path(model) if model else None
            if path is not None and not (path.is_file() and Path(f"{path}.json").is_file()):
                raise TtsUnavailable(f"tts.model: {path} or {path}.json is missing; name a Piper voice, or none at all")
            return PiperTts(path, speed)
        case "coqui":
            try:
                return CoquiTts(model_files(model), voice, speed)
            except FileNotFoundError as error:
                raise TtsUnavailable(f"tts.model: {error}") from error
        case "openai":
            if endpoint is None and not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")):
                raise TtsUnavailable(
                    "tts.engine openai needs a key: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own"
                )
            defaults = SpeechSettings()
            settings = SpeechSettings(
                endpoint=endpoint or defaults.endpoint,
                model=model or defaults.model,
                voice=voice or defaults.voice,
                speed=speed,
            )
            return OpenAiSpeech(settings)
        case _:
            raise TtsUnavailable(f"tts.engine: there is no {name!r}; choose one of {', '.join(ENGINES)}")


def workers_for(engine: TtsEngine) -> int:
    """Return how many texts should be rendered at once: one for an engine that computes here."""
    return REMOTE_WORKERS if isinstance(engine, OpenAiSpeech) else 1
