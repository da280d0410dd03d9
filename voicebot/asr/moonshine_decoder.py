"""One step of Moonshine's decoder, for one text or for several at a time, with the caches that a step leaves behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

START, END = 1, 2
"""The tokens before and after every text."""

Logits = NDArray[np.float32]
Cache = Mapping[str, NDArray[np.float32]]
"""Keys and values of the attention, one row a text."""


class Encoded(NamedTuple):
    """Audio as the decoder listens to it, and the mask of its samples."""

    hidden: NDArray[np.float32]
    mask: NDArray[np.int64]

    def rows(self, count: int) -> Encoded:
        """Return the same for `count` texts."""
        return Encoded(np.repeat(self.hidden[:1], count, 0), np.repeat(self.mask[:1], count, 0))


class Decoder:
    """Safe to use from several threads at once: what changes is in the caches, which belong to whoever decodes."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._empty = {
            node.name: np.zeros((1, int(node.shape[1] or 0), 0, int(node.shape[3] or 0)), np.float32)
            for node in session.get_inputs()
            if node.name.startswith("past_key_values")
        }
        present = [node.name for node in session.get_outputs()][1:]
        self._past = [name.replace("present", "past_key_values") for name in present]

    def begin(self, encoded: Encoded, tokens: Sequence[int] = (START,)) -> tuple[Logits, Cache]:
        """Return the logits after `tokens` (vocabulary), and the caches for the next step."""
        logits, *present = self._run(encoded, np.array([tokens], np.int64), self._empty, first=True)
        return logits[0, -1], dict(zip(self._past, present, strict=True))

    def advance(
        self, encoded: Encoded, cache: Cache, tokens: Sequence[int], rows: Sequence[int] = (0,)
    ) -> tuple[Logits, Cache]:
        """Go on with `tokens`, each behind the text whose row of `cache` stands in `rows`.

        Returns the logits (texts, vocabulary) and the caches of these texts. `encoded` has a row for each.
        """
        past = {name: _of_rows(name, values, rows) for name, values in cache.items()}
        logits, *present = self._run(encoded, np.array([tokens], np.int64).T, past, first=False)
        # The cross-attention cache is made in the first step; later steps return it empty.
        fresh = {n: v for n, v in zip(self._past, present, strict=True) if ".decoder." in n}
        return logits[:, -1], {**past, **fresh}

    def _run(
        self, encoded: Encoded, tokens: NDArray[np.int64], past: Cache, *, first: bool
    ) -> list[NDArray[np.float32]]:
        feed: dict[str, NDArray[Any]] = {
            "input_ids": tokens,
            "encoder_hidden_states": encoded.hidden,
            "encoder_attention_mask": encoded.mask,
            "use_cache_branch": np.array([not first]),
            **past,
        }
        return self._session.run(None, feed)


def log_probabilities(logits: Logits) -> NDArray[np.float64]:
    """Return the log probability of each token that may come next."""
    shifted = logits.astype(np.float64) - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def _of_rows(name: str, values: NDArray[np.float32], rows: Sequence[int]) -> NDArray[np.float32]:
    if ".decoder." not in name:  # all texts listen to the same audio
        return values if len(values) == len(rows) else np.repeat(values[:1], len(rows), 0)
    return values if tuple(rows) == tuple(range(len(values))) else values[list(rows)]
