"""Coqui's models: found on this machine, never downloaded, and loaded through its `TTS.api`."""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import logging
import os
import pickle
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from voicebot.core.events import Category
from voicebot.tts.protocol import SpeakingFailed

if TYPE_CHECKING:
    from TTS.api import TTS

REMEDY = "run scripts/setup --with coqui"

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
        if name in sys.modules:
            continue  # Coqui's modules hold the one that is there.
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
