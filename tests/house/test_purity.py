from __future__ import annotations

from pathlib import Path

import pytest

from scripts import purity


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import random",
        "import uuid",
        "import threading",
        "import logging",
        "import asyncio",
        "import socket",
        "import os.path",
        "import urllib.request",
        "from urllib import request",
        "from time import monotonic",
        "import numpy as np",
        "import pjsua2",
        "import voicebot.media.frames",
        "from voicebot.runtime import driver",
        "import handoff.store",
        "from handoff import store",
        "from . import events",
        "def late():\n    import time",
        "from datetime import datetime\nstarted = datetime.now()",
        "from datetime import date\ntoday = date.today()",
        "log = open('log')",
        "print('hello')",
        "key = hash('text')",
        "for name in {'a', 'b'}:\n    pass",
        "names = [name for name in {'a', 'b'}]",
        "async def step(): ...",
        "def count():\n    global calls",
    ],
)
def test_an_impure_module_is_caught(source: str) -> None:
    assert purity.impurities(Path("voicebot/core/bad.py"), source)


@pytest.mark.parametrize(
    "source",
    [
        "from dataclasses import dataclass, field",
        "from collections.abc import Mapping",
        "from datetime import datetime\nmoment = datetime.fromisoformat('2026-01-01T00:00:00+00:00')",
        "from urllib.parse import quote",
        "from voicebot.core import events",
        "from voicebot.core.events import Event",
        "from handoff.packet import Packet",
        "from handoff import packet",
        "names = sorted({'a', 'b'})",
    ],
)
def test_a_pure_module_passes(source: str) -> None:
    assert purity.impurities(Path("voicebot/core/good.py"), source) == []


def test_the_finding_names_the_line() -> None:
    (impurity,) = purity.impurities(Path("voicebot/core/bad.py"), "x = 1\n\nimport time\n")
    assert str(impurity).startswith("voicebot/core/bad.py:3: imports time")


def test_the_core_of_this_project_is_looked_at_and_pure(root: Path) -> None:
    paths = list(purity.pure_modules(root))
    assert {"events.py", "commands.py", "call.py", "machine.py"} <= {path.name for path in paths}
    assert [purity.impurities(path, path.read_text(encoding="utf-8")) for path in paths] == [[] for _ in paths]
