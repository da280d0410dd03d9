"""A Redis server of its own on loopback, for tests and benchmarks: it can be stopped, frozen, and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from voicebot.cache.shared import client
from voicebot.testing.bot_process import free_port

HOST = "127.0.0.1"
START_S = 20.0
POLL_S = 0.02


def no_redis() -> str:
    """Return why no server can be had here; empty when one can."""
    return "" if shutil.which("redis-server") else "redis-server is not installed: apt-get install redis-server"


class RedisServer:
    """A context manager: entering starts the server and waits until it answers, leaving stops it. Nothing is saved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port(socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What `cache.url` is set to."""
        return f"redis://{HOST}:{self._port}/0"

    def start(self) -> None:
        """Start it, empty, at the same place as before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        options = ("--bind", HOST, "--port", str(self._port), "--dir", str(self._folder), "--save", "")
        self._process = subprocess.Popen(  # noqa: S603 - a server that we name, options of our own
            (shutil.which("redis-server") or "redis-server", *options), stdout=subprocess.DEVNULL, cwd=self._folder
        )
        end = time.monotonic() + START_S
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                self.stop()
                raise RuntimeError("redis-server did not start")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Kill it: connections break at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, self._port)):
                return False
        with client(self.url, patience_s=1.0) as connection:
            return bool(connection.ping())
