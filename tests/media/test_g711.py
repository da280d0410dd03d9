from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from voicebot.media.frames import Pcm
from voicebot.media.g711 import MULAW_SILENCE, alaw_decode, alaw_encode, mulaw_decode, mulaw_encode

EVERY_SAMPLE = np.arange(-32_768, 32_768).astype(np.int16)
EVERY_CODE = bytes(range(256))
LAWS = pytest.mark.parametrize(
    ("encode", "decode"), [(mulaw_encode, mulaw_decode), (alaw_encode, alaw_decode)], ids=["mulaw", "alaw"]
)


@LAWS
def test_every_code_survives_the_round_trip(encode: Callable[[Pcm], bytes], decode: Callable[[bytes], Pcm]) -> None:
    samples = decode(EVERY_CODE)
    assert np.array_equal(decode(encode(samples)), samples)


@LAWS
def test_the_error_is_half_a_step_of_the_segment(
    encode: Callable[[Pcm], bytes], decode: Callable[[bytes], Pcm]
) -> None:
    samples = EVERY_SAMPLE.astype(np.int32)
    error = np.abs(decode(encode(EVERY_SAMPLE)).astype(np.int32) - samples)
    assert np.all(error <= np.abs(samples) / 32 + 8)


@LAWS
def test_louder_never_becomes_quieter(encode: Callable[[Pcm], bytes], decode: Callable[[bytes], Pcm]) -> None:
    assert np.all(np.diff(decode(encode(EVERY_SAMPLE)).astype(np.int32)) >= 0)


def test_the_levels_of_g711() -> None:
    assert mulaw_decode(bytes([0x80, 0x00, 0xFF])).tolist() == [32_124, -32_124, 0]
    assert alaw_decode(bytes([0xAA, 0x2A, 0xD5, 0x55])).tolist() == [32_256, -32_256, 8, -8]
    assert mulaw_encode(np.zeros(2, np.int16)) == bytes([MULAW_SILENCE] * 2)
    assert alaw_encode(np.zeros(2, np.int16)) == bytes([0xD5] * 2)
