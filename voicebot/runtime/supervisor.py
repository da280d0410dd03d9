"""`voicebot serve`: the workers and the web process, and one parent that keeps them.

Calls live in the workers and all HTTP in a process of its own, so that no page, scrape or crash of one touches the
calls of another. A worker that dies is started again; one that never came up ends the whole, since that is a
configuration that somebody must see.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voicebot.telemetry import metrics
from voicebot.telemetry.status import WorkerState, read_all

_LOG = logging.getLogger(__name__)

RESTART_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Waits before the first, second ... restart of a child; the last one repeats."""

STEADY_S = 60.0
"""A child that lived this long starts with the shortest wait again."""

POLL_S = 0.2
KILL_AFTER_S = 10.0
"""Beyond the drain limit: a child that is still there is killed."""


class AlreadyRunning(Exception):
    """Another bot uses this data directory."""


@dataclass
class _Child:
    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    next_start: float = 0.0
    came_up: bool = False

    def start(self) -> None:
        """Start the process in our own process group, so that a terminal's Ctrl-C reaches it as well."""
        self.process = subprocess.Popen(self.command)  # noqa: S603 - our own interpreter and arguments
        self.started = time.monotonic()

    def signal(self, number: int) -> None:
        """Send a signal to the process if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


@dataclass
class Supervisor:
    """Starts the children and waits. `arguments` come after `voicebot` for each worker."""

    data_dir: Path
    workers: Sequence[Sequence[str]]
    web: Sequence[str]
    drain_limit_s: float
    _children: list[_Child] = field(default_factory=list)
    _stop: bool = False
    _reload: bool = False
    _wake: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code. Raises AlreadyRunning."""
        place = claim(self.data_dir)
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            voicebot = (sys.executable, "-m", "voicebot")
            self._children = [
                *(_Child(f"worker-{i}", (*voicebot, *line)) for i, line in enumerate(self.workers, start=1)),
                _Child("web", (*voicebot, *self.web)),
            ]
            for child in self._children:
                child.start()
            code = self._watch()
            self._end()
        finally:
            place.unlink(missing_ok=True)
        return code

    def _on_signal(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stop = True
        self._wake.set()

    def _watch(self) -> int:
        while not self._stop:
            self._wake.wait(POLL_S)
            self._wake.clear()
            if self._reload:
                self._reload = False
                for child in self._children:
                    child.signal(signal.SIGHUP)
            ready = {
                status.pid
                for status in read_all(self.data_dir / "run", time.monotonic())
                if status.state in {WorkerState.READY, WorkerState.DRAINING}
            }
            for child in self._children:
                if not self._keep(child, ready):
                    return 1
        return 0

    def _keep(self, child: _Child, ready: set[int]) -> bool:
        """Restart a child that died. False when a worker never came up."""
        now = time.monotonic()
        if child.process is None:
            if now >= child.next_start:
                child.start()
            return True
        child.came_up = child.came_up or child.process.pid in ready or child.name == "web"
        code = child.process.poll()
        if code is None:
            return True
        if not child.came_up:
            return False  # it has said why on stderr
        metrics.forget_process(child.process.pid)
        child.restarts = 0 if now - child.started > STEADY_S else child.restarts + 1
        wait_s = RESTART_S[min(child.restarts, len(RESTART_S) - 1)]
        _LOG.error("process died, starting it again", extra={"child": child.name, "code": code, "in_s": wait_s})
        child.process, child.next_start = None, now + wait_s
        return True

    def _end(self) -> None:
        """Drain the workers; the web process goes last, so that the drain can be watched."""
        *workers, web = self._children
        for group, patience_s in ((workers, self.drain_limit_s + KILL_AFTER_S), ([web], KILL_AFTER_S)):
            for child in group:
                child.signal(signal.SIGTERM)
            end = time.monotonic() + patience_s
            for child in group:
                _reap(child, end)


def _reap(child: _Child, end: float) -> None:
    if child.process is None:
        return
    try:
        child.process.wait(max(0.1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        _LOG.error("process did not stop, killing it", extra={"child": child.name})
        child.process.kill()
        child.process.wait()


def pid_file(data_dir: Path) -> Path:
    """Return where the parent's process id stands while it serves."""
    return data_dir / "run" / "serve.pid"


def claim(data_dir: Path) -> Path:
    """Write our process id, so that `voicebot drain` finds us. Raises AlreadyRunning."""
    path = pid_file(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    other = serving_pid(data_dir)
    if other is not None:
        raise AlreadyRunning(
            f"{data_dir} is used by a running voicebot, pid {other}: stop it or choose another data.dir"
        )
    path.write_text(f"{os.getpid()}\n")
    return path


def serving_pid(data_dir: Path) -> int | None:
    """Return the process id of the bot that serves from `data_dir`, None when there is none."""
    try:
        pid = int(pid_file(data_dir).read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"voicebot" in command else None
