"""Calls in which a connector with a side effect meets faults: the real core, the real toolbox, a real server.

A run is one caller who wants one thing and, in some order, agrees, corrects, interrupts, asks again, wants a human or
hangs up, while the service is slow, loses its replies, resets, refuses or babbles. The brain is the most forgetful
there can be: it wants the same again whenever it is asked. What must hold is counted at the service: the thing is done
at most once, and never without a yes.

The tools run in real time; speech takes none, its time is skipped. So deadlines of the core also pass while a request
is on its way, and results come at any moment.
"""

from __future__ import annotations

import json
import queue
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import Final

from voicebot.core import call
from voicebot.core.commands import CallTool, CancelTool, Command, Note, StartBrain
from voicebot.core.conversation import State
from voicebot.core.events import (
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    CallAnswered,
    CallEnded,
    CallStarted,
    DeadlineReached,
    EndCause,
    Event,
    KeyPressed,
    Played,
    SpeechPaused,
    SpeechRendered,
    SpeechStarted,
    Transcribed,
)
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.testing.shop_server import Fault, ShopServer
from voicebot.tools.protocol import ToolRun
from voicebot.tools.toolbox import DialplanToolbox

HARD_MS: Final = 300
SLOW_S: Final = 0.45
"""How long a slow service takes: longer than the hard deadline."""
ACTIONS: Final = 8
FAULTS: Final = (
    Fault.NONE,
    Fault.SLOW,
    Fault.STALLED_BODY,
    Fault.LOST_REPLY,
    Fault.LOST_REPLY,
    Fault.RESET,
    Fault.ERROR_500,
    Fault.LIMITED_429,
    Fault.GARBAGE,
    Fault.NOT_JSON,
)
CONNECTORS: Final = ("book", "book_once")
"""One whose service knows idempotency keys, and one that must not be repeated."""
QUESTION: Final = "Shall I book it?"
DONE: Final = "It is booked."


def policy(url: str) -> Policy:
    """Return a dialplan with both connectors against the service at `url`."""
    common = {
        "parameters": {"slot": {"type": "string"}},
        "side_effect": "reversible",
        "confirm": QUESTION,
        "soft_ms": 100,
        "hard_ms": HARD_MS,
        "breaker": {"failures": 100},
    }
    http = {"method": "POST", "body": {"slot": "{slot}"}}
    connectors = {
        "book": {**common, "http": {**http, "url": f"{url}/keyed"}, "idempotent": True},
        "book_once": {**common, "http": {**http, "url": f"{url}/once"}},
    }
    plan = {"version": 1, "name": "faults", "transfer": {"target": "sip:agents@example.org"}, "connectors": connectors}
    return Policy.of(Dialplan.model_validate(plan))


@dataclass(slots=True)
class Tally:
    """What some runs came to."""

    runs: int = 0
    done: int = 0
    """Things that were done."""
    twice: list[str] = field(default_factory=list)
    """Keys and things that were done more than once."""
    unasked: list[str] = field(default_factory=list)
    """Things that were done without a yes."""
    requests: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    """Marks of the core and actions of the caller."""

    def add(self, other: Tally) -> None:
        """Take in other runs."""
        self.runs += other.runs
        self.done += other.done
        self.twice += other.twice
        self.unasked += other.unasked
        self.requests += other.requests
        self.happened += other.happened


class FaultRun:
    """One call. The same seed gives the same caller and the same faults."""

    def __init__(self, toolbox: DialplanToolbox, rules: Policy, server: ShopServer, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - nothing here is secret
        self._connector = self._random.choice(CONNECTORS)
        self._slot = f"slot-{seed}"
        self._toolbox = toolbox
        self._server = server
        self._state = call.begin(rules.call)
        self._hash = rules.sha256
        self._call_id = f"run-{seed}"
        self._began = time.monotonic()
        self._skipped_ms = 0
        self._news: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._brain: deque[Event] = deque()
        self._tools: list[tuple[int, ToolRun]] = []
        self.agreed = False
        self.happened: Counter[str] = Counter()

    def conduct(self) -> None:
        """Let the call take its course, and everything that it started come to an end."""
        self._server.faults.clear()
        self._server.faults.extend(self._random.choice(FAULTS) for _ in range(3))
        self._begin()
        self._says("Book it, please.")
        for _ in range(ACTIONS):
            if self._over():
                break
            self._act()
        self._wait(self._random.choice((0.0, HARD_MS / 1000)))
        self._step(CallEnded(EndCause.CALLER_HUNG_UP, 0))
        self._wait(2 * HARD_MS / 1000, until_idle=True)

    def _over(self) -> bool:
        """Whether the caller has nothing more to want: it is done and was heard, or somebody else sees to it."""
        heard = any(line.speaker == "bot" and DONE in line.text for line in self._state.transcript.heard())
        return heard or self._state.ended or self._state.conversation.state is State.HANDING_OFF

    @property
    def _now_ms(self) -> int:
        return self._skipped_ms + int((time.monotonic() - self._began) * 1000)

    def _begin(self) -> None:
        started = CallStarted(
            call_id=self._call_id,
            sip_call_id=self._call_id,
            caller="sip:alice@example.org",
            called="sip:100@example.org",
            started_at="2026-11-21T10:00:00+01:00",
            time_zone="UTC",
            weekday="saturday",
            open_now=True,
            policy_hash=self._hash,
        )
        self._step(started)
        self._step(CallAnswered("PCMU"))
        self._play()

    def _act(self) -> None:
        """Do one thing that a caller might do now."""
        action = self._random.choice(("agree", "agree", "agree", "wait", "wait", "interrupt", "repeat", "no", "human"))
        if action == "human" and self._random.random() < 0.5:  # noqa: PLR2004 - half as often as the others
            action = "agree"
        self.happened[action] += 1
        match action:
            case "agree":
                self._play()
                self.agreed = True
                self._says("Yes, please.")
                self._wait(self._random.choice((0.0, 0.02, 0.05, 0.15)))
            case "wait":
                self._wait(self._random.choice((0.01, 0.1, HARD_MS / 1000 + 0.1)))
                if self._random.random() < 0.5:  # noqa: PLR2004 - a coin
                    self._play()
            case "interrupt":
                self._step(KeyPressed())
            case "repeat":
                self._says("Hello? Book it, please.")
            case "no":
                self._says("No, wait.")
            case _:
                self._says("A human, please.")

    def _says(self, text: str) -> None:
        """Speak a turn: a second, and the pause that ends it."""
        self._skip(100)
        self._step(SpeechStarted(self._now_ms - 100, resumed=False))
        self._skip(900)
        self._step(SpeechPaused(self._now_ms - 160))
        ear = self._state.ear
        self._step(Transcribed(ear.utterance, ear.decode, text, 0.9, 0.9))
        while (due_ms := self._state.ear.due_ms) is not None and not self._state.ended:
            self._skip(max(1, due_ms - self._now_ms))
        self._wait(0.0)

    def _play(self) -> None:
        """Let the caller hear what the bot has to say."""
        for utterance in self._state.mouth.queue:
            self._step(SpeechRendered(utterance.speech, 50, final=True))
            self._step(Played(utterance.speech, 50))

    def _skip(self, ms: int) -> None:
        """Let the call's clock run ahead."""
        self._skipped_ms += ms
        self._wait(0.0)

    def _wait(self, seconds: float, *, until_idle: bool = False) -> None:
        """Take what comes in real time; with `until_idle` no longer than anything may come."""
        end = time.monotonic() + seconds
        while True:
            self._fire()
            try:
                left = max(0.0, min(0.01, end - time.monotonic()))
                self._step(self._news.get(timeout=left) if left else self._news.get_nowait())
            except queue.Empty:
                if time.monotonic() >= end or (until_idle and not self._state.tooling.at_work):
                    return

    def _fire(self) -> None:
        while (due_ms := call.next_deadline(self._state)) is not None and due_ms <= self._now_ms:
            self._step(DeadlineReached())

    def _step(self, event: Event) -> None:
        self._state, commands = call.step(self._state, event, self._now_ms)
        for command in commands:
            self._carry_out(command)
        while self._brain:
            self._step(self._brain.popleft())

    def _carry_out(self, command: Command) -> None:
        match command:
            case CallTool():
                self.happened["attempt"] += 1
                seconds = max(0.0, (command.deadline_ms - self._now_ms) / 1000)
                self._tools.append((command.call, self._toolbox.start(command, seconds, self._news.put)))
            case CancelTool():
                for number, run in self._tools:
                    if number == command.call:
                        run.cancel()
            case StartBrain():
                self._brain.extend(self._think(command))
            case Note():
                given = dict(command.fields).get("given")
                self.happened[f"consent_{given}" if command.mark == "consent" else command.mark] += 1
            case _:
                pass

    def _think(self, run: StartBrain) -> list[Event]:
        """Want it, twice at times; tell what came of it; get a human."""
        if "human" in run.text:
            return [BrainFinished(run.attempt, BrainOutcome.HANDOFF, "", "")]
        if run.results:
            good = any('"status":"ok"' in result for _, result in run.results)
            said = BrainClause(run.attempt, 0, DONE if good else "I am not sure that worked.", ())
            return [said, BrainFinished(run.attempt, BrainOutcome.ANSWERED, "", "")]
        wish = BrainToolWanted(run.attempt, self._connector, json.dumps({"slot": self._slot}), QUESTION)
        wishes = [wish] * self._random.choice((1, 1, 2))
        return [*wishes, BrainFinished(run.attempt, BrainOutcome.WAITING_FOR_TOOLS, "", "")]


def conduct(seeds: range) -> Tally:
    """Run calls one after the other against a server of their own."""
    tally = Tally()
    server = ShopServer()
    server.slow_s = SLOW_S
    rules = policy(server.url)
    toolbox = DialplanToolbox(rules)
    try:
        for seed in seeds:
            run = FaultRun(toolbox, rules, server, seed)
            run.conduct()
            tally.runs += 1
            tally.happened += run.happened
            if not run.agreed:
                tally.unasked += [wish for wish in server.wishes if f'"slot-{seed}"' in wish]
    finally:
        toolbox.close()
        server.close()
    tally.done = len(server.wishes)
    tally.requests = len(server.requests)
    tally.twice = [name for counts in (server.effects, server.wishes) for name, count in counts.items() if count > 1]
    return tally
