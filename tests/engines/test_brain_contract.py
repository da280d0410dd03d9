"""What every brain promises, on the fake and on the one that talks to a server."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from voicebot.brain.messages import ToolSpec
from voicebot.brain.openai_chat import ChatSettings, OpenAiBrain
from voicebot.brain.protocol import Brain, BrainResult
from voicebot.core.commands import Line, StartBrain
from voicebot.core.events import Attempt, BrainClause, BrainFinished, BrainOutcome, BrainToolWanted, EngineFailed
from voicebot.remote.link import Endpoint
from voicebot.testing.fake_brain import FakeBrain, ScriptedTurn
from voicebot.testing.openai_server import OpenAiServer, Reply, ScriptedCall, Service

PROMPT = "You answer the telephone of a shop."
ORDER = ToolSpec("order_status", "Where an order is.")
SETTINGS = ChatSettings("m", system_prompt=PROMPT, tools=(ORDER,), reason_codes=("CALLER_ASKED", "COMPLAINT"))


def settings(server: OpenAiServer, links: int = 8) -> ChatSettings:
    return ChatSettings(
        SETTINGS.model,
        SETTINGS.system_prompt,
        SETTINGS.tools,
        SETTINGS.reason_codes,
        Endpoint(base_url=server.url, links=links),
    )


def request(number: int = 1, **fields: object) -> StartBrain:
    values: dict[str, object] = {
        "attempt": Attempt(3, number),
        "turn": number,
        "text": "Where is my order?",
        "history": (),
        "results": (),
        "memory": "",
        "deadline_ms": 5_000,
    }
    return StartBrain(**{**values, **fields})  # type: ignore[arg-type]


def outcome_of(brain: Brain, asked: StartBrain) -> list[BrainResult]:
    results: queue.Queue[BrainResult] = queue.Queue()
    brain.start(asked, results.put)
    got = [results.get(timeout=10)]
    while not isinstance(got[-1], BrainFinished | EngineFailed):
        got.append(results.get(timeout=10))
    assert results.empty()
    return got


ANSWER = ("Sure, I can look.", "It is open.")
WISH = ("order_status", '{"number":"48213"}')


def fake(_: ExitStack) -> Brain:
    return FakeBrain(
        [ScriptedTurn(ANSWER), ScriptedTurn(("One moment.",), (WISH,)), ScriptedTurn(("It is on its way.",))]
    )


def remote(stack: ExitStack) -> Brain:
    replies = [
        Reply(" ".join(ANSWER)),
        Reply("One moment.", (ScriptedCall(*WISH),)),
        Reply("It is on its way."),
    ]
    server = stack.enter_context(OpenAiServer(replies=replies))
    return OpenAiBrain(settings(server))


@pytest.fixture(params=[fake, remote])
def brain(request: pytest.FixtureRequest) -> Iterator[Brain]:
    make: Callable[[ExitStack], Brain] = request.param
    with ExitStack() as stack:
        built = make(stack)
        stack.callback(built.close)
        built.warm_up()
        yield built


def test_an_answer_is_clauses_in_order_and_one_ending(brain: Brain) -> None:
    attempt = Attempt(3, 1)
    assert outcome_of(brain, request()) == [
        BrainClause(attempt, 0, ANSWER[0], ()),
        BrainClause(attempt, 1, ANSWER[1], ()),
        BrainFinished(attempt, BrainOutcome.ANSWERED, "", ""),
    ]


def test_a_tool_is_wished_for_and_its_result_is_evidence(brain: Brain) -> None:
    outcome_of(brain, request(1))
    said, wish, waiting = outcome_of(brain, request(2))
    assert isinstance(said, BrainClause)
    assert said.text == "One moment."
    assert wish == BrainToolWanted(Attempt(3, 2), *WISH)
    assert isinstance(waiting, BrainFinished)
    assert waiting.outcome is BrainOutcome.WAITING_FOR_TOOLS
    results = (("order_status", '{"state":"shipped"}'),)
    clause, end = outcome_of(brain, request(3, results=results, memory=waiting.memory))
    assert isinstance(clause, BrainClause)
    assert clause.evidence == ("tool:order_status",)
    assert isinstance(end, BrainFinished)
    assert end.outcome is BrainOutcome.ANSWERED


@pytest.mark.parametrize(
    ("call", "outcome", "reason"),
    [
        (ScriptedCall("hand_to_human", '{"reason":"COMPLAINT"}'), BrainOutcome.HANDOFF, "COMPLAINT"),
        (ScriptedCall("hand_to_human", '{"reason":"boredom"}'), BrainOutcome.HANDOFF, "CALLER_ASKED"),
        (ScriptedCall("end_call"), BrainOutcome.GOODBYE, ""),
    ],
)
def test_the_model_can_hand_over_and_hang_up(call: ScriptedCall, outcome: BrainOutcome, reason: str) -> None:
    with OpenAiServer(replies=[Reply("", (call,))]) as server:
        brain = OpenAiBrain(settings(server))
        assert outcome_of(brain, request()) == [BrainFinished(Attempt(3, 1), outcome, reason, "")]
        brain.close()


@pytest.mark.parametrize("call", [ScriptedCall("make_coffee"), ScriptedCall("order_status", "[1, 2]")])
def test_a_wish_that_makes_no_sense_is_garbage(call: ScriptedCall) -> None:
    with OpenAiServer(replies=[Reply("", (call,))]) as server:
        brain = OpenAiBrain(settings(server))
        (result,) = outcome_of(brain, request())
        assert isinstance(result, EngineFailed)
        assert result.category == "garbage"
        brain.close()


def test_saying_nothing_is_no_match() -> None:
    with OpenAiServer(replies=[Reply("")]) as server:
        brain = OpenAiBrain(settings(server))
        assert outcome_of(brain, request()) == [BrainFinished(Attempt(3, 1), BrainOutcome.NO_MATCH, "", "")]
        brain.close()


def test_the_messages_of_a_later_turn_begin_with_those_of_the_earlier() -> None:
    history = (Line("caller", "When do you open?"), Line("bot", "At nine."), Line("tool", '{"a":1}'))
    with OpenAiServer() as server:
        brain = OpenAiBrain(settings(server))
        outcome_of(brain, request(1, text="When do you open?"))
        outcome_of(brain, request(2, history=history))
        earlier, later = (r.json() for r in server.seen(Service.CHAT))
        brain.close()
    assert later["messages"][: len(earlier["messages"])] == earlier["messages"]
    assert json.dumps(later["tools"]) == json.dumps(earlier["tools"])
    assert [m["role"] for m in later["messages"]] == ["system", "user", "assistant", "assistant", "tool", "user"]


def test_every_call_of_the_model_is_answered_even_when_a_result_is_missing() -> None:
    calls = (ScriptedCall("order_status", '{"number":"1"}'), ScriptedCall("order_status", '{"number":"2"}'))
    with OpenAiServer(replies=[Reply("", calls), Reply("Done looking.")]) as server:
        brain = OpenAiBrain(settings(server))
        waiting = outcome_of(brain, request(1))[-1]
        assert isinstance(waiting, BrainFinished)
        outcome_of(brain, request(2, results=(("order_status", '{"state":"late"}'),), memory=waiting.memory))
        messages = server.seen(Service.CHAT)[-1].json()["messages"]
        brain.close()
    asked, *answers = messages[-3:]
    assert [call["id"] for call in asked["tool_calls"]] == [answer["tool_call_id"] for answer in answers]
    assert [json.loads(answer["content"]) for answer in answers] == [{"state": "late"}, {"error": "no result"}]
