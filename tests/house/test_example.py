from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

ANSWERED = [
    "bot:    Hello, this is the automated assistant.",
    "caller: What are your opening hours on Saturday?",
    "bot:    On Saturday we are open from nine to four.",
    "caller: And how much does express shipping cost?",
    "bot:    Express shipping costs nine dollars fifty.",
    "caller: Thank you, goodbye.",
    "bot:    Thank you for calling. Goodbye.",
]


def test_the_example_holds_a_whole_call(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    command: list[str | Path] = [sys.executable, root / "examples" / "offline_call.py", out]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    said = [line.split(" ms  ")[1] for line in ran.stdout.splitlines() if " ms  " in line]
    assert said == ANSWERED
    with wave.open(str(out)) as wav:
        assert wav.getframerate() == 16000
        assert wav.getnframes() % 320 == 0
        assert any(wav.readframes(wav.getnframes()))
