"""A bot of its own: `voicebot serve` as a process on free loopback ports, for the demo and the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from voicebot.telemetry.status import WorkerState, read_all

HOST = "127.0.0.1"
START_S = 90.0
STOP_S = 30.0
POLL_S = 0.05


class BotProcess:
    """A context manager: entering starts the bot and waits until it takes calls, leaving stops it.

    Raises BotDidNotStart. `variables` are added to the environment, such as `VOICEBOT_AGENT_URI`.
    """

    def __init__(self, data_dir: Path, variables: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.port = free_port(socket.SOCK_DGRAM)
        self.web_port = free_port(socket.SOCK_STREAM)
        self.log = data_dir / "bot.log"
        self._variables = variables or {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def uri(self, number: str) -> str:
        """Return the SIP URI at which the bot answers for `number`."""
        return f"sip:{number}@{HOST}:{self.port}"

    @property
    def web(self) -> str:
        """Where the bot's pages are."""
        return f"http://{HOST}:{self.web_port}"

    @property
    def pid(self) -> int:
        """The process id of the parent."""
        assert self._process is not None  # noqa: S101 - only asked for between start and stop
        return self._process.pid

    def worker_pids(self) -> tuple[int, ...]:
        """Return the process ids of the workers that take calls."""
        found = read_all(self.data_dir / "run", time.monotonic())
        return tuple(status.pid for status in found if status.state is WorkerState.READY)

    def start(self) -> None:
        """Start the bot and wait until it takes calls."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        settings = {
            "VOICEBOT_SIP__HOST": HOST,
            "VOICEBOT_SIP__PORT": str(self.port),
            "VOICEBOT_WEB__HOST": HOST,
            "VOICEBOT_WEB__PORT": str(self.web_port),
            "VOICEBOT_DATA__DIR": str(self.data_dir),
            **self._variables,
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "voicebot", "serve"],
                env={**os.environ, **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        give_up = time.monotonic() + START_S
        while not self.worker_pids():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise BotDidNotStart(f"the bot did not start; its log, {self.log}, ends with:\n{self._last_lines()}")
            time.sleep(POLL_S)

    def stop(self) -> int:
        """Stop the bot as an operator would and return its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of a bot that was told to go, and return its exit code."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End all its processes at once, without a word, as a crash of the machine would."""
        if self._process is None:
            return
        workers = self.worker_pids()
        self._process.kill()
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class BotDidNotStart(Exception):
    """The message holds the end of the bot's log."""


def free_port(kind: int) -> int:
    """Return a port of HOST that nobody uses right now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
