"""Coqui TTS, in process, through its `TTS.api`: any of its models, by path or by the name of a downloaded one.

Most models, VITS among them, render a whole text before they hand out a sample: they are given passages, as Piper is.
XTTS streams through `inference_stream`, in a voice of its `speakers_xtts.pth`.
"""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicebot.core.events import Category
from voicebot.media.loudness import VoiceLevel, levelled
from voicebot.tts.coqui_model import ModelFiles, load_model
from voicebot.tts.passages import passages
from voicebot.tts.protocol import Pcm, SpeakingFailed

if TYPE_CHECKING:
    from TTS.api import TTS

REVISION = 2
"""Counts changes in how texts are cut and rendered; cached speech of another revision is not used."""

_LANGUAGE = "en"
_CHUNK_MS = 100
_USUAL_RATE = 22_050
"""Hz, until the model is loaded and tells its own."""
_FULL_SCALE = 32_767.0
_SHOWN_SPEAKERS = 5
_RENDER_ERRORS = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class CoquiTts:
    """A TtsEngine in this process. `speaker` is one of the model's, if it has several."""

    name = "coqui"

    def __init__(self, files: ModelFiles, speaker: str = "", speed: float = 1.0) -> None:
        self._files = files
        self._speaker = speaker
        self._level = VoiceLevel()
        self.voice = f"{files.model.resolve()} {speaker}".strip()
        self.version = f"{_installed_version()}+{REVISION}"
        self.rate = _USUAL_RATE
        self.speed = speed

    def warm_up(self) -> None:
        """Load the model and render a word, so that every lazy part is in place. Raises SpeakingFailed."""
        for _ in self.open("Hello.").chunks():
            pass

    def open(self, text: str) -> CoquiStream | XttsStream:
        """Prepare to render `text`. Loads the model if `warm_up` has not; raises SpeakingFailed if it cannot."""
        model = load_model(self._files, self._speaker, self.speed)
        self.rate = model.synthesizer.output_sample_rate
        network = model.synthesizer.tts_model
        if hasattr(network, "inference_stream"):
            return XttsStream(network, self._level, self.rate, text, self._voice_of(network), self.speed)
        return CoquiStream(model, text, self._arguments(model))

    def _arguments(self, model: TTS) -> dict[str, str]:
        """Return the speaker and the language for a model that has several."""
        arguments = {}
        if model.is_multi_speaker:
            if self._speaker not in (speakers := model.speakers or []):
                raise self._no_speaker(speakers)
            arguments["speaker"] = self._speaker
        elif self._speaker:
            detail = f"tts.voice: {self._files.model} has one voice; leave tts.voice out"
            raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail)
        if model.is_multi_lingual:
            languages = model.languages or []
            english = [name for name in sorted(languages) if name.partition("-")[0] == _LANGUAGE]
            if not english:
                detail = f"tts.model: {self._files.model} speaks {', '.join(languages)}, but no English; name another"
                raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail)
            arguments["language"] = english[0]
        return arguments

    def _no_speaker(self, speakers: Iterable[str]) -> SpeakingFailed:
        known = ", ".join(sorted(speakers)[:_SHOWN_SPEAKERS]) or "none"
        detail = f"tts.voice: {self._files.model} needs one of its speakers, not {self._speaker!r}; there are {known}"
        return SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail)

    def _voice_of(self, xtts: Any) -> XttsVoice:  # noqa: ANN401 - Coqui has no types
        speakers = xtts.speaker_manager.speakers if xtts.speaker_manager is not None else {}
        try:
            return XttsVoice(*speakers[self._speaker].values())
        except KeyError:
            raise self._no_speaker(speakers) from None

    def close(self) -> None:
        """Nothing to release: the model belongs to the process."""


def _installed_version() -> str:
    try:
        return importlib.metadata.version("coqui-tts")
    except importlib.metadata.PackageNotFoundError:
        return "none"


class CoquiStream:
    """One text being rendered by a model that renders whole passages."""

    def __init__(self, model: TTS, text: str, arguments: Mapping[str, str]) -> None:
        self._model = model
        self._text = text
        self._arguments = arguments
        self._rate = model.synthesizer.output_sample_rate
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Hand out no further chunk. The passage that is being computed is thrown away."""
        self._cancelled.set()

    def chunks(self) -> Iterator[Pcm]:
        """Yield up to 100 ms at a time. Raises SpeakingFailed; ends quietly after `cancel`."""
        step = self._rate * _CHUNK_MS // 1000
        for passage in passages(self._text):
            if self._cancelled.is_set():
                return
            samples = levelled(self._render(passage), self._rate)
            for start in range(0, len(samples), step):
                if self._cancelled.is_set():
                    return
                yield samples[start : start + step]

    def _render(self, passage: str) -> Pcm:
        # Models stumble over a text that does not end.
        text = f"{passage}." if passage[-1].isalnum() else passage
        try:
            wave = self._model.tts(text, split_sentences=False, **self._arguments)
        except _RENDER_ERRORS as error:
            detail = f"Coqui could not render a passage: {type(error).__name__}"
            raise SpeakingFailed(Category.INTERNAL, permanent=False, detail=detail) from error
        # Coqui puts half a second of zeros behind every text; between two passages that is a gap.
        return _as_int16(np.trim_zeros(np.asarray(wave, np.float32), "b"))


class XttsVoice(NamedTuple):
    """What XTTS keeps of a speaker: two tensors, in the order of its file."""

    latent: object
    embedding: object


class XttsStream:
    """One text being rendered by XTTS, which hands out about a second of speech at a time, long before it is done."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a rendering depends on
        self,
        xtts: Any,  # noqa: ANN401 - Coqui has no types
        level: VoiceLevel,
        rate: int,
        text: str,
        voice: XttsVoice,
        speed: float,
    ) -> None:
        self._xtts = xtts
        self._level = level
        self._rate = rate
        self._text = text
        self._voice = voice
        self._speed = speed
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Hand out no further chunk; what is being computed is thrown away."""
        self._cancelled.set()

    def chunks(self) -> Iterator[Pcm]:
        """Yield up to 100 ms at a time. Raises SpeakingFailed; ends quietly after `cancel`."""
        step = self._rate * _CHUNK_MS // 1000
        for samples in self._level.applied(self._pieces(), self._rate):
            for start in range(0, len(samples), step):
                if self._cancelled.is_set():
                    return
                yield samples[start : start + step]

    def _pieces(self) -> Iterator[Pcm]:
        # XTTS takes 400 tokens at a time: a sentence is far below.
        for passage in passages(self._text):
            if self._cancelled.is_set():
                return
            pieces = self._xtts.inference_stream(
                passage, _LANGUAGE, self._voice.latent, self._voice.embedding, speed=self._speed
            )
            try:
                for piece in pieces:
                    if self._cancelled.is_set():
                        return
                    yield _as_int16(piece.cpu().numpy())
            except _RENDER_ERRORS as error:
                detail = f"XTTS could not render a passage: {type(error).__name__}"
                raise SpeakingFailed(Category.INTERNAL, permanent=False, detail=detail) from error


def _as_int16(wave: NDArray[np.float32]) -> Pcm:
    """Scale from -1 ... 1. What is louder is clipped; no model is, but one in training."""
    return (np.clip(wave, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
