from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

class Segment:
    text: str
    tokens: list[int]
    avg_logprob: float
    no_speech_prob: float

class TranscriptionInfo:
    language: str

class WhisperModel:
    def __init__(
        self,
        model_size_or_path: str,
        device: str = ...,
        *,
        compute_type: str = ...,
        cpu_threads: int = ...,
        num_workers: int = ...,
        local_files_only: bool = ...,
    ) -> None: ...
    def transcribe(
        self,
        audio: NDArray[np.float32],
        language: str | None = ...,
        *,
        beam_size: int = ...,
        temperature: float = ...,
        condition_on_previous_text: bool = ...,
        without_timestamps: bool = ...,
        initial_prompt: str | None = ...,
        hotwords: str | None = ...,
        max_new_tokens: int | None = ...,
    ) -> tuple[Iterable[Segment], TranscriptionInfo]: ...
