"""A playbook on a thread of its own: the same results, nothing after a cancel, a bound on what waits, failures told."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest

from voicebot.brain import aside
from voicebot.brain.aside import Aside
from voicebot.brain.playbook.brain import FinishedRun, PlaybookBrain
from voicebot.brain.protocol import BrainResult
from voicebot.core.commands import StartBrain
from voicebot.core.events import Attempt, BrainFinished, BrainOutcome, Category, EngineFailed
from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy

PLAN = """\
version: 1
intents:
  address: {examples: [where are you], answers: {default: We are at the harbor.}}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    (tmp_path / "shop.yaml").write_text(PLAN)
    policy, faults = load_dialplan(tmp_path / "shop.yaml")
    assert policy is not None, faults
    return policy


def request(number: int = 1, text: str = "Where are you?") -> StartBrain:
    return StartBrain(Attempt(0, number), number, text, (), (), "", 5_000)


class Held(PlaybookBrain):
    """A playbook whose runs wait until they are let go."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def start(self, request: StartBrain, post: object) -> FinishedRun:
        self.begun.set()
        assert self.let_go.wait(10)
        return super().start(request, post)  # type: ignore[arg-type]


class Broken(PlaybookBrain):
    """A playbook with a bug."""

    def start(self, request: StartBrain, post: object) -> FinishedRun:  # noqa: ARG002 - the contract's
        raise RuntimeError(request.text)


def test_a_run_has_the_results_of_the_playbook_from_another_thread(policy: Policy) -> None:
    alone: list[BrainResult] = []
    PlaybookBrain(policy).start(request(), alone.append)
    results: queue.Queue[tuple[BrainResult, str]] = queue.Queue()
    brain = Aside(PlaybookBrain(policy))
    brain.warm_up()
    brain.start(request(), lambda result: results.put((result, threading.current_thread().name)))
    got = [results.get(timeout=10) for _ in alone]
    brain.close()
    assert [result for result, _ in got] == alone
    assert all(thread.startswith("playbook") for _, thread in got)
    assert brain.usual_clauses() == ("We are at the harbor.",)


def test_nothing_is_posted_after_a_cancel(policy: Policy) -> None:
    playbook, posted = Held(policy), list[BrainResult]()
    brain = Aside(playbook)
    under_way, waiting = brain.start(request(1), posted.append), brain.start(request(2), posted.append)
    assert playbook.begun.wait(10)
    under_way.cancel()
    waiting.cancel()
    playbook.let_go.set()
    brain.close()
    assert posted == []


def test_no_more_than_so_many_wait(policy: Policy) -> None:
    playbook, posted = Held(policy), list[BrainResult]()
    brain = Aside(playbook)
    for number in range(aside.MAX_WAITING + 1):
        brain.start(request(number), posted.append)
    assert [type(result) for result in posted] == [EngineFailed]
    assert brain.refused == 1
    playbook.let_go.set()
    brain.close()
    ended = [result for result in posted if isinstance(result, BrainFinished)]
    assert len(ended) == aside.MAX_WAITING
    assert {result.outcome for result in ended} == {BrainOutcome.ANSWERED}


def test_an_unforeseen_error_is_a_failure_of_the_brain_and_tells_nothing_of_the_turn(
    policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    posted: list[BrainResult] = []
    brain = Aside(Broken(policy))
    brain.start(request(7, "a secret"), posted.append)
    brain.close()
    assert [(result.ref, result.category) for result in posted if isinstance(result, EngineFailed)] == [
        (7, Category.INTERNAL)
    ]
    assert "secret" not in caplog.text
