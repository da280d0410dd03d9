"""mu-law and A-law (ITU-T G.711), vectorised and exact.

Samples are int16; codes are uint8 as they go over the wire (mu-law inverted, A-law with even bits inverted).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicebot.media.frames import Pcm

MULAW_SILENCE = 0xFF
"""The mu-law code of the sample 0."""

_MULAW_BIAS = 33
"""Of the 14-bit magnitude, as in the ITU's reference code (G.191)."""
_MULAW_CLIP = 0x1FFF


def _expand_mulaw() -> Pcm:
    codes = ~np.arange(256, dtype=np.uint8)
    exponent = (codes >> 4) & 0x07
    magnitude = ((((codes & 0x0F).astype(np.int32) << 1) + _MULAW_BIAS) << exponent) - _MULAW_BIAS
    return np.where(codes & 0x80, -magnitude << 2, magnitude << 2).astype(np.int16)


def _expand_alaw() -> Pcm:
    codes = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((codes >> 4) & 0x07).astype(np.int32)
    mantissa = (codes & 0x0F).astype(np.int32) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


def _compress_mulaw() -> NDArray[np.uint8]:
    samples = np.arange(-32_768, 32_768, dtype=np.int32)
    magnitude = np.where(samples < 0, ~samples, samples) >> 2
    magnitude = np.minimum(magnitude + _MULAW_BIAS, _MULAW_CLIP)
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    mantissa = (magnitude >> (exponent + 1)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    return np.asarray(~(sign | (exponent << 4) | mantissa) & 0xFF, np.uint8)


def _compress_alaw() -> NDArray[np.uint8]:
    samples = np.arange(-32_768, 32_768, dtype=np.int32)
    magnitude = np.where(samples < 0, ~samples, samples) >> 3
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    mantissa = (magnitude >> np.maximum(exponent, 1)) & 0x0F
    sign = np.where(samples < 0, 0, 0x80)
    return np.asarray((sign | (exponent << 4) | mantissa) ^ 0x55, np.uint8)


_MULAW_TO_PCM = _expand_mulaw()
_ALAW_TO_PCM = _expand_alaw()
_PCM_TO_MULAW = _compress_mulaw()
_PCM_TO_ALAW = _compress_alaw()


def mulaw_encode(pcm: Pcm) -> bytes:
    """Return one mu-law byte for each sample."""
    return _PCM_TO_MULAW[pcm.astype(np.int32) + 32_768].tobytes()


def mulaw_decode(codes: bytes) -> Pcm:
    """Return one sample for each mu-law byte."""
    return np.take(_MULAW_TO_PCM, np.frombuffer(codes, np.uint8))


def alaw_encode(pcm: Pcm) -> bytes:
    """Return one A-law byte for each sample."""
    return _PCM_TO_ALAW[pcm.astype(np.int32) + 32_768].tobytes()


def alaw_decode(codes: bytes) -> Pcm:
    """Return one sample for each A-law byte."""
    return np.take(_ALAW_TO_PCM, np.frombuffer(codes, np.uint8))
