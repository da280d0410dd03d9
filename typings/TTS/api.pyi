from typing import Any

class Synthesizer:
    output_sample_rate: int
    tts_model: Any

class TTS:
    synthesizer: Synthesizer
    is_multi_lingual: bool
    is_multi_speaker: bool
    languages: list[str] | None
    speakers: list[str] | None
    def __init__(
        self,
        model_name: str = ...,
        *,
        model_path: str | None = ...,
        config_path: str | None = ...,
        progress_bar: bool = ...,
    ) -> None: ...
    def tts(
        self, text: str, speaker: str | None = ..., language: str | None = ..., *, split_sentences: bool = ...
    ) -> list[float]: ...
