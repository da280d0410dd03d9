"""What must hold for any call whatever."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.machine import State as HandoffState
from tests.core.sequences import KINDS, asked_for_consent, event, one_call
from tests.core.timeline import CHAINED, POLICY, STARTED, with_phrases
from voicebot.core import call
from voicebot.core.commands import (
    CallTool,
    CancelBrain,
    Command,
    Hangup,
    Note,
    OpenUtterance,
    Refer,
    Speak,
    StartBrain,
)
from voicebot.core.conversation import State
from voicebot.core.ear import State as EarState
from voicebot.core.events import CallAnswered, CallStarted, DeadlineReached, Event, Played, SpeechRendered
from voicebot.core.mouth import State as MouthState
from voicebot.core.move import CallState
from voicebot.core.policy import CallPolicy
from voicebot.core.safety import State as SafetyState
from voicebot.core.tooling import State as ToolState

ROOT = Path(__file__).resolve().parents[2]

POLICIES = (
    POLICY,
    replace(POLICY, barge_in=replace(POLICY.barge_in, enabled=False)),
    replace(POLICY, transfer=replace(POLICY.transfer, target="")),
    with_phrases(greeting="", no_match=(), no_input=(), apology="", handoff="", handoff_failed="", goodbye=""),
)

Script = list[tuple[int, int, int]]
"""(ms since the event before, kind, pick)"""

scripts = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, KINDS - 1), st.integers(0, 999)), max_size=60)
policies = st.sampled_from(POLICIES)
starts = st.sampled_from((STARTED, CHAINED, replace(STARTED, early_media=True)))
deterministic = settings(max_examples=200, deadline=None, derandomize=True, database=None)


class Watched:
    """Runs a script and checks after every step what must always hold."""

    def __init__(self, policy: CallPolicy) -> None:
        self.state = call.begin(policy)
        self.now_ms = 0
        self.commands: list[Command] = []

    def step(self, happened: Event) -> None:
        before = self.state
        self.state, commands = call.step(before, happened, self.now_ms)
        self.commands += commands
        _check_commands(before, self.state, commands)
        _check_state(self.state)

    def run_to(self, ms: int) -> None:
        while (due_ms := call.next_deadline(self.state)) is not None and due_ms <= ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.step(DeadlineReached())
            following = call.next_deadline(self.state)
            assert following is None or following > self.now_ms, "a busy loop"
        self.now_ms = ms

    def run(self, script: Script) -> None:
        for wait_ms, kind, pick in script:
            self.run_to(self.now_ms + wait_ms)
            self.step(event(self.state, self.now_ms, kind, pick))
        self.run_to(self.now_ms)


def _check_commands(before: CallState, after: CallState, commands: tuple[Command, ...]) -> None:
    _check_brain_runs(before, commands)
    _check_consent(before, commands)
    if before.early is not None and before.conversation.state is State.LISTENING and after.early is not None:
        side_effects = [c for c in commands if isinstance(c, CallTool) and c.name != "orders"]
        assert not side_effects, "a side effect of a turn that is not over"
    if before.ended:
        assert not any(isinstance(c, Speak | StartBrain | CallTool | Refer | OpenUtterance) for c in commands)
    if before.handoff.under_way and after.handoff.under_way:
        assert not any(isinstance(c, StartBrain | CallTool) for c in commands)
    if any(isinstance(c, Note) and c.mark == "rejected" for c in commands) and len(commands) == 1:
        assert after == replace(before, tooling=after.tooling), "a rejected event changes nothing"


def _check_consent(before: CallState, commands: tuple[Command, ...]) -> None:
    """A first attempt of what has a side effect comes with the caller's yes, and no key is used by two things."""
    agreed = {f.get("call") for f in (dict(c.fields) for c in commands if isinstance(c, Note)) if f.get("given") == 1}
    tried = {tool.number for tool in before.tooling.calls if tool.tries}
    for command in commands:
        if isinstance(command, CallTool) and command.name in {"book", "cancel"}:
            assert command.call in agreed | tried, "nobody agreed to it"
            same_key = [t for t in before.tooling.calls if f"{before.call_id}-{t.key}" == command.key and t.tries]
            assert all((t.name, t.arguments) == (command.name, command.arguments) for t in same_key)


def _check_brain_runs(before: CallState, commands: tuple[Command, ...]) -> None:
    numbers = [c.attempt.number for c in commands if isinstance(c, StartBrain)]
    assert numbers == sorted(set(numbers))
    assert all(number > before.conversation.attempts for number in numbers), "an attempt is used once"
    under_way = {before.conversation.brain, before.early.attempt if before.early else None}
    started = {c.attempt for c in commands if isinstance(c, StartBrain)}
    cancelled = [c.attempt for c in commands if isinstance(c, CancelBrain)]
    assert len(set(cancelled)) == len(cancelled)
    assert set(cancelled) <= under_way | started, "what is not running cannot be stopped"


def _check_state(state: CallState) -> None:
    mouth, talk = state.mouth, state.conversation
    if mouth.state is MouthState.PAUSED:
        on_hold = state.ear.state is EarState.ON_HOLD
        assert on_hold or state.suspicion is not None, "a mouth that nobody will let go on"
    if mouth.state is MouthState.SILENT:
        assert not mouth.queue
        assert talk.state is not State.SPEAKING or talk.busy or talk.leaving, "nobody has the turn"
    if mouth.state in {MouthState.PLAYING, MouthState.DRAINING}:
        assert mouth.queue
        assert not mouth.starving or mouth.due_ms is not None
    if talk.state is State.THINKING:
        assert talk.busy
    if talk.leaving:
        assert talk.state in {State.GREETING, State.SPEAKING, State.ENDED}
    if state.ear.open:
        assert state.ear.due_ms is not None
    _check_early_work(state)
    _check_somebody_moves(state)


def _check_early_work(state: CallState) -> None:
    early, talk = state.early, state.conversation
    if early is None:
        return
    assert talk.state is State.LISTENING, "asked ahead of a turn that is not the caller's"
    assert state.ear.open, "no turn is left that could use it"
    assert early.attempt.epoch == state.mouth.epoch
    assert early.attempt.number == talk.attempts
    assert early.attempt != talk.brain
    assert not talk.busy


def _check_somebody_moves(state: CallState) -> None:
    """A call that is up and not on hold has a deadline, audio to play, or is about to hang up."""
    talk = state.conversation
    waits_for_wire = state.mouth.state in {MouthState.PLAYING, MouthState.DRAINING}
    over = state.ended or not talk.connected or state.handoff.state == "transferred"
    if over or talk.leaving or waits_for_wire or state.ear.state is EarState.ON_HOLD:
        return
    assert call.next_deadline(state) is not None, "a stuck call"


@deterministic
@given(policies, starts, scripts)
def test_no_call_gets_stuck_or_starts_what_it_must_not(
    policy: CallPolicy, started: CallStarted, script: Script
) -> None:
    watched = Watched(policy)
    watched.step(started)
    watched.step(CallAnswered("PCMU"))
    watched.run(script)


@deterministic
@given(policies, scripts)
def test_not_even_before_it_was_answered(policy: CallPolicy, script: Script) -> None:
    Watched(policy).run(script)


@deterministic
@given(policies, starts, scripts)
def test_a_call_that_is_left_alone_comes_to_an_end(policy: CallPolicy, started: CallStarted, script: Script) -> None:
    """With engines that have died and a caller who has gone, the deadlines alone lead to a hang-up."""
    watched = Watched(policy)
    watched.step(started)
    watched.step(CallAnswered("PCMU"))
    watched.run(script)
    state = watched.state
    if state.ended or state.ear.state is EarState.ON_HOLD or state.handoff.state == "transferred":
        return
    for _ in range(60):
        _play_out(watched)
        watched.run_to(watched.now_ms + 5000)
    assert any(isinstance(c, Hangup) for c in watched.commands)


def _play_out(watched: Watched) -> None:
    """What was rendered leaves the ring, as the port sees to by itself."""
    for utterance in watched.state.mouth.queue:
        watched.step(SpeechRendered(utterance.speech, utterance.frames, final=True))
        watched.step(Played(utterance.speech, utterance.frames))


@deterministic
@given(scripts)
def test_nothing_is_done_without_consent(script: Script) -> None:
    watched = Watched(POLICY)
    watched.state, watched.now_ms = asked_for_consent()
    watched.run(script)


@deterministic
@given(policies, scripts)
def test_the_same_events_give_the_same_commands(policy: CallPolicy, script: Script) -> None:
    calls = [Watched(policy) for _ in range(2)]
    for watched in calls:
        watched.step(STARTED)
        watched.run(script)
    assert repr(calls[0].commands) == repr(calls[1].commands)
    assert repr(calls[0].state) == repr(calls[1].state)


def test_random_calls_get_everywhere() -> None:
    """Were some state never visited, what is proven by random calls would say nothing about it."""
    visited: set[StrEnum] = set()
    marks: set[str] = set()
    for seed in range(150):
        for state, commands in one_call(seed):
            marks |= {command.mark for command in commands if isinstance(command, Note)}
            visited |= {state.conversation.state, state.ear.state, state.mouth.state}
            visited |= {state.safety.state, state.handoff.state, *(tool.state for tool in state.tooling.calls)}
    left_at_once = {ToolState.PLANNED, ToolState.RETRYING, HandoffState.FAILED}
    rare = {HandoffState.PRESUMED_TRANSFERRED}
    for states in (State, EarState, MouthState, SafetyState, HandoffState, ToolState):
        assert set(states) - visited <= left_at_once | rare
    assert marks >= {
        "barge_in",
        "false_barge_in",
        "backchannel",
        "endpoint",
        "early_used",
        "early_wasted",
        "no_input",
        "switched",
    }


def test_the_hash_seed_changes_nothing() -> None:
    def commands(seed: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "COVERAGE_PROCESS_START": ""}
        run = [sys.executable, "-m", "tests.core.sequences"]
        return subprocess.run(run, cwd=ROOT, env=environment, check=True, capture_output=True).stdout

    first = commands("1")
    assert first.count(b"\n") > 1000
    assert first == commands("2")
