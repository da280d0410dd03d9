"""Moonshine tiny through onnxruntime: samples in, text and confidence out.

The weights are those inside the `moonshine-voice` wheel. The package itself is never imported: its VAD cuts words off.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from voicebot.asr.failures import EngineUnavailableError

_START, _END = 1, 2
_MIN_SAMPLES = 4_000
"""Shorter input leaves the encoder without a single step."""
_TOKENS_PER_SECOND = 6.5
_EXTRA_TOKENS = 4
_REPEATS = 3
"""A run of tokens that follows itself this often is a loop of the decoder, not speech."""
_LONGEST_LOOP = 12
_WORD_START = "\u2581".encode()


_ENDING = frozenset({b".", b"?", b"!"})
_PUNCTUATION = _ENDING | {b",", b";", b":", b"-", b"--", b"...", b"\xe2\x80\xa6"}

_END_WEIGHT, _PRIOR_COMMA_WEIGHT, _HEARD_COMMA_WEIGHT, _FINALITY_BIAS = 0.61, 0.45, -0.70, -0.20
"""A logistic fit, in log odds, to 1100 pauses at the ends and inside of 60 sentences in seven voices over G.711."""
_LEAST = 1e-5


@dataclass(frozen=True, slots=True)
class Recognised:
    """Text, and the mean probability of its tokens.

    `words` are the tokens without the punctuation that ends the text; `comma` is the probability, as heard, of a comma
    after them.
    """

    text: str
    confidence: float
    words: tuple[int, ...] = ()
    comma: float = 0.0


class MoonshineModel:
    """Two onnxruntime sessions, safe to run from several threads at once."""

    def __init__(self) -> None:
        """Load the weights. Raises EngineUnavailableError."""
        folder = weights_folder()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self._encoder = onnxruntime.InferenceSession(str(folder / "encoder_model.ort"), options, providers)
        self._decoder = onnxruntime.InferenceSession(str(folder / "decoder_model_merged.ort"), options, providers)
        self._vocabulary = read_vocabulary((folder / "tokenizer.bin").read_bytes())
        self._past_shapes = {
            node.name: (1, int(node.shape[1] or 0), 0, int(node.shape[3] or 0))
            for node in self._decoder.get_inputs()
            if node.name.startswith("past_key_values")
        }
        self._present = [node.name for node in self._decoder.get_outputs()][1:]
        self._ending = [*self._tokens_of(_ENDING), _END]
        self._comma = self._tokens_of({b","})
        self._punctuation = frozenset(self._tokens_of(_PUNCTUATION))
        self._unheard: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None

    def transcribe(self, audio: NDArray[np.float32], stop: Callable[[], bool]) -> Recognised | None:
        """Return the text of 16 kHz mono samples in [-1, 1]; None when `stop()` became true between two tokens."""
        hidden, mask = self._encoded(audio)
        limit = int(mask.shape[1] / 16_000 * _TOKENS_PER_SECOND) + _EXTRA_TOKENS
        past = {name: np.zeros(shape, np.float32) for name, shape in self._past_shapes.items()}
        tokens: list[int] = []
        log_probability = comma = 0.0
        for step in range(limit):
            if stop():
                return None
            feed: dict[str, NDArray[Any]] = {
                "input_ids": np.array([[tokens[-1] if tokens else _START]], np.int64),
                "encoder_hidden_states": hidden,
                "encoder_attention_mask": mask,
                "use_cache_branch": np.array([step > 0]),
                **past,
            }
            logits, *present = self._decoder.run(None, feed)
            token, log_p = _best(logits[0, -1])
            log_probability += log_p
            if not tokens or tokens[-1] not in self._punctuation:
                comma = _probability(logits[0, -1], self._comma)
            if token == _END:
                break
            tokens.append(token)
            if loop := _loop_length(tokens):
                del tokens[-loop * (_REPEATS - 1) :]
                break
            for name, value in zip(self._present, present, strict=True):
                # The cross-attention cache is made in the first step; later steps return it empty.
                if step == 0 or ".decoder." in name:
                    past[name.replace("present", "past_key_values")] = value
        confidence = math.exp(log_probability / (len(tokens) + 1))
        return Recognised(self._text(tokens), confidence, self._without_ending(tokens), comma)

    def finality(self, recognised: Recognised) -> float:
        """Return the probability, 0..1, that the sentence is over; about 7 ms.

        After a pause the model ends every text with a full stop, "I would like to." too. So the decoder is asked once
        more what follows these words, with silence for audio: then it is a language model, and knows that "to" does not
        end a sentence. A comma that it hears in the audio's own melody speaks against the end.
        """
        if not recognised.words:
            return 0.5
        hidden, mask = self._unheard = self._unheard or self._encoded(np.zeros(_MIN_SAMPLES, np.float32))
        feed: dict[str, NDArray[Any]] = {
            "input_ids": np.array([[_START, *recognised.words]], np.int64),
            "encoder_hidden_states": hidden,
            "encoder_attention_mask": mask,
            "use_cache_branch": np.array([False]),
            **{name: np.zeros(shape, np.float32) for name, shape in self._past_shapes.items()},
        }
        logits = self._decoder.run(["logits"], feed)[0][0, -1]
        comma = _probability(logits, self._comma)
        score = (
            _FINALITY_BIAS
            + _END_WEIGHT * _log_odds(_probability(logits, self._ending))
            + _PRIOR_COMMA_WEIGHT * _log_odds(comma)
            + _HEARD_COMMA_WEIGHT * _log_odds(recognised.comma)
        )
        return 1.0 / (1.0 + math.exp(-score))

    def _encoded(self, audio: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        samples = np.pad(audio, (0, max(0, _MIN_SAMPLES - len(audio))))[np.newaxis]
        mask = np.ones(samples.shape, np.int64)
        return self._encoder.run(None, {"input_values": samples, "attention_mask": mask})[0], mask

    def _tokens_of(self, texts: Collection[bytes]) -> list[int]:
        return [
            token for token, piece in enumerate(self._vocabulary) if piece.replace(_WORD_START, b"").strip() in texts
        ]

    def _without_ending(self, tokens: list[int]) -> tuple[int, ...]:
        end = len(tokens)
        while end and tokens[end - 1] in self._punctuation:
            end -= 1
        return tuple(tokens[:end])

    def _text(self, tokens: list[int]) -> str:
        pieces = b"".join(self._vocabulary[token] for token in tokens if not _is_special(self._vocabulary[token]))
        return pieces.replace(_WORD_START, b" ").decode("utf-8", "replace").strip()


def weights_folder() -> Path:
    """Return the folder of the weights. Raises EngineUnavailableError."""
    spec = importlib.util.find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        raise EngineUnavailableError("asr.engine moonshine needs the package moonshine-voice==0.1.0: run scripts/setup")
    folder = Path(spec.origin).parent / "assets" / "tiny-en"
    if not (folder / "encoder_model.ort").is_file():
        raise EngineUnavailableError(
            "the installed moonshine-voice holds no weights (assets/tiny-en); only 0.1.0 does: run scripts/setup"
        )
    return folder


def read_vocabulary(data: bytes) -> list[bytes]:
    """Parse `tokenizer.bin`: each token is its length (one byte, or two from 128 on) and its bytes."""
    vocabulary = []
    at = 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:  # noqa: PLR2004 - the length's continuation bit
            length = length - 128 + data[at] * 128
            at += 1
        vocabulary.append(data[at : at + length])
        at += length
    return vocabulary


def _best(logits: NDArray[np.float32]) -> tuple[int, float]:
    token = int(logits.argmax())
    return token, -math.log(float(np.exp(logits - logits[token]).sum()))


def _probability(logits: NDArray[np.float32], tokens: list[int]) -> float:
    likelihoods = np.exp(logits - logits.max())
    return float(likelihoods[tokens].sum() / likelihoods.sum())


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(bounded / (1 - bounded))


def _is_special(piece: bytes) -> bool:
    return piece.startswith(b"<") and piece.endswith(b">")


def _loop_length(tokens: list[int]) -> int:
    """Return the length of the run of tokens that the text ends with `_REPEATS` times, 0 for none.

    A single token may come three times ("no, no, no" or digits), so it must come twice as often.
    """
    for length in range(1, _LONGEST_LOOP + 1):
        repeats = 2 * _REPEATS if length == 1 else _REPEATS
        tail = tokens[-length * repeats :]
        if len(tail) < length * repeats:
            continue
        if tail[length:] == tail[:-length]:
            return length
    return 0
