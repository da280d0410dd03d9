"""The playbook and a model as one brain: who answers, who remembers what, who gets the results."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.brain.catalogue import build_brain
from voicebot.brain.hybrid import recall
from voicebot.brain.protocol import Brain, BrainResult
from voicebot.core.commands import Line, StartBrain
from voicebot.core.events import Attempt, BrainClause, BrainFinished, BrainOutcome, BrainToolWanted, EngineFailed
from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy
from voicebot.remote.link import Endpoint
from voicebot.runtime.health import ProbeFailed
from voicebot.runtime.probes import try_brain
from voicebot.testing.openai_server import Fault, OpenAiServer, Reply, ScriptedCall, Service

SHOP = Path(__file__).resolve().parents[2] / "dialplans" / "harbor-lane.yaml"
ORDER = ("order_status", '{"outcome":"shipped","shipped_on":"Friday","arrives_on":"Tuesday"}')


@pytest.fixture(scope="module")
def policy() -> Policy:
    loaded, faults = load_dialplan(SHOP)
    assert loaded is not None, faults
    return loaded


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as running:
        yield running


@pytest.fixture
def brain(policy: Policy, server: OpenAiServer) -> Iterator[Brain]:
    built = build_brain(policy, "hybrid", "m", Endpoint(base_url=server.url, links=2))
    built.warm_up()
    yield built
    built.close()


def ask(brain: Brain, turn: int, text: str, **fields: object) -> tuple[list[str], BrainResult]:
    values: dict[str, object] = {"history": (), "results": (), "memory": "", "deadline_ms": 5_000}
    results: queue.Queue[BrainResult] = queue.Queue()
    asked = StartBrain(Attempt(0, turn), turn, text, **{**values, **fields})  # type: ignore[arg-type]
    brain.start(asked, results.put)
    said: list[str] = []
    while not isinstance(result := results.get(timeout=10), BrainFinished | EngineFailed):
        said.append(result.text if isinstance(result, BrainClause) else f"wants {result.name}")
    return said, result


def finished(result: BrainResult) -> BrainFinished:
    assert isinstance(result, BrainFinished)
    return result


def test_what_the_playbook_knows_costs_no_model(brain: Brain, server: OpenAiServer) -> None:
    said, end = ask(brain, 1, "what is your address")
    assert said == ["We are at 12 Harbor Lane, next to the ferry landing."]
    assert finished(end).outcome is BrainOutcome.ANSWERED
    assert server.seen(Service.CHAT) == []


def test_the_model_gets_the_rest_behind_the_gate(brain: Brain, server: OpenAiServer, policy: Policy) -> None:
    server.replies = [Reply("Velvet curtains? We sell them for nine dollars.")]
    said, end = ask(brain, 1, "do you have any velvet curtains in purple")
    assert said == ["Velvet curtains?", policy.dialplan.phrases.unsupported]
    assert len(finished(end).withheld) == 1
    assert recall(finished(end).memory).owner == "model"


def test_results_go_to_the_playbook_that_wanted_them_and_the_model_knows_them_later(
    brain: Brain, server: OpenAiServer
) -> None:
    said, wanted = ask(brain, 1, "where is my order 48213")
    assert said == ["wants order_status"]
    said, told = ask(brain, 1, "where is my order 48213", results=(ORDER,), memory=finished(wanted).memory)
    assert any("Tuesday" in each for each in said)
    assert server.seen(Service.CHAT) == []
    server.replies = [Reply("Your parcel arrives on Tuesday.")]
    history = (Line("caller", "where is my order 48213"), Line("bot", " ".join(said)))
    said, end = ask(brain, 2, "velvet curtains make me wonder", history=history, memory=finished(told).memory)
    assert said == ["Your parcel arrives on Tuesday."]
    assert finished(end).withheld == ()
    assert ORDER[1] in str(server.seen(Service.CHAT)[-1].json()["messages"][-1]["content"])


def test_results_go_to_the_model_that_wanted_them(brain: Brain, server: OpenAiServer) -> None:
    call = ScriptedCall("order_status", '{"order_number":"48213"}')
    server.replies = [Reply("", (call,)), Reply("It arrives on Tuesday.")]
    said, wanted = ask(brain, 1, "purple velvet curtains please")
    assert said == ["wants order_status"]
    said, _ = ask(brain, 1, "purple velvet curtains please", results=(ORDER,), memory=finished(wanted).memory)
    assert said == ["It arrives on Tuesday."]


def test_a_wish_of_the_model_that_was_not_carried_out_brings_the_next_turn_to_the_model(
    brain: Brain, server: OpenAiServer
) -> None:
    call = ScriptedCall("order_status", '{"order_number":"48213"}')
    server.replies = [Reply("", (call,)), Reply("Alright, then not.")]
    _, wanted = ask(brain, 1, "purple velvet curtains please")
    history = (Line("caller", "purple velvet curtains please"),)
    said, _ = ask(brain, 2, "what is your address", history=history, memory=finished(wanted).memory)
    assert said == ["Alright, then not."]
    sent = json.dumps(server.seen(Service.CHAT)[-1].json()["messages"])
    assert "not carried out" in sent


def test_the_memories_are_kept_apart(brain: Brain, server: OpenAiServer) -> None:
    server.replies = [Reply("We have none, I am afraid.")]
    said, asked = ask(brain, 1, "where is my order")
    open_question = recall(finished(asked).memory).playbook
    assert "order_number" in open_question
    said, end = ask(brain, 2, "48213", memory=finished(asked).memory)
    assert said == ["wants order_status"]
    assert recall(finished(end).memory).model == ""


def test_when_the_model_is_gone_the_failure_is_told_and_the_playbook_goes_on_alone(
    brain: Brain, server: OpenAiServer, policy: Policy
) -> None:
    _, asked = ask(brain, 1, "where is my order")
    server.fault(Service.CHAT, Fault.ERR500)
    shared = finished(asked).memory
    _, failed = ask(brain, 2, "purple velvet curtains please")
    assert isinstance(failed, EngineFailed)
    alone = build_brain(policy, "playbook")
    said, _ = ask(alone, 2, "48213", memory=shared)
    assert said == ["wants order_status"]


def test_a_probe_reaches_the_model_whatever_the_playbook_knows(brain: Brain, server: OpenAiServer) -> None:
    try_brain(brain)
    assert len(server.seen(Service.CHAT)) == 1
    server.fault(Service.CHAT, Fault.ERR500)
    with pytest.raises(ProbeFailed):
        try_brain(brain)


def test_wishes_keep_their_shape(brain: Brain, server: OpenAiServer) -> None:
    server.replies = [Reply("", (ScriptedCall("order_status", '{"order_number":"1"}'),))]
    results: list[BrainResult] = []
    done: queue.Queue[None] = queue.Queue()

    def post(result: BrainResult) -> None:
        results.append(result)
        if isinstance(result, BrainFinished):
            done.put(None)

    brain.start(StartBrain(Attempt(0, 1), 1, "purple velvet curtains", (), (), "", 5_000), post)
    done.get(timeout=10)
    assert results[0] == BrainToolWanted(Attempt(0, 1), "order_status", '{"order_number":"1"}')
