"""What decides the intent of a turn, on a small dialplan of another business than the demo's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voicebot.brain.playbook import sentences
from voicebot.brain.playbook.classifier import OUT_OF_SCOPE, Classifier
from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.explained import explained
from voicebot.brain.playbook.intents import How, IntentMatcher
from voicebot.dialplan.commands import explain_route
from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy

PLAN = """\
version: 1
slots:
  table: {kind: digits, length: 4, prompt: Which number?}
intents:
  order_pizza:
    examples:
      - I would like to order a pizza
      - can I get a large pepperoni pizza
      - two pizzas to take away please
      - can you deliver a pizza
    patterns: ['\\bmargherita\\b']
    answers: {default: One pizza.}
  book_table:
    examples:
      - I would like to book a table
      - a table for two on friday
      - do you have a table free tonight
      - can I reserve a table for saturday
      - change reservation 4821
    answers: {default: One table.}
  hello:
    examples: [hello]
    answers: {default: Hello.}
out_of_scope:
  - do you sell bicycles
  - how much is a tune-up for my bike
"""

DAYS = DayNames([("Christmas Day", "Christmas")])


def loaded(folder: Path, text: str) -> Policy:
    (folder / "trattoria.yaml").write_text(text)
    policy, faults = load_dialplan(folder / "trattoria.yaml")
    assert policy is not None, faults
    return policy


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return loaded(tmp_path_factory.mktemp("dialplans"), PLAN)


@pytest.fixture(scope="module")
def router(policy: Policy) -> IntentMatcher:
    return IntentMatcher(policy.dialplan, DAYS)


@pytest.mark.parametrize(
    ("text", "intent", "how"),
    [
        ("Is there a margherita?", "order_pizza", How.PATTERN),
        ("Um, so I would like to book a table, uh", "book_table", How.EXAMPLE),
        ("Can I reserve a table for Christmas Day?", "book_table", How.EXAMPLE),
        ("change reservation four eight two two", "book_table", How.EXAMPLE),
        ("Hello!", "hello", How.EXAMPLE),
        ("do you sell bicycles", "", How.EXAMPLE),
        ("could we get a table for four tomorrow evening", "book_table", How.LIKENESS),
        ("I'd love a pizza with mushrooms", "order_pizza", How.LIKENESS),
        ("I would bike to order a pizza", "order_pizza", How.MISHEARD),
        ("what's the capital of norway", "", How.NOTHING),
        ("repair my bicycle please", "", How.NOTHING),
        ("um", "", How.NOTHING),
        ("", "", How.NOTHING),
    ],
)
def test_what_decides_a_turn(router: IntentMatcher, text: str, intent: str, how: How) -> None:
    verdict = router.verdict(text)
    assert (verdict.intent, verdict.how) == (intent, how), verdict
    assert router.match(text) == intent


def test_what_is_out_of_scope_everywhere_is_in_scope_where_it_is_an_example(tmp_path: Path) -> None:
    text = PLAN.replace("examples: [hello]", "examples: [what is the weather today]")
    plan = loaded(tmp_path, text).dialplan
    assert IntentMatcher(plan, DAYS).verdict("What is the weather today?").intent == "hello"


def test_a_threshold_of_the_dialplan_takes_the_place_of_the_calibrated_one(tmp_path: Path) -> None:
    strict = IntentMatcher(loaded(tmp_path, PLAN + "brain: {threshold: 1}\n").dialplan, DAYS)
    assert strict.threshold == 1
    assert strict.match("could we get a table for four tomorrow evening") == ""
    assert strict.match("I would like to book a table") == "book_table", "examples and patterns need no confidence"


def test_a_margin_of_the_dialplan_is_asked_for(tmp_path: Path) -> None:
    strict = IntentMatcher(loaded(tmp_path, PLAN + "brain: {margin: 1}\n").dialplan, DAYS)
    assert strict.match("could we get a table for four tomorrow evening") == ""


def test_a_dialplan_without_examples_has_its_patterns(tmp_path: Path) -> None:
    text = "version: 1\nintents:\n  pizza: {patterns: ['pizza'], answers: {default: One.}}\n"
    router = IntentMatcher(loaded(tmp_path, text).dialplan, DAYS)
    assert router.match("a pizza") == "pizza"
    assert router.match("a table") == ""


def test_learning_twice_comes_to_the_same(policy: Policy, router: IntentMatcher) -> None:
    again = IntentMatcher(policy.dialplan, DAYS)
    assert again.threshold == router.threshold
    assert again.verdict("any pasta today") == router.verdict("any pasta today")


def test_a_classifier_without_anything_out_of_scope_asks_for_nothing() -> None:
    alone = Classifier({"pizza": ["a pizza"]})
    assert alone.threshold == 0
    assert (alone.guess("a pizza please").intent, alone.guess("a pizza please").margin) == ("pizza", 1)


def test_what_is_out_of_scope_makes_a_guess_less_confident() -> None:
    intents = {"pizza": ["can I order a pizza"], "table": ["can I book a table"]}
    knowing = Classifier({**intents, OUT_OF_SCOPE: ["can I book a flight"]})
    assert knowing.guess("can I book a flight to rome").confidence < 0
    assert Classifier(intents).guess("can I book a flight to rome").confidence > 0


def test_vectors_of_learned_sentences_are_kept_within_a_bound() -> None:
    asked: list[list[str]] = []

    def counted(texts: list[str]) -> sentences.Vectors:
        asked.append(texts)
        return sentences.sentence_vectors(texts)

    learned = sentences.KeptVectors(counted, most=2)
    first = learned(["a table", "a pizza", "a table"])
    assert np.array_equal(first[0], first[2])
    learned(["a pizza"])
    learned(["a pizza", "a salad"])
    learned(["a salad"])
    assert asked == [["a table", "a pizza"], ["a pizza", "a salad"]]


def test_sentences_of_any_length_have_the_vector_that_they_have_alone() -> None:
    texts = ["a pizza", "could I perhaps have a table near the window on friday evening", "hello"]
    together = sentences.sentence_vectors(texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, together, strict=True):
        assert sentences.sentence_vectors([text])[0] @ vector > 0.99


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a margherita", "its pattern '\\\\bmargherita\\\\b' matches"),
        ("so I would like to book a table", "is an example of it, days and numbers aside"),
        ("do you sell bicycles", "is out of scope"),
        ("I'd love a pizza with mushrooms", "it means about the same as its examples"),
        ("I would bike to order a pizza", "but for a few letters"),
        ("what's the capital of norway", "no intent is clear"),
        ("", "no words"),
    ],
)
def test_why_a_phrase_goes_where_it_goes_is_told(policy: Policy, text: str, told: str) -> None:
    assert told in explained(policy, text)["because"]


def test_a_route_tells_the_intent_of_a_phrase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loaded(tmp_path, PLAN)
    (tmp_path / "routes.yaml").write_text("version: 1\nroutes: []\ndefault: trattoria\n")
    assert explain_route(tmp_path, "100", lambda _plan: {}, "", lambda policy: explained(policy, "any pizza left")) == 0
    lines = capsys.readouterr().out
    assert "intent    order_pizza\n" in lines
    assert "best      order_pizza, confidence " in lines
    assert "second    " in lines
