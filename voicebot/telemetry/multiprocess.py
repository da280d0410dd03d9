"""The directory through which all processes of the bot share their metrics.

prometheus-client decides when it is imported whether values live in files, by PROMETHEUS_MULTIPROC_DIR. So the process
that starts the others calls `prepare` before anything imports `voicebot.telemetry.metrics`; its children inherit the
variable.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def prepare(data_dir: Path) -> Path:
    """Empty the directory of an earlier run, announce it to this process and its children, and return it."""
    directory = data_dir / "run" / "metrics"
    directory.mkdir(parents=True, exist_ok=True)
    for stale in directory.glob("*.db"):
        stale.unlink(missing_ok=True)
    os.environ[VARIABLE] = str(directory)
    return directory
