"""A real server that speaks Redis' protocol, on loopback and in a folder of its own, for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.testing.redis_server import RedisServer, no_redis


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if reason := no_redis():
        pytest.skip(reason)
    with RedisServer(tmp_path / "redis") as server:
        yield server
