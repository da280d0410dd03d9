"""Answers that are given again: to the same general question, the same day, and to nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from tests.caches.clocks import SteppedClocks
from voicebot.brain.kept_answers import KeptAnswers, KeptRun, changes_at
from voicebot.brain.protocol import BrainResult, BrainRun
from voicebot.brain.same_question import gist
from voicebot.cache.caches import Caches
from voicebot.cache.shelf import Kind, Outcome, Shelf
from voicebot.core.commands import Line, StartBrain
from voicebot.core.events import (
    Attempt,
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    Category,
    EngineFailed,
    Event,
    Role,
    SafetyFlagged,
)
from voicebot.dialplan.intents import IntentPart
from voicebot.dialplan.model import DayPart, Dialplan, HoursPart
from voicebot.dialplan.policy import Policy
from voicebot.testing.questions import meanings

ZONE: Final = ZoneInfo("America/New_York")
MORNING: Final = datetime(2026, 11, 24, 9, tzinfo=ZONE)
"""A Tuesday."""
OPEN: Final = HoursPart(tuesday=DayPart(open=("10:00-12:00", "13:00-18:00")), wednesday=DayPart(open=("10:00-18:00",)))
ATTEMPT: Final = Attempt(1, 1)
QUESTION: Final = "How much is express shipping?"
GREETING: Final = (Line("bot", "Hello. How can I help?"),)
EVIDENCE: Final = ("dialplan:knowledge.shipping",)


def policy(tenant: str = "shop", *, repeatable: bool = True, **intents: IntentPart) -> Policy:
    anything = IntentPart(patterns=(".",), answers={"default": "x"}, repeatable=repeatable)
    known = {**intents, "anything": anything}
    return Policy.of(Dialplan(version=1, name="t", tenant=tenant, time_zone=ZONE.key, hours=OPEN, intents=known))


class Model:
    """A brain that says something new in each run: the clauses of `says`, or one that numbers the run."""

    name = "openai"

    def __init__(self) -> None:
        self.runs = 0
        self.says: list[BrainResult] = []
        self.closed = False

    def warm_up(self) -> None:
        """Nothing to load."""

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> BrainRun:
        self.runs += 1
        said = self.says or [BrainClause(request.attempt, 0, f"Answer number {self.runs}.", EVIDENCE), finished()]
        for result in said:
            post(result)
        return KeptRun()

    def close(self) -> None:
        self.closed = True


def clause(text: str, evidence: tuple[str, ...] = EVIDENCE, index: int = 0) -> BrainClause:
    return BrainClause(ATTEMPT, index, text, evidence)


def finished(outcome: BrainOutcome = BrainOutcome.ANSWERED, **fields: str) -> BrainFinished:
    return replace(BrainFinished(ATTEMPT, outcome, "", ""), **fields)  # type: ignore[arg-type]


class Bench:
    """One worker's answers."""

    def __init__(
        self, plan: Policy | None = None, caches: Caches | None = None, model: Model | None = None, identity: str = "m"
    ) -> None:
        self.clocks = SteppedClocks()
        self.caches = caches or Caches(clocks=self.clocks.clocks)
        self.model = model or Model()
        self.now = MORNING
        self.brain = KeptAnswers(self.model, plan or policy(), self.caches, identity, lambda: self.now)

    def ask(self, text: str = QUESTION, history: tuple[Line, ...] = GREETING, **fields: object) -> list[BrainResult]:
        posted: list[BrainResult] = []
        request = StartBrain(ATTEMPT, 1, text, history, (), "", 5_000)
        self.brain.start(replace(request, **fields), posted.append)  # type: ignore[arg-type]
        return posted

    def again(self, text: str = QUESTION, **fields: object) -> bool:
        """Ask, and tell whether the model was spared."""
        runs = self.model.runs
        self.ask(text, **fields)  # type: ignore[arg-type]
        return self.model.runs == runs

    def step(self, **time: float) -> None:
        passed = timedelta(**time)
        self.now += passed
        self.clocks.step(passed.total_seconds())


def test_the_same_question_gets_the_same_answer_without_the_model() -> None:
    bench = Bench()
    first = bench.ask()
    assert bench.ask("Hello, could you tell me how much express shipping is please?") == first
    assert bench.model.runs == 1
    bench.brain.close()
    assert bench.model.closed


@pytest.mark.parametrize(
    "other",
    [
        "how much is standard shipping",
        "how much is shipping",
        "how long does express shipping take",
        "how much is express shipping to Canada",
        "how much is express shipping on Saturday",
        "is express shipping free",
        "isn't express shipping how much",
        "how much is no express shipping",
        "how much is express shipping 2",
        "how much was express shipping",
    ],
)
def test_another_question_is_asked_anew(other: str) -> None:
    bench = Bench()
    bench.ask()
    assert not bench.again(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("are you open on Saturday", "are you open on Sunday"),
        ("are you open on Sunday", "are you not open on Sunday"),
        ("are you open on Sunday", "not open on Sunday?"),
        ("are you open on Sunday", "you're not open on Sunday, are you?"),
        ("are you open on Sunday", "are you closed on Sunday"),
        ("are you open on Sunday", "aren't you open on Sunday"),
        ("are you open today", "are you open tomorrow"),
        ("when do you open", "when do you close"),
        ("when are you open", "when do you open"),
        ("do you ship to Canada", "do you ship from Canada"),
        ("is the shop open when the workshop is closed", "is the workshop open when the shop is closed"),
        ("are you open on Monday and closed on Sunday", "are you open on Sunday and closed on Monday"),
        ("do you have 26 inch tires", "do you have 29 inch tires"),
        ("are you open December 24", "are you open December 25"),
        ("is shipping free with a membership", "is shipping free without a membership"),
        ("do you have bikes on sale", "do you have bikes for sale"),
    ],
)
def test_what_sounds_alike_and_is_not_the_same_is_told_apart(one: str, other: str) -> None:
    for first, second in ((one, other), (other, one)):
        bench = Bench()
        bench.ask(first)
        assert not bench.again(second)


@pytest.mark.parametrize(
    "text",
    [
        "where is my order 48213",
        "how much is shipping for order 48213",
        "what is the status of four eight two one three",
        "is [CARD#1] accepted",
        "how much is it",
        "and on Sunday?",
        "what about express shipping",
        "are you open then",
        "do you ship there",
        "are you open right now",
        "are you still open",
        "do I need an appointment",
        "can you send it to my house",
        "hello",
        "",
        "please",
    ],
)
def test_what_is_the_callers_or_needs_the_call_is_never_kept(text: str) -> None:
    bench = Bench()
    bench.ask(text)
    assert not bench.again(text)
    assert bench.caches.rows() == ()


def test_no_two_meanings_come_to_one() -> None:
    """Every question of the generator against every other one: 302 meanings in 2,378 questions."""
    owners: dict[object, str] = {}
    same = pairs = 0
    for meaning, ways in meanings().items():
        gists = [(asked.words, asked.days) if (asked := gist(way)) else way for way in ways]
        for each in set(gists):
            assert owners.setdefault(each, meaning) == meaning
        pairs += len(ways) * (len(ways) - 1) // 2
        same += sum(one == other for one, other in combinations(gists, 2))
    assert same / pairs > 0.8


def test_asking_for_one_after_the_other_never_gives_the_wrong_answer() -> None:
    bench = Bench()
    asked = {ways[0]: bench.ask(ways[0]) for ways in list(meanings().values())[::7]}
    runs = bench.model.runs
    assert runs == len(asked)
    for text, answer in asked.items():
        assert bench.ask(text) == answer
    assert bench.model.runs == runs


def test_tenants_policies_and_models_share_nothing() -> None:
    caches, model = Caches(), Model()
    plan = policy()
    again = Policy.of(plan.dialplan.model_copy(update={"currency": "EUR"}))
    for other, identity in ((plan, "a"), (policy("shop-two"), "a"), (again, "a"), (plan, "b")):
        Bench(other, caches, model, identity).ask()
    assert model.runs == 4
    Bench(plan, caches, model, "a").ask()
    assert model.runs == 4


class TestTime:
    """An answer is given again for as long as it is true."""

    def test_until_the_business_opens_or_closes(self) -> None:
        bench = Bench()
        bench.ask()
        bench.step(minutes=59)
        assert bench.again()
        bench.step(minutes=1)
        assert not bench.again()
        bench.step(hours=1, minutes=59)
        assert bench.again()
        bench.step(minutes=1)
        assert not bench.again()

    def test_until_midnight_there(self) -> None:
        bench = Bench()
        bench.now = MORNING.replace(hour=23, minute=30)
        bench.ask()
        bench.step(minutes=29)
        assert bench.again()
        bench.step(minutes=1)
        assert not bench.again()

    def test_not_on_the_same_time_of_another_day(self) -> None:
        bench = Bench()
        bench.ask()
        bench.now += timedelta(days=7)
        assert not bench.again()

    def test_not_when_the_clock_there_says_that_it_is_over(self) -> None:
        bench = Bench()
        bench.ask()
        bench.now += timedelta(hours=2)
        assert not bench.again()

    def test_a_day_of_25_hours_ends_at_midnight(self) -> None:
        fall = datetime(2026, 11, 1, 0, 30, tzinfo=ZONE)
        assert changes_at(OPEN.resolved(), fall).astimezone(ZONE) == datetime(2026, 11, 2, tzinfo=ZONE)
        assert changes_at(OPEN.resolved(), fall) - fall == timedelta(hours=24.5)


@pytest.mark.parametrize(
    "says",
    [
        [clause("Six fifty.", ("tool:prices",)), finished()],
        [clause("Six fifty.", (*EVIDENCE, "tool:prices")), finished()],
        [clause("Six fifty.", ("caller",)), finished()],
        [clause("Six fifty.", ()), finished()],
        [clause("Six fifty."), clause("I have booked it.", (), 1), finished()],
        # The checker of facts has dropped the clause before, between or around.
        [clause("Six fifty.", index=1), finished()],
        [clause("Six fifty."), clause("It is free.", index=2), finished()],
        [clause("Six fifty."), replace(finished(), withheld=("number: It is free on Mars.",))],
        [clause("I am not sure about that.", ("dialplan:phrases.unsupported",)), finished()],
        [SafetyFlagged("unsupported"), clause("Six fifty."), finished()],
        [clause("Six fifty."), BrainToolWanted(ATTEMPT, "prices", "{}"), finished()],
        [clause("Six fifty."), finished(BrainOutcome.WAITING_FOR_TOOLS)],
        [clause("Six fifty."), finished(BrainOutcome.HANDOFF)],
        [clause("Six fifty."), finished(BrainOutcome.NO_MATCH)],
        [clause("Bye."), finished(BrainOutcome.GOODBYE)],
        [clause("Six fifty."), finished(memory="he is called Bob")],
        [clause("Six fifty."), finished(expects="yes_no")],
        [clause("Six fifty."), finished(reason_code="CALLER_ASKED")],
        [clause("Six fifty."), EngineFailed(Role.BRAIN, 1, Category.TIMEOUT, permanent=False)],
        [clause("Six fifty."), EngineFailed(Role.BRAIN, 1, Category.TIMEOUT, permanent=False), finished()],
        [clause("Six fifty.")],
        [finished()],
        [clause("We are open now."), finished()],
        [clause("We close in ten minutes."), finished()],
        [clause("Which one do you want?"), finished()],
        [clause("It was sent to [EMAIL#1]."), finished()],
        [*(clause("Yes.", index=number) for number in range(20)), finished()],
    ],
)
def test_an_answer_that_is_not_plainly_the_dialplans_is_not_kept(says: list[Event]) -> None:
    bench = Bench()
    bench.model.says = says  # type: ignore[assignment]
    assert bench.ask() == says
    assert not bench.again()


@pytest.mark.parametrize(
    "fields",
    [
        {"results": (("prices", "{}"),)},
        {"memory": '{"asking":"day"}'},
        {"known": (("customer", '{"name":"Bob"}'),)},
        {"history": (*GREETING, Line("tool", "prices"))},
        {"history": (*GREETING, Line("caller", "my name is Bob"), Line("bot", "Hello Bob."))},
        {"history": (*GREETING, Line("caller", "order 48213"), Line("bot", "It was shipped."))},
        {"history": (*GREETING, Line("caller", "what is shipping"), Line("bot", "Do you mean express?"))},
    ],
)
def test_a_call_that_is_personal_neither_gives_nor_gets(fields: dict[str, object]) -> None:
    bench = Bench()
    bench.ask(**fields)  # type: ignore[arg-type]
    assert not bench.again()
    assert not bench.again(**fields)  # type: ignore[arg-type]
    assert bench.again()


def test_a_later_question_of_a_call_gets_an_answer_and_leaves_none() -> None:
    bench = Bench()
    later = (*GREETING, Line("caller", "are you open on Sunday"), Line("bot", "Yes, we are."))
    bench.ask(history=later)
    assert not bench.again()
    assert bench.again(history=later)


def test_only_what_a_repeatable_intent_stands_for_is_kept() -> None:
    bench = Bench(policy(repeatable=False))
    bench.ask()
    assert not bench.again()
    person = IntentPart(patterns=(r"\bplease\b",), answers={"default": "x"})
    bench = Bench(policy(person=person))
    bench.ask()
    assert not bench.again(f"{QUESTION} please")
    assert bench.again()


def test_an_answer_that_was_cleared_while_it_was_made_is_not_kept() -> None:
    bench = Bench()

    class Clearing(Model):
        def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> BrainRun:
            bench.caches.clear(Kind.ANSWERS, "shop")
            return super().start(request, post)

    bench.brain = KeptAnswers(Clearing(), policy(), bench.caches, "m", lambda: bench.now)
    bench.ask()
    assert bench.caches.rows()[0].counts == {Outcome.MISS: 1, Outcome.REFUSED: 1}


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"[]",
        b"not JSON",
        json.dumps({"intent": "anything", "vector": "", "until": "2027-01-01T00:00:00+00:00", "clauses": []}).encode(),
        json.dumps({"intent": "anything", "vector": "!", "until": "never", "clauses": [["x", []]]}).encode(),
    ],
)
def test_an_entry_that_cannot_be_read_is_a_miss(forged: bytes) -> None:
    bench = Bench()
    plan = policy()
    shelf = Shelf(Kind.ANSWERS, "shop", plan.sha256)
    asked = gist(QUESTION)
    assert asked is not None
    store = bench.caches.store(Kind.ANSWERS)
    subject = bench.brain._subject(asked, bench.now)
    store.put(shelf, subject, forged, 60, store.look(shelf, subject).edition)
    assert store.look(shelf, subject).value == forged
    assert not bench.again()


def test_two_ways_that_agree_in_words_must_still_be_near_each_other() -> None:
    bench = Bench()
    bench.ask()
    asked = gist(QUESTION)
    assert asked is not None
    store, shelf = bench.caches.store(Kind.ANSWERS), Shelf(Kind.ANSWERS, "shop", policy().sha256)
    subject = bench.brain._subject(asked, bench.now)
    look = store.look(shelf, subject)
    assert look.value is not None
    entry = json.loads(look.value)
    far = replace(asked, plain="goodbye")
    assert bench.brain._fitting(look.value, asked, QUESTION, bench.now) is not None
    assert bench.brain._fitting(look.value, far, QUESTION, bench.now) is None
    assert bench.brain._fitting(json.dumps({**entry, "intent": "x"}).encode(), asked, QUESTION, bench.now) is None


def test_warming_up_warms_what_is_behind() -> None:
    warmed: list[str] = []

    class Warm(Model):
        def warm_up(self) -> None:
            warmed.append("model")

    KeptAnswers(Warm(), policy(), Caches()).warm_up()
    assert warmed == ["model"]
