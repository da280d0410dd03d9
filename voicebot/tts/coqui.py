"""Coqui TTS, in process, through its `TTS.api`: any of its models, by path or by the name of a downloaded one.

A model renders a whole text before it hands out a sample. So texts are rendered in passages, as for Piper.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from voicebot.core.events import Category
from voicebot.tts.passages import passages
from voicebot.tts.protocol import Pcm, SpeakingFailed

if TYPE_CHECKING:
    from TTS.api import TTS

REVISION = 1
"""Counts changes in how texts are cut and rendered; cached speech of another revision is not used."""
REMEDY = "run scripts/setup --with coqui"

_LANGUAGE = "en"
_CHUNK_MS = 100
_USUAL_RATE = 22_050
"""Hz, until the model is loaded and tells its own."""
_FULL_SCALE = 32_767.0
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
def load_model(files: ModelFiles) -> TTS:
    """Load a model once a process, seconds of work. Raises SpeakingFailed."""
    # At INFO Coqui logs the texts themselves.
    logging.getLogger("TTS").setLevel(logging.WARNING)
    try:
        import torch  # noqa: PLC0415 - an extra: the base install has none
        from TTS.api import TTS  # noqa: PLC0415
    except (ImportError, OSError) as error:
        # OSError: a torchaudio that was built for another torch. Coqui's own message is a paragraph.
        reason = " ".join(str(error).split())
        detail = f"tts.engine coqui cannot be imported: {reason}; {REMEDY}"
        raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail) from error
    torch.set_num_threads(1)
    try:
        return TTS(model_path=str(files.model), config_path=str(files.config), progress_bar=False)
    except _LOAD_ERRORS as error:
        detail = f"tts.model: {files.model} is no model that Coqui can load: {type(error).__name__}"
        raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail) from error


class CoquiTts:
    """A TtsEngine in this process. `speaker` is one of the model's, if it has several."""

    name = "coqui"

    def __init__(self, files: ModelFiles, speaker: str = "") -> None:
        self._files = files
        self._speaker = speaker
        self.voice = f"{files.model.resolve()} {speaker}".strip()
        self.version = f"{_installed_version()}+{REVISION}"
        self.rate = _USUAL_RATE

    def warm_up(self) -> None:
        """Load the model and render a word, so that every lazy part is in place. Raises SpeakingFailed."""
        for _ in self.open("Hello.").chunks():
            pass

    def open(self, text: str) -> CoquiStream:
        """Prepare to render `text`. Loads the model if `warm_up` has not; raises SpeakingFailed if it cannot."""
        model = load_model(self._files)
        self.rate = model.synthesizer.output_sample_rate
        return CoquiStream(model, text, self._speaker)

    def close(self) -> None:
        """Nothing to release: the model belongs to the process."""


def _installed_version() -> str:
    try:
        return importlib.metadata.version("coqui-tts")
    except importlib.metadata.PackageNotFoundError:
        return "none"


class CoquiStream:
    """One text being rendered."""

    def __init__(self, model: TTS, text: str, speaker: str) -> None:
        self._model = model
        self._text = text
        self._arguments = {"speaker": speaker or None, "language": _LANGUAGE if model.is_multi_lingual else None}
        self._step = model.synthesizer.output_sample_rate * _CHUNK_MS // 1000
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Hand out no further chunk. The passage that is being computed is thrown away."""
        self._cancelled.set()

    def chunks(self) -> Iterator[Pcm]:
        """Yield up to 100 ms at a time. Raises SpeakingFailed; ends quietly after `cancel`."""
        for passage in passages(self._text):
            if self._cancelled.is_set():
                return
            samples = self._render(passage)
            for start in range(0, len(samples), self._step):
                if self._cancelled.is_set():
                    return
                yield samples[start : start + self._step]

    def _render(self, passage: str) -> Pcm:
        # Models stumble over a text that does not end.
        text = f"{passage}." if passage[-1].isalnum() else passage
        try:
            wave = self._model.tts(text, split_sentences=False, **self._arguments)
        except (RuntimeError, ValueError, LookupError, TypeError) as error:
            detail = f"Coqui could not render a passage: {type(error).__name__}"
            raise SpeakingFailed(Category.INTERNAL, permanent=False, detail=detail) from error
        # Coqui puts half a second of zeros behind every text; between two passages that is a gap.
        audio = np.trim_zeros(np.asarray(wave, np.float32), "b")
        return (np.clip(audio, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
