from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The scripts are commands, not a part of the installed package.
sys.path.insert(0, str(ROOT))


@pytest.fixture
def root() -> Path:
    return ROOT
