"""Render the caller's lines anew: `python -m voicebot.testing.speech.render`, with flite installed."""

from __future__ import annotations

import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from voicebot.testing.speech import LINES, SAMPLE_RATE, Pcm, as_int16, read_wav
from voicebot.testing.wire import voiced_bounds

VOICE = "rms"
_LEVEL = 3277.0
"""RMS of every line: -20 dBFS, a usual level on the telephone."""
_MARGIN = SAMPLE_RATE // 50


def main() -> None:
    """Write every line beside this module."""
    with tempfile.TemporaryDirectory() as scratch:
        spoken = Path(scratch) / "spoken.wav"
        for name, text in LINES.items():
            subprocess.run(["flite", "-voice", VOICE, "-t", text, "-o", str(spoken)], check=True)  # noqa: S603, S607
            _write(Path(__file__).with_name(f"{name}.wav"), _levelled(read_wav(spoken)))


def _levelled(pcm: Pcm) -> Pcm:
    """Cut the silence around the speech down to 20 ms, and bring the speech to the common level."""
    first, last = voiced_bounds(pcm) or (0, len(pcm))
    cut = pcm[max(0, first - _MARGIN) : last + _MARGIN].astype(np.float64)
    return as_int16(cut * _LEVEL / np.sqrt(np.square(cut).mean()))


def _write(path: Path, pcm: Pcm) -> None:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(pcm.tobytes())


if __name__ == "__main__":
    main()
