"""Which engines a dialplan chooses for its three roles, in which order, and what each of them is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from voicebot.dialplan.part import Part, Text

ALL_OF_A_FOLDER = "*"
"""Stands for the phrases that the files of a folder are named after."""


def _spelling(written: str) -> str:
    if not any(character.isalnum() for character in written):
        raise ValueError(f"{written!r} holds no word | write the word as it stands in texts")
    return written


def _pronunciation(said: str) -> str:
    if not any(character.isalpha() for character in said):
        raise ValueError(f"{said!r} cannot be spoken | write it in words, such as 'she mah no'")
    return said


def _key_reference(text: str) -> str:
    if text and not re.fullmatch(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", text):
        raise ValueError("a key must not stand in a file | write ${NAME} and set NAME in the environment")
    return text


def _prompts(value: object) -> object:
    return {ALL_OF_A_FOLDER: value} if isinstance(value, str) else value


Speed = Annotated[float, Field(ge=0.5, le=2)]
KeyReference = Annotated[str, AfterValidator(_key_reference)]
Spelling = Annotated[str, AfterValidator(_spelling)]
Pronunciation = Annotated[str, AfterValidator(_pronunciation)]
Prompts = Annotated[
    Mapping[Text, Text],
    BeforeValidator(_prompts),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}),
]


class Server(Part):
    """Where a remote engine is, if not where OPENAI_BASE_URL and OPENAI_API_KEY say."""

    url: str = ""
    """For openai: the server's base address, such as http://127.0.0.1:8000/v1."""
    api_key: KeyReference = ""
    """For openai: `${NAME}`, the environment variable that holds the key of the server at `url`."""


class BrainFallback(Server):
    """A brain to ask when those before it cannot answer."""

    engine: Literal["playbook", "openai", "hybrid"]
    model: str = ""


class AsrFallback(Server):
    """A recogniser to ask when those before it cannot answer."""

    engine: Literal["moonshine", "openai", "vosk", "vosk-server", "voted", "whisper"]
    model: str = ""


class TtsFallback(Server):
    """A synthesiser to ask when those before it cannot speak."""

    engine: Literal["piper", "coqui", "openai"]
    voice: str = ""
    model: str = ""


class PricesPart(Part):
    """What a million tokens cost, in one currency."""

    read: Annotated[float, Field(ge=0)] = 0.0
    cached: Annotated[float, Field(ge=0)] = 0.0
    """Those that the server had read before."""
    written: Annotated[float, Field(ge=0)] = 0.0


class BrainChoice(Server):
    """Which brain answers, and how sure it must be. `engine` unset means the configuration's."""

    engine: Literal["playbook", "openai", "hybrid"] | None = None
    """`hybrid`: the playbook answers what it knows, a language model the rest."""
    model: str = ""
    fallbacks: tuple[BrainFallback, ...] | None = None
    """In order. Unset: the playbook stands in for a language model if there are intents; `[]`: nothing does."""
    instructions: str = ""
    """For a language model: who it is and what it may say."""
    max_speech_s: Annotated[float, Field(ge=3, le=120)] = 25.0
    """How long an answer of a language model may take to say; it ends with a sentence before that."""
    fact_gate: bool = True
    """Whether what a language model says needs evidence; `false` is for measuring, with models that invent it all."""
    prices: PricesPart = PricesPart()
    """What a language model costs, for metrics and `voicebot trace`."""
    threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Least confidence of an intent: how much better its examples explain a turn than what is out of scope does.

    Unset: calibrated on the sentences that are out of scope; `voicebot route NUMBER --say TEXT` tells it."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much better it must explain the turn than the second best intent."""


class AsrChoice(Server):
    """Which recogniser listens."""

    engine: Literal["moonshine", "openai", "vosk", "vosk-server", "voted", "whisper"] | None = None
    model: str = ""
    fallbacks: tuple[AsrFallback, ...] | None = None
    """In order. Unset: moonshine stands in for a remote engine; `[]`: nothing does."""
    hints: tuple[Text, ...] = ()
    """Names that callers say, such as products and streets; whisper and openai listen for them."""


class TtsChoice(Server):
    """Which synthesiser speaks, and how."""

    engine: Literal["piper", "coqui", "openai"] | None = None
    voice: str = ""
    model: str = ""
    fallbacks: tuple[TtsFallback, ...] | None = None
    """In order. Unset: piper stands in for a remote engine; `[]`: nothing does."""
    speed: Speed | None = None
    """1 is the voice's own; unset means the configuration's."""
    lexicon: Mapping[Spelling, Pronunciation] = {}
    """How words are said, by how they are written; a word in lower case counts in any case."""
    prompts: Prompts = {}  # noqa: RUF012 - the alias of a mapping that nobody changes
    """Recordings: a folder of WAVs named after their phrases, or the WAV of each phrase. Beside the dialplan."""
