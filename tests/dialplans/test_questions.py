"""What answers a question of the playbook, and what does not: keys, a bare yes or no, names and addresses."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from voicebot.brain.playbook.dialogue import Dialogue
from voicebot.brain.playbook.memory import Memory
from voicebot.brain.playbook.wording import Decision
from voicebot.core.events import BrainOutcome
from voicebot.dialplan.loading import load_dialplan

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("UTC"))
PLAN = """
version: 1
menu: {"0": person, "9": hours}
slots:
  size: {kind: choice, prompt: Which size?, choices: {small: [small], large: [large, big]}}
  sure: {kind: yes_no, prompt: Are you sure?}
  from_account: {kind: digits, length: 3, prompt: From which account?, rest: And the rest?}
  to_account: {kind: digits, length: 3, prompt: To which account?}
  out: {kind: weekday, prompt: When do you leave?}
  back: {kind: weekday, prompt: When do you come back?}
  who: {kind: name, prompt: What is your name?}
  mail: {kind: email, prompt: What is your e-mail address?}
  street: {kind: address, prompt: Where do you live?}
  code: {kind: spelling, prompt: Please spell the code., endpointing: {dictation_ms: 2500}}
intents:
  order:
    examples: [I want to order a shirt, order a shirt please]
    slots: [size, sure]
    answers: {default: "You get a {size} one, {sure}."}
  transfer:
    examples: [I want to transfer money, make a transfer]
    slots: [from_account, to_account]
    answers: {default: "From {from_account} to {to_account}."}
  trip:
    examples: [book a trip for me, I would like to travel]
    slots: [out, back]
    answers: {default: "Out {out}, back {back}."}
  remind:
    examples: [send me a reminder]
    slots: [out, mail]
    answers: {default: "On {out} to {mail}."}
  register:
    examples: [I want to sign up, register me]
    slots: [who, mail, street, code]
    answers: {default: "{who}, {mail}, {street}, {code}."}
  person:
    examples: [I want to speak to a person]
    patterns: ['\\b(person|human|operator)\\b']
    ends: handoff
    reason_code: CALLER_ASKED
  thanks:
    examples: [thank you, thanks a lot]
    answers: {default: You are welcome. Is there anything else?}
  hours:
    examples: [when are you open]
    answers: {default: Always.}
  goodbye:
    examples: [goodbye, no that is all, nothing else, no thanks that was everything]
    ends: goodbye
"""


class Talk:
    """A call in text."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self.memory = Memory()

    def decide(self, text: str, heard: str | None = None) -> Decision:
        decision = self._dialogue.turn(text, self.memory, NOW, heard)
        self.memory = decision.memory
        return decision

    def say(self, *texts: str) -> str:
        """Return the answer to the last of some turns."""
        decisions = [self.decide(text) for text in texts]
        return " ".join(clause.text for clause in decisions[-1].clauses)

    @property
    def expects(self) -> str:
        return self._dialogue.expects(self.memory)


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> Dialogue:
    file = tmp_path_factory.mktemp("dialplans") / "shop.yaml"
    file.write_text(PLAN, encoding="utf-8")
    policy, faults = load_dialplan(Path(file))
    assert policy is not None, faults
    return Dialogue(policy)


@pytest.fixture
def talk(dialogue: Dialogue) -> Talk:
    return Talk(dialogue)


@pytest.mark.parametrize("key", ["2", "2.", " 2"])
def test_a_key_answers_the_question_that_was_asked_and_no_other(talk: Talk, key: str) -> None:
    assert talk.say("I want to order a shirt") == "Which size?"
    assert talk.say(key) == "Are you sure?"
    assert talk.say("1") == "You get a large one, yes."


@pytest.mark.parametrize("typed", ["21", "2 1"])
def test_keys_typed_ahead_belong_to_their_questions_in_order(talk: Talk, typed: str) -> None:
    assert talk.say("I want to order a shirt", typed) == "You get a large one, yes."


@pytest.mark.parametrize("typed", ["23", "31", "2111"])
def test_keys_that_do_not_answer_the_questions_answer_none(talk: Talk, typed: str) -> None:
    assert talk.say("I want to order a shirt", typed) == "Which size?"
    assert talk.memory.slots == {}


def test_a_key_of_the_menu_is_an_intent_unless_a_question_is_open(talk: Talk) -> None:
    assert talk.say("9") == "Always."
    assert talk.say("I want to order a shirt", "9") == "Which size?"
    assert talk.decide("0").outcome is BrainOutcome.HANDOFF
    assert talk.decide("8").outcome is BrainOutcome.NO_MATCH


def test_words_that_answer_more_than_was_asked_are_taken(talk: Talk) -> None:
    assert talk.say("I want to order a large shirt") == "Are you sure?"


def test_a_yes_that_belongs_to_nothing_fills_nothing(talk: Talk) -> None:
    assert talk.say("Yes, I want to order a shirt") == "Which size?"
    assert talk.memory.slots == {}


@pytest.mark.parametrize("number", ["123", "1 2 3", "one two three", "It is 123."])
def test_one_number_fills_one_of_two_equal_slots(talk: Talk, number: str) -> None:
    assert talk.say("I want to transfer money", number) == "To which account?"
    assert talk.say("456") == "From 123 to 456."


def test_a_number_in_the_first_sentence_fills_one_slot(talk: Talk) -> None:
    assert talk.say("make a transfer from 123") == "To which account?"
    assert Talk(talk._dialogue).say("make a transfer from 123 to account 456") == "From 123 to 456."


def test_two_numbers_typed_ahead(talk: Talk) -> None:
    assert talk.say("I want to transfer money", "123456") == "From 123 to 456."


def test_a_number_in_parts_goes_on_with_what_was_begun(talk: Talk) -> None:
    assert talk.say("I want to transfer money", "12") == "And the rest?"
    assert talk.say("3") == "To which account?"
    assert Talk(talk._dialogue).say("I want to transfer money", "12", "3456") == "From 123 to 456."
    assert Talk(talk._dialogue).say("I want to transfer money", "12", "456") == "To which account?"


def test_one_day_fills_one_of_two_slots(talk: Talk) -> None:
    assert talk.say("book a trip for me", "on Monday") == "When do you come back?"
    assert talk.say("Wednesday") == "Out monday, back wednesday."
    assert Talk(talk._dialogue).say("book a trip for me", "Monday and back on Friday") == "Out monday, back friday."


def test_a_day_and_an_address_in_one_sentence(talk: Talk) -> None:
    assert talk.say("Send me a reminder on Monday to [EMAIL#1], please") == "On monday to [EMAIL#1]."


@pytest.mark.parametrize("text", ["No.", "Yes.", "no, no", "Yes, yes.", "No, thanks.", "Nope", "yes please"])
def test_a_yes_or_no_to_which_nothing_was_asked_is_no_match(talk: Talk, text: str) -> None:
    assert talk.decide(text).outcome is BrainOutcome.NO_MATCH
    assert talk.decide(text, "Hello. How can I help?").outcome is BrainOutcome.NO_MATCH
    talk.say("I want to order a shirt", "large", "yes")
    assert talk.decide(text).outcome is BrainOutcome.NO_MATCH


def test_a_no_to_an_offer_is_a_goodbye(talk: Talk) -> None:
    talk.say("thank you")
    assert talk.decide("No.").outcome is BrainOutcome.GOODBYE
    failed = "Nobody can take your call right now. Can I help you with something else?"
    assert talk.decide("No, thank you.", failed).outcome is BrainOutcome.GOODBYE
    assert talk.decide("Yes.", failed).outcome is BrainOutcome.NO_MATCH
    talk.say("thank you")
    assert talk.decide("No.", "").outcome is BrainOutcome.NO_MATCH, "the caller did not hear the offer"


def test_a_no_that_does_not_answer_the_question_does_not_end_the_call(talk: Talk) -> None:
    assert talk.say("I want to order a shirt", "No.") == "Which size?"


def test_whoever_says_goodbye_in_words_is_believed(talk: Talk) -> None:
    assert talk.decide("no that is all").outcome is BrainOutcome.GOODBYE


def test_names_and_addresses_are_asked_for_and_taken_as_they_are_said(talk: Talk) -> None:
    assert talk.say("I want to sign up") == "What is your name?"
    assert talk.expects == "name"
    assert talk.say("My name is Mary O'Neill, please.") == "What is your e-mail address?"
    assert talk.expects == "email"
    assert talk.say("it is [EMAIL#1]") == "Where do you live?"
    assert talk.expects == "address"
    assert talk.say("I live at 12 Harbor Lane") == "Please spell the code."
    assert talk.expects == "spelling@code", "it has delays of its own"
    assert talk.say("b as in bravo 4 x") == "Mary O'Neill, [EMAIL#1], 12 Harbor Lane, B4X."


def test_a_slot_has_the_general_delays_where_it_has_none_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(PLAN, encoding="utf-8")
    policy, _ = load_dialplan(file)
    assert policy is not None
    assert [name for name, _ in policy.call.slot_endpointing] == ["code"]
    own, general = policy.call.endpointing_for("code"), policy.call.endpointing
    assert (own.dictation_ms, own.max_delay_ms) == (2500, general.max_delay_ms)
    assert policy.call.endpointing_for("who") == policy.call.endpointing_for("") == general


def test_who_is_asked_for_a_name_may_still_want_something(talk: Talk) -> None:
    talk.say("I want to sign up")
    assert talk.decide("an operator").outcome is BrainOutcome.HANDOFF
    talk.say("I want to sign up")
    assert talk.say("I want to order a shirt") == "Which size?"
