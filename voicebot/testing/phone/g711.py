"""G.711 for the phone alone: were the tables shared with the bot, an error in them would cancel out unheard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicebot.testing.phone.sdp import PCMA, PCMU

Pcm = NDArray[np.int16]


def _mu_law() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_law() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = code >> 4 & 7
    magnitude = np.where(
        exponent == 0, ((code & 0x0F) << 4) + 8, ((code & 0x0F) << 4) + 0x108 << np.maximum(exponent - 1, 0)
    )
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_LEVELS = {PCMU: _mu_law(), PCMA: _a_law()}


def _nearest(levels: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Return the code of the nearest level for each int16, indexed by the sample's unsigned 16 bits."""
    order = np.argsort(levels, kind="stable")
    ascending = levels[order].astype(np.int32)
    samples = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int32)
    above = np.searchsorted(ascending, samples).clip(1, 255)
    nearer_below = samples - ascending[above - 1] <= ascending[above] - samples
    codes: NDArray[np.uint8] = order[above - nearer_below].astype(np.uint8)
    return codes


_CODES = {codec: _nearest(levels) for codec, levels in _LEVELS.items()}


def encode(pcm: Pcm, codec: int) -> bytes:
    """Return one octet a sample. `codec` is the static payload type."""
    return bytes(_CODES[codec][pcm.view(np.uint16)])


def decode(payload: bytes, codec: int) -> Pcm:
    """Return one sample an octet."""
    return _LEVELS[codec][np.frombuffer(payload, np.uint8)]
