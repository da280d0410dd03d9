from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

BAD_IMPORTS = {
    "voicebot/media/bad.py": "import pjsua2",
    "voicebot/asr/bad.py": "import voicebot.tts.protocol",
    "voicebot/core/bad.py": "import numpy\nimport voicebot.asr.protocol",
    "voicebot/web/bad.py": "import onnxruntime",
    "voicebot/testing/phone/bad.py": "import voicebot.sip",
    "handoff/bad.py": "import voicebot.core.events",
}

CONTRACTS = (
    "Imports point down: wiring, runtime, adapters, media, core",
    "The handoff package knows nothing of the bot",
    "The core knows no adapter and no library",
    "ASR, brain, TTS and tools do not know one another",
    "Only voicebot.sip imports pjsua2",
    "The web process loads no engine and no SIP stack",
    "The test phone shares no code with the bot's SIP stack",
)


def test_a_bad_import_breaks_its_contract(root: Path, tmp_path: Path) -> None:
    for package in ("voicebot", "handoff"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for place, source in BAD_IMPORTS.items():
        (tmp_path / place).write_text(source + "\n", encoding="utf-8")
    shutil.copy(root / ".importlinter", tmp_path)
    linter = Path(sys.executable).with_name("lint-imports")
    verdict = subprocess.run([linter, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert verdict.returncode == 1
    broken = [contract for contract in CONTRACTS if f"{contract} BROKEN" in verdict.stdout]
    assert broken == list(CONTRACTS), verdict.stdout
