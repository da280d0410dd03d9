"""Coqui TTS, in process, through its `TTS.api`: any of its models, by path or by the name of a downloaded one.

Most models, VITS among them, render a whole text before they hand out a sample: they are given passages, as Piper is.
XTTS streams through `inference_stream`, in a voice of its `speakers_xtts.pth`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.metadata
import logging
import os
import pickle
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicebot.core.events import Category
from voicebot.media.loudness import VoiceLevel, levelled
from voicebot.tts.passages import passages
from voicebot.tts.protocol import Pcm, SpeakingFailed

if TYPE_CHECKING:
    from TTS.api import TTS

REVISION = 2
"""Counts changes in how texts are cut and rendered; cached speech of another revision is not used."""
REMEDY = "run scripts/setup --with coqui"

_LANGUAGE = "en"
_CHUNK_MS = 100
_USUAL_RATE = 22_050
"""Hz, until the model is loaded and tells its own."""
_FULL_SCALE = 32_767.0
_SHOWN_SPEAKERS = 5
_RENDER_ERRORS = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_LOAD_ERRORS = (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError)
"""What a checkpoint that is none, or does not fit its configuration, leads to."""


class ModelFiles(NamedTuple):
    """What `TTS.api` is given: a checkpoint (for XTTS its folder) and its configuration."""

    model: Path
    config: Path


def model_files(model: str) -> ModelFiles:
    """Return the files of a model, named by the path of its checkpoint or folder, or by Coqui's name for it.

    A name, such as tts_models/en/ljspeech/vits, counts only when the model lies in Coqui's own folder already: a
    download must not happen in a call. Raises FileNotFoundError; the message names the remedy.
    """
    if not model:
        raise FileNotFoundError("coqui carries no model; name a checkpoint with its config.json, or a downloaded model")
    path = Path(model)
    named = _coqui_home() / model.replace("/", "--")
    if not path.exists() and named.is_dir():
        path = named / "model_file.pth"
        path = path if path.is_file() else named
    config = (path if path.is_dir() else path.parent) / "config.json"
    if not path.exists() or not config.is_file():
        raise FileNotFoundError(f"there is no model {model!r} with a config.json; correct it, or download the model")
    return ModelFiles(path, config)


def _coqui_home() -> Path:
    """Return where Coqui keeps what it downloads."""
    home = os.environ.get("TTS_HOME") or os.environ.get("XDG_DATA_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".local" / "share") / "tts"


@functools.cache
def load_model(files: ModelFiles, speaker: str, speed: float) -> TTS:  # noqa: ARG001 - tells engines apart
    """Load a model once a process for each speaker and speed, seconds of work. Raises SpeakingFailed.

    A model keeps its speed in itself, and XTTS what it is saying: so no two engines share one.
    """
    # At INFO Coqui logs the texts themselves.
    logging.getLogger("TTS").setLevel(logging.WARNING)
    try:
        absent = import_coqui()
        import torch  # noqa: PLC0415 - an extra: the base install has none
        from TTS.api import TTS  # noqa: PLC0415
    except (ImportError, OSError) as error:
        # OSError: a torchaudio that was built for another torch. Coqui's own message is a paragraph.
        reason = " ".join(str(error).split())
        detail = f"tts.engine coqui cannot be imported: {reason}; {REMEDY}"
        raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail) from error
    torch.set_num_threads(1)
    try:
        model = TTS(model_path=str(files.model), config_path=str(files.config), progress_bar=False)
    except _LOAD_ERRORS as error:
        detail = f"tts.model: {files.model} is no model that Coqui can load: {type(error).__name__}"
        if "torchaudio" in absent:
            detail += "; if it is an XTTS, it needs the CPU build of torchaudio: see scripts/setup --with coqui"
        raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail) from error
    network = model.synthesizer.tts_model
    if hasattr(network, "length_scale"):
        network.length_scale /= speed
    elif speed != 1.0 and not hasattr(network, "inference_stream"):
        detail = f"tts.speed: {files.model} speaks at one speed only; leave tts.speed out"
        raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail)
    return model


def import_coqui() -> tuple[str, ...]:
    """Import Coqui also where torchaudio and torchcodec cannot be: only cloning, training and XTTS compute with them.

    Their builds must fit the torch that is here, and there is not one for every torch. Returns the names of those that
    are stood in for. Raises ImportError, and OSError for a library that does not fit.
    """
    absent = [name for name in ("torchaudio", "torchcodec") if not _imports(name)]
    for name in absent:
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__dict__.update(__version__="0", stands_in=True)
        sys.modules[name] = module
    importlib.import_module("TTS")
    if "torchcodec" in absent:
        # Coqui only asks whether it is there, and only now; others would go on to use it.
        del sys.modules["torchcodec"]
    return tuple(absent)


def _imports(name: str) -> bool:
    try:
        return not hasattr(importlib.import_module(name), "stands_in")
    except (ImportError, OSError, RuntimeError):
        return False


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
        return CoquiStream(model, text, self._speaker)

    def _voice_of(self, xtts: Any) -> XttsVoice:  # noqa: ANN401 - Coqui has no types
        speakers = xtts.speaker_manager.speakers if xtts.speaker_manager is not None else {}
        try:
            return XttsVoice(*speakers[self._speaker].values())
        except KeyError:
            known = ", ".join(sorted(speakers)[:_SHOWN_SPEAKERS]) or "none: its speakers_xtts.pth is missing"
            detail = f"tts.voice: XTTS needs one of its speakers, not {self._speaker!r}; there are {known}"
            raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail) from None

    def close(self) -> None:
        """Nothing to release: the model belongs to the process."""


def _installed_version() -> str:
    try:
        return importlib.metadata.version("coqui-tts")
    except importlib.metadata.PackageNotFoundError:
        return "none"


class CoquiStream:
    """One text being rendered by a model that renders whole passages."""

    def __init__(self, model: TTS, text: str, speaker: str) -> None:
        self._model = model
        self._text = text
        self._arguments = {"speaker": speaker or None, "language": _LANGUAGE if model.is_multi_lingual else None}
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
