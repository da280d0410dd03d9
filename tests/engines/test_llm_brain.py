"""The language model's brain on a scripted server: what it is told and remembers, what it may say, what it costs."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from benchmarks.fact_gate.corpus import NOW, Case, cases, shop
from voicebot.brain.catalogue import chat_settings
from voicebot.brain.openai_chat import ChatSettings, OpenAiBrain
from voicebot.brain.prompts import PromptCache, assemble
from voicebot.brain.protocol import Brain, BrainResult
from voicebot.cache.shelf import Kind, Outcome
from voicebot.core.commands import Line, StartBrain
from voicebot.core.events import Attempt, BrainClause, BrainFinished, BrainOutcome, BrainToolWanted, EngineFailed
from voicebot.dialplan.engines import BrainChoice, PricesPart
from voicebot.dialplan.policy import Policy
from voicebot.remote.link import Endpoint
from voicebot.safety.fact_evidence import DialplanFacts, plain
from voicebot.safety.gated_brain import GatedBrain
from voicebot.testing.openai_server import OpenAiServer, Reply, ScriptedCall, Service

BOOK = ScriptedCall("book_appointment", '{"service":"tune-up","day":"Friday","time":"15:00"}')
ORDER = ScriptedCall("order_status", '{"order_number":"48213"}')
SHIPPED = ("order_status", '{"outcome":"shipped","shipped_on":"Friday","arrives_on":"Tuesday"}')


def request(turn: int = 1, text: str = "hello", **fields: object) -> StartBrain:
    values: dict[str, object] = {"history": (), "results": (), "memory": "", "deadline_ms": 5_000}
    return StartBrain(Attempt(0, turn), turn, text, **{**values, **fields})  # type: ignore[arg-type]


def outcome_of(brain: Brain, asked: StartBrain) -> list[BrainResult]:
    results: queue.Queue[BrainResult] = queue.Queue()
    brain.start(asked, results.put)
    got = [results.get(timeout=10)]
    while not isinstance(got[-1], BrainFinished | EngineFailed):
        got.append(results.get(timeout=10))
    return got


def end_of(results: list[BrainResult]) -> BrainFinished:
    end = results[-1]
    assert isinstance(end, BrainFinished)
    return end


def spoken(results: list[BrainResult]) -> list[str]:
    return [each.text for each in results if isinstance(each, BrainClause)]


@contextmanager
def model(
    *replies: Reply, policy: Policy | None = None, **changes: object
) -> Iterator[tuple[OpenAiServer, OpenAiBrain]]:
    with ExitStack() as stack:
        server = stack.enter_context(OpenAiServer(replies=replies))
        told = chat_settings(policy or shop(), "m", Endpoint(base_url=server.url, links=2))
        brain = OpenAiBrain(replace(told, **changes))  # type: ignore[arg-type]
        stack.callback(brain.close)
        yield server, brain


def gated(brain: Brain) -> GatedBrain:
    policy = shop()
    return GatedBrain(brain, DialplanFacts(policy), policy.dialplan.phrases.unsupported, lambda: NOW)


def messages_of(server: OpenAiServer, index: int = -1) -> list[dict[str, object]]:
    sent: list[dict[str, object]] = server.seen(Service.CHAT)[index].json()["messages"]
    return sent


def counted(cache: PromptCache, tenant: str = "") -> Mapping[Outcome, int]:
    return cache.tally.counts()[Kind.PROMPT, tenant or shop().dialplan.tenant]


def test_the_prompt_of_a_policy_is_the_same_bytes_and_assembled_once() -> None:
    cache = PromptCache(capacity=1)
    first, again = cache.of(shop()), cache.of(shop())
    assert first.text == again.text
    assert counted(cache) == {Outcome.MISS: 1, Outcome.HIT: 1}
    assert [name for name, _ in first.parts] == ["manners", "instructions", "consent", "knowledge", "hours"]
    assert "Saturday from 9 AM to 5 PM" in first.text
    other = Policy.of(shop().dialplan.model_copy(update={"tenant": "another"}))
    cache.of(other)
    cache.of(shop())
    assert counted(cache) == {Outcome.MISS: 2, Outcome.HIT: 1, Outcome.EVICTED: 1}
    assert counted(cache, "another") == {Outcome.MISS: 1, Outcome.EVICTED: 1}
    assert list(cache.held().values()) == [(1, len(first.text.encode()))]
    assert (cache.clear("another"), cache.clear(), len(cache)) == (0, 1, 0)


def test_only_what_belongs_to_the_moment_stands_behind_the_callers_words() -> None:
    with model(Reply("Hello.")) as (server, brain):
        outcome_of(brain, request(text="hi", known=(("customer", '{"name":"Ines"}'),)))
        system, user = messages_of(server)
    assert system["content"] == assemble(shop()).text
    assert str(user["content"]).startswith("hi\n\n(It is ")
    assert 'customer: {"name":"Ines"}' in str(user["content"])


def test_a_later_turn_still_knows_what_a_tool_returned_and_begins_with_the_same_messages() -> None:
    with model(Reply("", (ORDER,)), Reply("It arrives on Tuesday."), Reply("On Tuesday."), moment=lambda _: "") as (
        server,
        brain,
    ):
        waiting = end_of(outcome_of(brain, request(1, "where is 48213")))
        told = end_of(outcome_of(brain, request(1, "where is 48213", results=(SHIPPED,), memory=waiting.memory)))
        history = (Line("caller", "where is 48213"), Line("bot", "It arrives on Tuesday."))
        outcome_of(brain, request(2, "when again", history=history, memory=told.memory))
        earlier, later = messages_of(server, 1), messages_of(server, 2)
    assert later[: len(earlier)] == earlier
    assert [m["role"] for m in later] == ["system", "user", "assistant", "tool", "assistant", "user"]


def test_two_rounds_of_one_turn_keep_their_results_apart() -> None:
    with model(Reply("", (ORDER,)), Reply("", (BOOK,)), Reply("Done.")) as (server, brain):
        one = end_of(outcome_of(brain, request(1)))
        two = end_of(outcome_of(brain, request(1, results=(SHIPPED,), memory=one.memory)))
        booked = ("book_appointment", '{"outcome":"booked"}')
        outcome_of(brain, request(1, results=(booked,), memory=two.memory))
        sent = messages_of(server)
    assert [json.loads(str(m["content"]))["outcome"] for m in sent if m["role"] == "tool"] == ["shipped", "booked"]


def test_a_wish_with_a_side_effect_brings_its_question_and_a_declined_one_is_told_as_not_done() -> None:
    with model(Reply("", (BOOK,)), Reply("Then which day?")) as (server, brain):
        wish, waiting = outcome_of(brain, request(1, "tune-up on friday at three"))
        assert isinstance(wish, BrainToolWanted)
        assert wish.confirm == "Shall I book tune-up on Friday at 15:00?"
        history = (Line("caller", "tune-up on friday at three"), Line("bot", wish.confirm))
        outcome_of(brain, request(2, "no, Thursday", history=history, memory=end_of([waiting]).memory))
        sent = messages_of(server)
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert "not carried out" in str(sent[3]["content"])


def test_a_question_that_cannot_be_filled_in_is_still_asked() -> None:
    with model(Reply("", (ScriptedCall("book_appointment", '{"service":"tune-up"}'),))) as (_, brain):
        wish, _ = outcome_of(brain, request())
    assert isinstance(wish, BrainToolWanted)
    assert wish.confirm == "Shall I go ahead?"


def test_an_answer_ends_with_the_sentence_before_it_gets_too_long() -> None:
    endless = " ".join(["This is a sentence of a model that does not know when to stop."] * 30)
    with model(Reply(endless), max_speech_s=12.0) as (_, brain):
        results = outcome_of(brain, request())
    assert 1 < len(spoken(results)) < 5
    assert end_of(results).outcome is BrainOutcome.ANSWERED


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('Sure. {"tool": "x", "n": [1, 2]} Bye now.', ["Sure.", "Bye now."]),
        ("**Express** is _fast_ \U0001f6b2\ufe0f.", ["Express is fast ."]),
        ("See https://www.cornerbikes.example/a/b?c=1 for more.", ["See cornerbikes dot example for more."]),
        ("```python\nprint()\n```\nThat was it.", ["That was it."]),
        (
            "# Hours\n- Monday is closed.\n- [Map](http://x.example/y) is here.",
            ["Hours", "Monday is closed.", "Map is here."],
        ),
    ],
)
def test_what_no_voice_can_say_is_not_said(written: str, said: list[str]) -> None:
    with model(Reply(written, tokens=tuple(written))) as (_, brain):
        assert spoken(outcome_of(brain, request())) == said


def test_tokens_and_their_cost_come_with_the_end() -> None:
    prices = PricesPart(read=3.0, cached=0.5, written=15.0)
    plan = shop().dialplan.model_copy(update={"brain": BrainChoice(prices=prices)})
    with model(Reply("Hello.", usage=(1_000, 800, 20)), policy=Policy.of(plan)) as (_, brain):
        end = end_of(outcome_of(brain, request()))
    assert end.tokens == (1_000, 800, 20)
    assert end.cost_micro == 200 * 3 + 400 + 20 * 15


def test_a_server_that_tells_no_usage_costs_nothing() -> None:
    with model(Reply("Hello.")) as (_, brain):
        end = end_of(outcome_of(brain, request()))
    assert (end.tokens, end.cost_micro) == ((), 0)


SAMPLE = [case for half in ("tuned", "held_out") for case in cases("lies", half)[::12]]


def test_a_model_that_lies_over_http_is_not_heard() -> None:
    for case in SAMPLE:
        said, withheld = _through_http(case)
        heard = f" {plain(' '.join(said))} "
        assert not [lie for lie in case.lies if f" {plain(lie)} " in heard], case
        assert withheld, case


def test_a_model_that_tells_the_truth_over_http_is_heard_with_its_evidence() -> None:
    for case in [*cases("truths", "tuned")[::25], *cases("truths", "held_out")[::25]]:
        _, withheld = _through_http(case)
        assert withheld == (), case


def _through_http(case: Case) -> tuple[list[str], tuple[str, ...]]:
    calls = tuple(ScriptedCall(name, arguments) for name, arguments, _ in case.results)
    replies = (*([Reply("", calls)] if calls else []), Reply(case.answer))
    with model(*replies) as (_, inner):
        brain = gated(inner)
        results = outcome_of(brain, request(1, case.caller))
        if calls:
            found = tuple((name, result) for name, _, result in case.results)
            results = outcome_of(brain, request(1, case.caller, results=found, memory=end_of(results).memory))
    return spoken(results), end_of(results).withheld


def test_what_was_looked_up_as_the_call_began_is_evidence() -> None:
    known = (("customer", '{"name":"Ines Okafor","open_order":"48213","arrives_on":"Tuesday"}'),)
    with model(Reply("Hello Ines. Your order 48213 arrives on Tuesday.")) as (_, inner):
        results = outcome_of(gated(inner), request(known=known))
    assert end_of(results).withheld == ()
    assert [each.evidence for each in results if isinstance(each, BrainClause)][-1] == ("tool:customer",)


def test_the_gate_remembers_results_over_turns_and_other_memories_pass_through() -> None:
    replies = (Reply("", (ORDER,)), Reply("It was shipped on Friday."), Reply("It arrives on Tuesday."))
    with model(*replies) as (_, inner):
        brain = gated(inner)
        waiting = end_of(outcome_of(brain, request(1, "where is 48213")))
        told = end_of(outcome_of(brain, request(1, "where is 48213", results=(SHIPPED,), memory=waiting.memory)))
        history = (Line("caller", "where is 48213"), Line("bot", "It was shipped on Friday."))
        later = outcome_of(brain, request(2, "and when does it arrive", history=history, memory=told.memory))
        assert spoken(later) == ["It arrives on Tuesday."]


def test_a_beginning_that_states_nothing_does_not_wait_for_the_rest() -> None:
    settings = ChatSettings("m")
    assert settings.max_speech_s == 0
    with model(Reply("Sure, I can gladly tell you, express is fifteen dollars.")) as (_, inner):
        results = outcome_of(gated(inner), request(1, "how much is express"))
    assert spoken(results) == ["Sure, I can gladly tell you,", shop().dialplan.phrases.unsupported]


@pytest.mark.parametrize("memory", ['{"intent":"shipping"}', "[1]", "not JSON"])
def test_the_memory_of_another_brain_is_forgotten(memory: str) -> None:
    with model(Reply("Hello.")) as (_, inner):
        assert spoken(outcome_of(gated(inner), request(2, memory=memory))) == ["Hello."]
