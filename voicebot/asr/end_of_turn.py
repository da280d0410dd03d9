"""An end-of-turn model that somebody plugs in by its path: it hears from the audio whether the turn is over.

The contract. The file is ONNX. Its one input is float32 of shape [1, N]: the last N samples of the utterance at 16 kHz,
scaled to -1..1. With a fixed N, at most 8 s, shorter utterances get zeros in front; with a free one the model gets what
there is, up to 8 s. Its one output is a single float32, the probability 0..1 that the turn is over. Any names will do.

Its answer takes the place of `Heard.finality` in a decode that was asked for. It works beside the recogniser and may
take 50 ms longer; if it is later, or its answer is no probability, the recogniser's own judgement goes.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as reasons

from voicebot.asr.decode_pool import DecodePool
from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import NO_HINTS, SAMPLE_RATE, AsrEngine, AsrResult, AsrStream, Heard, Hints
from voicebot.asr.utterance import UtteranceAudio
from voicebot.media.frames import Pcm

LONGEST_SAMPLES: Final = 8 * SAMPLE_RATE
GRACE_S: Final = 0.05
"""How long a text waits for the model's answer."""
_SHAPE: Final = "give it one float32 input of shape [1, N], N at most 128000 or free, and one float32 output"
_UNREADABLE: Final = (
    reasons.Fail,
    reasons.InvalidArgument,
    reasons.InvalidGraph,
    reasons.InvalidProtobuf,
    reasons.NoSuchFile,
    reasons.NotImplemented,
    reasons.RuntimeException,
)
"""What onnxruntime raises for files that it cannot load, and models that it cannot run."""


class EndOfTurnModel:
    """One model a process, with one thread, shared by all calls. Raises EngineUnavailableError."""

    def __init__(self, path: str) -> None:
        self.counts: Counter[str] = Counter()
        """What became of texts: `used` the answer, `late` for it, `none` came; and answers that were `garbage`."""
        self._session = _loaded(path)
        node, *_ = self._session.get_inputs()
        self._name = node.name
        self._samples = node.shape[1] if isinstance(node.shape[1], int) else None
        try:
            answer = self._answer(np.zeros(SAMPLE_RATE, np.int16))
        except _UNREADABLE as error:
            raise _unfit(path, "does not run on a second of silence", _SHAPE) from error
        if answer is None:
            raise _unfit(
                path, "gives no single number from 0 to 1", "let it give the probability that the turn is over"
            )
        self.pool = DecodePool("end-of-turn")

    def ask(self, pcm: Pcm, answer: Callable[[float | None], None]) -> None:
        """Let the model judge an utterance so far; `answer` comes on the model's thread, with None for none."""
        pcm = pcm[-LONGEST_SAMPLES:]
        if not len(pcm) or not self.pool.submit(
            lambda: answer(self._answer(pcm)), time.monotonic(), lambda _: answer(None)
        ):
            answer(None)

    def close(self) -> None:
        """Stop the thread."""
        self.pool.close()

    def _answer(self, pcm: Pcm) -> float | None:
        if self._samples is not None:
            pcm = np.pad(pcm[-self._samples :], (max(0, self._samples - len(pcm)), 0))
        audio = pcm.astype(np.float32)[np.newaxis] / np.float32(32_768.0)
        (output,) = self._session.run(None, {self._name: audio})
        if np.size(output) != 1 or not 0.0 <= float(np.ravel(output)[0]) <= 1.0:
            self.counts["garbage"] += 1
            return None
        return float(np.ravel(output)[0])


class JudgedEngine:
    """A recogniser whose finality is the model's. The recogniser and the model are closed by those who own them."""

    def __init__(self, engine: AsrEngine, model: EndOfTurnModel) -> None:
        self.name = engine.name
        self._engine = engine
        self._model = model

    def warm_up(self) -> None:
        """Load the recogniser; the model is."""
        self._engine.warm_up()

    def open(self, post: Callable[[AsrResult], None], hints: Hints = NO_HINTS) -> JudgedStream:
        """Start an utterance whose results go to `post`."""
        judged = _Judged(post, self._model.counts)
        return JudgedStream(self._engine.open(judged.heard, hints), self._model, judged)

    def close(self) -> None:
        """Release the recogniser."""
        self._engine.close()


class JudgedStream:
    """One utterance. The audio is kept a second time, for the model alone."""

    def __init__(self, stream: AsrStream, model: EndOfTurnModel, judged: _Judged) -> None:
        self._stream = stream
        self._model = model
        self._judged = judged
        self._audio = UtteranceAudio()

    def feed(self, frame: bytes) -> None:
        """Take one frame of 640 bytes."""
        self._audio.append(frame)
        self._stream.feed(frame)

    def decode(self, number: int) -> None:
        """Ask both for their answers to everything fed so far."""
        self._judged.expect(number)
        self._model.ask(self._audio.snapshot(), lambda finality: self._judged.judged(number, finality))
        self._stream.decode(number)

    def close(self) -> None:
        """Forget the utterance."""
        self._judged.expect(0)
        self._stream.close()


class _Judged:
    """Brings the text and the judgement of the newest decode together, whichever comes first. Used by any thread."""

    def __init__(self, post: Callable[[AsrResult], None], counts: Counter[str]) -> None:
        self._post = post
        self._counts = counts
        self._lock = threading.Lock()
        self._number = 0
        """The decode that is under way, 0 for none."""
        self._answered = False
        self._finality: float | None = None
        self._text: Heard | None = None

    def expect(self, number: int) -> None:
        with self._lock:
            self._number, self._answered, self._finality, self._text = number, False, None, None

    def heard(self, result: AsrResult) -> None:
        """Take a result of the recogniser; a text waits for the model, nothing else does."""
        with self._lock:
            waits = isinstance(result, Heard) and result.decode and result.decode == self._number
            if waits and isinstance(result, Heard):
                self._text = result
        if not waits:
            self._post(result)
            return
        self._tell(result.decode)
        if self._text is not None:
            timer = threading.Timer(GRACE_S, self._tell, (result.decode,), {"late": True})
            timer.daemon = True
            timer.start()

    def judged(self, number: int, finality: float | None) -> None:
        """Take the model's answer."""
        with self._lock:
            if number != self._number:
                return
            self._answered, self._finality = True, finality
        self._tell(number)

    def _tell(self, number: int, *, late: bool = False) -> None:
        """Post the text if it is here and need not wait any longer."""
        with self._lock:
            text = self._text
            if number != self._number or text is None or not (self._answered or late):
                return
            self._text = None
            if self._finality is not None:
                text = replace(text, finality=self._finality)
            self._counts["late" if not self._answered else "used" if self._finality is not None else "none"] += 1
        self._post(text)


def _loaded(path: str) -> onnxruntime.InferenceSession:
    """Load a model and see that its ends fit. Raises EngineUnavailableError."""
    if not Path(path).is_file():
        raise _unfit(path, "is not there", "correct the path, or leave the key out")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _UNREADABLE as error:
        raise _unfit(path, "is no model that onnxruntime can load", "export it again, or leave the key out") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    fits = len(inputs) == len(outputs) == 1 and {inputs[0].type, outputs[0].type} == {"tensor(float)"}
    shape = inputs[0].shape if fits else ()
    if len(shape) != 2 or (isinstance(shape[0], int) and shape[0] != 1):  # noqa: PLR2004 - [1, N]
        raise _unfit(path, "has other inputs and outputs than it should", _SHAPE)
    if isinstance(shape[1], int) and not 0 < shape[1] <= LONGEST_SAMPLES:
        raise _unfit(path, f"wants {shape[1]} samples, which is more than 8 s", _SHAPE)
    return session


def _unfit(path: str, what: str, remedy: str) -> EngineUnavailableError:
    return EngineUnavailableError(f"endpointing.model: {path!r} {what}; {remedy}")
