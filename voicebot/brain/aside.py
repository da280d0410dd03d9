"""A brain that thinks on a thread of its own, so that no call's driver waits for it.

The playbook finds out what a turn means in some milliseconds of computing. On a driver that would hold up the frames of
the caller's speech, which are taken there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from voicebot.brain.protocol import BrainResult, BrainRun, KnowsItsCallers
from voicebot.core.commands import StartBrain
from voicebot.core.events import Category, EngineFailed, Role

MAX_WAITING: Final = 64
"""Runs that may wait or be computed; at 5 ms each the last begins after a third of a second. Further ones fail."""

_LOG = logging.getLogger(__name__)


class AsideRun:
    """A run that waits, is computed, or goes on by itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._begun: BrainRun | None = None

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._cancelled

    def cancel(self) -> None:
        """Post nothing from now on."""
        with self._lock:
            self._cancelled = True
            begun = self._begun
        if begun is not None:
            begun.cancel()

    def begun(self, run: BrainRun) -> None:
        """Remember what goes on, to cancel it; at once if nobody waits any more."""
        with self._lock:
            self._begun = run
            cancelled = self._cancelled
        if cancelled:
            run.cancel()


class Aside:
    """One thread for all calls of a dialplan: their runs are short, and one after the other disturb each other least.

    What the brain posts before its `start` returns is posted in a row from that thread.
    """

    def __init__(self, brain: KnowsItsCallers) -> None:
        self._brain = brain
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="playbook")
        self._free = threading.Semaphore(MAX_WAITING)
        self.name = brain.name
        self.refused = 0
        """Runs that failed because too many were waiting."""

    def warm_up(self) -> None:
        """Let the brain learn its examples."""
        self._brain.warm_up()

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> AsideRun:
        """Begin a run and return at once."""
        run = AsideRun()
        if self._free.acquire(blocking=False):
            self._thread.submit(self._carry_out, run, request, post)
        else:
            self.refused += 1
            post(EngineFailed(Role.BRAIN, request.attempt.number, Category.UNAVAILABLE, permanent=False))
        return run

    def usual_turns(self) -> tuple[str, ...]:
        """Return what callers are expected to say."""
        return self._brain.usual_turns()

    def usual_clauses(self) -> tuple[str, ...]:
        """Return what is answered to it, computed on the thread that asks."""
        return self._brain.usual_clauses()

    def close(self) -> None:
        """End the thread, after the runs that it has."""
        self._thread.shutdown()
        self._brain.close()

    def _carry_out(self, run: AsideRun, request: StartBrain, post: Callable[[BrainResult], None]) -> None:
        def post_unless_cancelled(result: BrainResult) -> None:
            if not run.cancelled:
                post(result)

        try:
            if not run.cancelled:
                run.begun(self._brain.start(request, post_unless_cancelled))
        except Exception as error:  # noqa: BLE001 - the root of a pool thread, where it would vanish
            # The message of an unforeseen error may quote what was said, its type cannot.
            _LOG.error("brain run failed unexpectedly", extra={"error": type(error).__name__})
            post_unless_cancelled(EngineFailed(Role.BRAIN, request.attempt.number, Category.INTERNAL, permanent=False))
        finally:
            self._free.release()
