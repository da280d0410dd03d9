"""A language model that lies, in whole calls: what it invents is not heard, what it has from the dialplan is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, eventually
from voicebot.core.events import BrainClause, BrainFinished
from voicebot.testing.openai_server import OpenAiServer, Reply
from voicebot.testing.speech import line

UNSUPPORTED = "I do not have that information. I can put you through to a colleague."
PRICES = {"read": 3, "cached": 0.5, "written": 15}


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as running:
        yield running


@pytest.fixture(scope="module")
def talkative(start_bot: StartBot, server: OpenAiServer) -> Bot:
    brain = {"engine": "openai", "model": "any", "fallbacks": [], "prices": PRICES}
    return start_bot({"brain": brain}, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="none")


def test_a_lie_is_replaced_counted_and_traced_and_a_truth_has_its_evidence(
    talkative: Bot, server: OpenAiServer
) -> None:
    lies = "Express shipping costs fifteen dollars. I have cancelled your order."
    server.replies = [Reply(lies, usage=(900, 600, 14))]
    with caller(talkative) as phone:
        phone.say(line("shipping_express"))
        talkative.await_spoken(phone, UNSUPPORTED)
        assert phone.wait_bot_quiet(600)
        server.replies = [Reply("Express shipping costs 14 dollars.")]
        phone.say(line("shipping_express"))
        talkative.await_spoken(phone, "14 dollars")
        assert phone.wait_bot_quiet(400)
        said = talkative.began(phone)
        events = talkative.events(phone)
        call_id = talkative.journal(phone).header.call_id
    assert not [text for text in said if "fifteen" in text or "cancelled" in text]
    ends = [event for event in events if isinstance(event, BrainFinished)]
    assert {len(end.withheld) for end in ends} == {0, 2}
    evidence = {event.evidence for event in events if isinstance(event, BrainClause) and "14 dollars" in event.text}
    assert evidence == {("dialplan:knowledge.shipping.express",)}
    talkative.record(phone)
    trace = talkative.command("trace", call_id).stdout
    assert "not said, claim: cancelled has no evidence" in trace
    assert "(600 from the server's cache)" in trace
    eventually(lambda: talkative.metric("voicebot_withheld_sentences_total") >= 2, "a count of lies")
    assert talkative.metric("voicebot_brain_cost_total") > 0


def test_in_a_hybrid_the_playbook_answers_and_the_model_lies_in_vain(start_bot: StartBot, server: OpenAiServer) -> None:
    before = len(server.requests)
    server.replies = [Reply("Your bicycle is ready. It costs ninety dollars.")]
    brain = {"engine": "hybrid", "model": "any"}
    hybrid = start_bot({"brain": brain}, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="none")
    with caller(hybrid) as phone:
        phone.say(line("shipping_express"))
        hybrid.await_spoken(phone, "14 dollars")
        assert phone.wait_bot_quiet(600)
        phone.say(line("yes"))
        hybrid.await_spoken(phone, UNSUPPORTED)
        assert phone.wait_bot_quiet(400)
        said = hybrid.began(phone)
    assert not [text for text in said if "ninety" in text or "ready" in text]
    assert len(server.requests) > before
