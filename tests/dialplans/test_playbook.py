"""Dialogues with the playbook in text, as recognisers write it: no case, no punctuation, numbers in any shape."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.brain.protocol import BrainResult
from voicebot.core.commands import CallTool, StartBrain
from voicebot.core.events import Attempt, BrainClause, BrainFinished, BrainToolWanted, ToolReturned
from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy
from voicebot.tools.protocol import ToolResult
from voicebot.tools.toolbox import DialplanToolbox

FRIDAY_NOON = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("America/New_York"))


def demo_policy() -> Policy:
    policy, faults = load_dialplan(Path("dialplans/harbor-lane.yaml"))
    assert policy is not None, faults
    return policy


class Conversation:
    """A call in text: the playbook and its connector, without a core between them."""

    def __init__(self, brain: PlaybookBrain, toolbox: DialplanToolbox) -> None:
        self._brain = brain
        self._toolbox = toolbox
        self._memory = ""
        self.clauses: list[BrainClause] = []

    def say(self, text: str) -> tuple[str, str]:
        """Return the outcome of a turn and what the bot says."""
        posted = self._run(text, ())
        wanted = next((one for one in posted if isinstance(one, BrainToolWanted)), None)
        if wanted is not None:
            posted = self._run(text, ((wanted.name, self._fetch(wanted)),))
        self.clauses = [one for one in posted if isinstance(one, BrainClause)]
        finished = posted[-1]
        assert isinstance(finished, BrainFinished)
        return f"{finished.outcome} {finished.reason_code}".strip(), " ".join(clause.text for clause in self.clauses)

    def _run(self, text: str, results: tuple[tuple[str, str], ...]) -> list[BrainResult]:
        posted: list[BrainResult] = []
        self._brain.start(StartBrain(Attempt(1, 1), 1, text, (), results, self._memory, 1000), posted.append)
        finished = posted[-1]
        assert isinstance(finished, BrainFinished)
        self._memory = finished.memory
        return posted

    def _fetch(self, wanted: BrainToolWanted) -> str:
        over, results = threading.Event(), list[ToolResult]()

        def post(result: ToolResult) -> None:
            results.append(result)
            over.set()

        self._toolbox.start(CallTool(1, wanted.name, wanted.arguments, "key", 0), 30.0, post)
        assert over.wait(30)
        assert isinstance(results[0], ToolReturned)
        return results[0].result


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[PlaybookBrain, DialplanToolbox]]:
    policy = demo_policy()
    brain, toolbox = PlaybookBrain(policy, lambda: FRIDAY_NOON), DialplanToolbox(policy)
    brain.warm_up()
    yield brain, toolbox
    toolbox.close()


@pytest.fixture
def conversation(parts: tuple[PlaybookBrain, DialplanToolbox]) -> Conversation:
    return Conversation(*parts)


@pytest.mark.parametrize(
    ("text", "outcome", "part"),
    [
        ("What are your hours on Saturday?", "answered", "On Saturday we are open from 9 AM to 5 PM."),
        ("what are your ours on saturday", "answered", "On Saturday we are open"),
        ("do you open sundays", "answered", "On Sunday we are open from 11 AM to 3 PM."),
        ("are you open tomorrow", "answered", "Tomorrow we are open from 9 AM"),
        ("are you open now", "answered", "Yes, we are open now, until 6 PM."),
        ("are you open on monday", "answered", "On Monday we are closed. We open again on Tuesday at 10 AM."),
        ("are you open on thursday", "answered", "On Thursday we are closed. It is Thanksgiving."),
        (
            "Are you open on Christmas Day?",
            "answered",
            "On Christmas Day we are closed. We open again the day after at 9",
        ),
        ("are you open on christmas", "answered", "On Christmas Day we are closed."),
        ("when do you close christmas eve", "answered", "On Christmas Eve we are open from 10 AM to 2 PM."),
        (
            "are you open on thanksgiving",
            "answered",
            "On Thanksgiving we are closed. We open again the day after at 10",
        ),
        ("are you open on new years day", "answered", "On New Year's Day we are closed."),
        ("where is your shot", "answered", "We are at 12 Harbor Lane"),
        ("when can i come to the shot", "answered", "Our hours are as follows."),
        ("what are your opening hours", "answered", "Monday closed, Tuesday to Wednesday from 10 AM"),
        ("how much is shipping", "answered", "Standard shipping is 6 dollars and 50 cents"),
        ("whats the price for delivering a package", "answered", "Standard shipping"),
        ("where is my order", "answered", "What is the order number?"),
        ("i would like to know about order four eight two one three", "answered", "was shipped on Friday"),
        ("whats the status of order 48 2 13", "answered", "four, eight, two, one, three was shipped"),
        ("check order forty eight two fourteen", "answered", "is being packed"),
        ("my order number is four ate two one three", "answered", "was shipped"),
        ("order number five one nine oh seven", "answered", "is in our workshop"),
        ("order number double one double two three", "answered", "I do not find an order one, one, two, two, three."),
        ("48213", "answered", "was shipped"),
        ("can i speak to a person", "handoff CALLER_ASKED", ""),
        ("let me talk to someone please", "handoff CALLER_ASKED", ""),
        ("i need a human", "handoff CALLER_ASKED", ""),
        ("could i get a real person on the line", "handoff CALLER_ASKED", ""),
        ("0", "handoff CALLER_ASKED", ""),
        ("1", "answered", "Our hours are as follows."),
        ("2", "answered", "Standard shipping"),
        ("3", "answered", "What is the order number?"),
        ("thanks", "answered", "You are welcome."),
        ("no thats all", "goodbye", ""),
        ("bye", "goodbye", ""),
        ("hows the weather in paris", "no_match", ""),
        ("who won the election", "no_match", ""),
        ("you", "no_match", ""),
        ("um", "no_match", ""),
        ("", "no_match", ""),
    ],
)
def test_one_turn(conversation: Conversation, text: str, outcome: str, part: str) -> None:
    told = conversation.say(text)
    assert told[0] == outcome
    assert part in told[1]


def test_a_missing_number_is_asked_for_and_may_come_in_two_parts(conversation: Conversation) -> None:
    assert "order number" in conversation.say("where is my order")[1]
    assert conversation.say("four eight two")[1] == "And the other digits?"
    assert "was shipped" in conversation.say("one three")[1]
    assert "is being packed" in conversation.say("48214")[1]


def test_another_question_in_between_is_answered(conversation: Conversation) -> None:
    conversation.say("where is my order")
    assert "Standard shipping" in conversation.say("actually how much is shipping")[1]


def test_a_number_that_does_not_come_is_asked_for_twice_and_then_not_understood(conversation: Conversation) -> None:
    conversation.say("where is my order")
    outcomes = [conversation.say("blue elephants")[0] for _ in range(3)]
    assert outcomes == ["answered", "answered", "no_match"]


def test_a_follow_up_goes_on_with_the_last_question(conversation: Conversation) -> None:
    conversation.say("are you open on saturday")
    assert "On Sunday we are open" in conversation.say("sunday")[1]


def test_the_last_answer_is_said_again_with_its_evidence(conversation: Conversation) -> None:
    first = conversation.say("how much is shipping")
    evidence = [clause.evidence for clause in conversation.clauses]
    assert conversation.say("say that again please") == first
    assert [clause.evidence for clause in conversation.clauses] == evidence


def test_a_question_that_is_said_again_is_still_open(conversation: Conversation) -> None:
    asked = conversation.say("where is my order")
    assert conversation.say("pardon") == asked
    assert "was shipped" in conversation.say("48213")[1]


def test_nothing_can_be_said_again_before_anything_was_said(conversation: Conversation) -> None:
    assert conversation.say("say that again please") == ("no_match", "")


def test_every_clause_names_its_evidence(conversation: Conversation) -> None:
    conversation.say("what are your hours on saturday")
    assert "dialplan:hours.saturday" in conversation.clauses[0].evidence
    conversation.say("are you open on christmas eve")
    assert "dialplan:hours.exceptions.2026-12-24" in conversation.clauses[0].evidence
    conversation.say("how much is shipping")
    assert "dialplan:shipping.standard" in conversation.clauses[0].evidence
    conversation.say("order number 48213")
    assert {"tool:order_status", "caller"} <= set(conversation.clauses[0].evidence)


@pytest.mark.parametrize(
    ("result", "part"),
    [
        ('{"outcome":"unavailable"}', "I cannot reach our order list"),
        ('{"outcome":"lost"}', "I cannot tell the state of order"),
        ('{"outcome":"shipped"}', "I cannot tell the state of order"),
        ("no json", "I cannot tell the state of order"),
    ],
)
def test_results_that_tell_little_get_the_general_answer(conversation: Conversation, result: str, part: str) -> None:
    conversation._run("order number 48213", ())
    posted = conversation._run("order number 48213", (("order_status", result),))
    assert part in " ".join(one.text for one in posted if isinstance(one, BrainClause))


def test_the_memory_of_another_brain_is_forgotten(conversation: Conversation) -> None:
    conversation._memory = '[["x",[]]]'
    assert conversation.say("thanks")[0] == "answered"


def test_a_date_that_is_past_is_answered_with_the_week(parts: tuple[PlaybookBrain, DialplanToolbox]) -> None:
    later = PlaybookBrain(demo_policy(), lambda: FRIDAY_NOON.replace(year=2027, month=2))
    told = Conversation(later, parts[1]).say("are you open on christmas day")
    assert told[1].startswith("Our hours are as follows.")


def test_a_holiday_is_named_to_those_who_ask_for_its_weekday(parts: tuple[PlaybookBrain, DialplanToolbox]) -> None:
    brain = PlaybookBrain(demo_policy(), lambda: FRIDAY_NOON.replace(month=12, day=24))
    conversation = Conversation(brain, parts[1])
    assert conversation.say("are you open tomorrow")[1].startswith("Tomorrow we are closed. It is Christmas Day.")
    assert conversation.say("are you open today")[1].startswith("Today we are open from 10 AM to 2 PM. It is Christmas")


def test_the_answers_about_named_days_are_among_those_to_render_ahead(
    parts: tuple[PlaybookBrain, DialplanToolbox],
) -> None:
    assert "On Christmas Day we are closed." in parts[0].usual_clauses()


def digest() -> str:
    policy = demo_policy()
    conversation = Conversation(PlaybookBrain(policy, lambda: FRIDAY_NOON), DialplanToolbox(policy))
    turns = ("are you open tomorrow", "sunday", "where is my order", "48213", "how much is shipping", "bye")
    told = "\n".join(f"{conversation.say(turn)} {conversation._memory}" for turn in turns)
    return hashlib.sha256((policy.sha256 + told).encode()).hexdigest()


def test_the_same_turns_give_the_same_bytes_under_any_hash_seed() -> None:
    code = f"import runpy; print(runpy.run_path({str(Path(__file__))!r})['digest']())"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([".", *sys.path])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {digest() + "\n"}
