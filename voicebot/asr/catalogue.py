"""Recognisers by the names that configuration uses."""

from __future__ import annotations

from collections.abc import Callable

from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.moonshine import MoonshineEngine
from voicebot.asr.moonshine_model import weights_folder
from voicebot.asr.openai_audio import DEFAULT_MODEL, OpenAiAudioEngine
from voicebot.asr.protocol import AsrEngine
from voicebot.asr.vosk import VoskEngine
from voicebot.asr.vosk_model import model_folder as vosk_folder
from voicebot.asr.vosk_server import DEFAULT_URL, VoskServerEngine
from voicebot.asr.voted import VotedEngine
from voicebot.asr.whisper import WhisperEngine
from voicebot.asr.whisper_model import model_folder as whisper_folder
from voicebot.remote.link import Endpoint


def _moonshine(_model: str, _endpoint: Endpoint | None) -> AsrEngine:
    weights_folder()
    return MoonshineEngine()


def _openai(model: str, endpoint: Endpoint | None) -> AsrEngine:
    if endpoint is None:
        return OpenAiAudioEngine(model or DEFAULT_MODEL)
    return OpenAiAudioEngine(model or DEFAULT_MODEL, endpoint.base_url or None, endpoint.key)


def _vosk(model: str, _endpoint: Endpoint | None) -> AsrEngine:
    return VoskEngine(vosk_folder(model))


def _vosk_server(model: str, _endpoint: Endpoint | None) -> AsrEngine:
    return VoskServerEngine(model or DEFAULT_URL)


def _voted(model: str, endpoint: Endpoint | None) -> AsrEngine:
    second = WhisperEngine(whisper_folder(model))
    return VotedEngine(_moonshine("", endpoint), second)


def _whisper(model: str, _endpoint: Endpoint | None) -> AsrEngine:
    return WhisperEngine(whisper_folder(model))


_BUILDERS: dict[str, Callable[[str, Endpoint | None], AsrEngine]] = {
    "moonshine": _moonshine,
    "openai": _openai,
    "vosk": _vosk,
    "vosk-server": _vosk_server,
    "voted": _voted,
    "whisper": _whisper,
}

ENGINES = tuple(sorted(_BUILDERS))
"""Names that `build` knows."""


def build(name: str, model: str = "", endpoint: Endpoint | None = None) -> AsrEngine:
    """Return the engine called `name`, not yet warmed up; an empty `model` means the engine's own.

    `model` is the path of a folder for vosk, whisper and voted (for vosk a name as well), the address of vosk-server,
    and a name for openai, whose `endpoint` is the environment's when it is not given.
    Raises EngineUnavailableError for an unknown name or a missing part; the message says what to do.
    """
    builder = _BUILDERS.get(name)
    if builder is None:
        raise EngineUnavailableError(f"asr.engine: there is no {name!r}; choose one of {', '.join(ENGINES)}")
    return builder(model, endpoint)
