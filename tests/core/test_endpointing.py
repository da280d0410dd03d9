"""How long a pause must last to end a turn: by what was said, by what was asked, by what the brain makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.timeline import ENDPOINTING, POLICY, Timeline
from voicebot.core.commands import Decode, StartBrain
from voicebot.core.conversation import State
from voicebot.core.ear import State as EarState
from voicebot.core.endpointing import Completeness, Cues, Expectation, completeness, delay_ms, may_end
from voicebot.core.events import BrainFinished, BrainOutcome, DtmfEntered, KeyPressed

SURE, UNSURE = 0.9, 0.5
LENGTHS = frozenset({5})


def judged(text: str, expects: str = "", finality: float = SURE, *, answerable: bool | None = None) -> Completeness:
    return completeness(Cues(text, Expectation.parse(expects), finality, answerable), LENGTHS)


@pytest.mark.parametrize(
    "text",
    [
        "What time do you close?",
        "I would like to know the status of my order.",
        "Could somebody help me with that?",
        "Are you open until ten?",
        "Do you open at nine thirty",
        "My e-mail is john at example dot com",
        "It is john@example.com",
        "Hello, is it this one",
        "I want to order a blue one",
        "I'd like to know where your store is.",
        "Can you tell me what the price is?",
        "I was wondering how late you are",
        "Tell me how much the shipping will be",
        "Could you say when that was",
        "Can you tell me what your address is?",
    ],
)
def test_a_sentence_that_the_recogniser_takes_for_finished_is_complete(text: str) -> None:
    assert judged(text) is Completeness.COMPLETE


@pytest.mark.parametrize("text", ["", "...", "Good morning", "Are you open", "My new blue kettle has not arrived yet"])
def test_what_may_go_on_or_not_is_unsure(text: str) -> None:
    assert judged(text, finality=SURE if len(text.split()) < 4 else UNSURE) is Completeness.UNSURE


@pytest.mark.parametrize(
    "text",
    [
        "I would like to know where",
        "Can you tell me how",
        "I need to speak to",
        "My name is",
        "I have a question and",
        "um",
        "And the",
        "I'd like to know whether the shop and my",
        "What is my order number",
        "Could I",
        "I'd like to know where is",
        "Hello, what time is",
        "What I really need is",
        "The reason why I call is",
        "Can you tell me when it will",
        "My address is",
        "I would like to know what kind of shop is",
    ],
)
def test_a_sentence_that_cannot_end_here_hangs(text: str) -> None:
    assert judged(text) is Completeness.HANGING


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("", True),
        ("What are your opening hours", True),
        ("I have a question and,", False),
        ("My number is four eight", True),
    ],
)
def test_a_sentence_may_end_unless_its_last_words_want_more(text: str, *, may: bool) -> None:
    assert may_end(text) is may


def test_an_auxiliary_ends_a_short_answer() -> None:
    assert judged("Yes, I really do.") is Completeness.COMPLETE
    assert judged("No, but I would like to know what you do") is Completeness.HANGING
    assert judged("Is it something that you do") is Completeness.HANGING


@pytest.mark.parametrize(
    "text",
    [
        "My order number is 4",
        "Where is order number 4 8 2",
        "Four eight two",
        "To four one.",
        "4 8 2 for",
        "It is double four one oh",
        "My number is 0 7 9 1 2 3",
        "M A",
        "Smith, S M I",
        "b for bravo",
        "M as in Mike",
        "My email is john",
        "The e-mail address is j smith",
        "john at example dot",
        "john at example dot co",
        "john@exam",
        "My address is 12",
        "My address is 12 Harbor",
        "Our new address is Harbor House",
        "The address is twelve",
        "I live at 12",
    ],
)
def test_what_is_read_out_is_not_cut(text: str) -> None:
    assert judged(text) is Completeness.DICTATING


@pytest.mark.parametrize("text", ["I want two", "It was three days ago", "Am I a", "My address is wrong"])
def test_a_number_or_a_letter_alone_is_no_dictation(text: str) -> None:
    assert judged(text) is not Completeness.DICTATING


@pytest.mark.parametrize(
    ("expects", "text", "answerable"),
    [
        ("digits:5", "4 8 2 1 3", None),
        ("digits:5", "It's four eight two one three, thank you", None),
        ("yes_no", "Yes.", None),
        ("yes_no", "No, thanks.", None),
        ("weekday", "On Monday", None),
        ("weekday", "Mondays", None),
        ("choice", "The blue one", True),
    ],
)
def test_a_full_slot_ends_the_turn(expects: str, text: str, *, answerable: bool | None) -> None:
    assert judged(text, expects, UNSURE, answerable=answerable) is Completeness.FILLED


@pytest.mark.parametrize(
    ("expects", "text", "meant"),
    [
        ("digits:5", "4 8 2", Completeness.DICTATING),
        ("digits:5", "for", Completeness.DICTATING),
        ("digits:5", "I really do not know it", Completeness.COMPLETE),
        ("digits", "4 8 2 1 3 6 6", Completeness.DICTATING),
        ("email", "john", Completeness.DICTATING),
        ("email", "john dot smith at example", Completeness.DICTATING),
        ("email", "john at example dot com", Completeness.COMPLETE),
        ("email", "No.", Completeness.COMPLETE),
        ("address", "12 Harbor Lane", Completeness.DICTATING),
        ("spelling", "M", Completeness.DICTATING),
        ("name", "Mary", Completeness.HANGING),
        ("name", "S M I", Completeness.DICTATING),
        ("yes_no", "Yes but I would like to", Completeness.HANGING),
        ("choice", "The", Completeness.HANGING),
        ("weekday", "Early next week", Completeness.COMPLETE),
        ("no_such_kind", "Anything at all", Completeness.COMPLETE),
    ],
)
def test_what_was_asked_for_says_what_may_still_come(expects: str, text: str, meant: Completeness) -> None:
    assert judged(text, expects) is meant


@pytest.mark.parametrize("kind", ["name", "email", "spelling", "address"])
@pytest.mark.parametrize("answerable", [True, False, None])
def test_an_answer_of_the_brain_does_not_cut_a_name_or_an_address(kind: str, *, answerable: bool | None) -> None:
    assert judged("Mary", kind, 1.0, answerable=answerable) in {Completeness.HANGING, Completeness.DICTATING}


def test_an_answer_at_hand_makes_an_end_likely_but_proves_nothing() -> None:
    text = "I would like to know the price"
    assert judged(text, answerable=False) is Completeness.COMPLETE, "the brain does not know all that people say"
    assert judged(text, finality=0.75) is Completeness.LIKELY
    assert judged(text, finality=0.6, answerable=True) is Completeness.POSSIBLE
    assert judged("Thanks goodbye", finality=0.75, answerable=True) is Completeness.POSSIBLE
    assert judged("Thanks goodbye", finality=0.75, answerable=False) is Completeness.UNSURE
    assert judged(text, finality=UNSURE, answerable=True) is Completeness.UNSURE, "it answers half sentences as well"


@pytest.mark.parametrize("text", ["My order number is 4 8 2 1 3.", "Where is order 48213"])
def test_a_number_of_a_known_length_that_nobody_asked_for_may_be_the_beginning_of_a_longer_one(text: str) -> None:
    assert judged(text) is Completeness.UNSURE
    assert completeness(Cues(text, whole=True), LENGTHS) is Completeness.FILLED, "but not in a sentence that is known"


@pytest.mark.parametrize("text", ["It is [NUMBER#2].", "call me at [PHONE#1]"])
def test_a_number_that_was_redacted_may_go_on(text: str) -> None:
    assert judged(text) is Completeness.DICTATING
    assert judged(f"{text.rstrip('.')} and nobody answers") is not Completeness.DICTATING


def test_a_number_begins_with_its_first_digit() -> None:
    assert judged("It is one.") is Completeness.DICTATING


@pytest.mark.parametrize("text", ["Yes, please.", "No thank you.", "Yeah"])
def test_a_yes_to_no_question_may_begin_a_sentence(text: str) -> None:
    assert judged(text) is Completeness.POSSIBLE
    assert judged(text, "yes_no") is Completeness.FILLED


def test_one_word_is_not_known_for_sure() -> None:
    assert completeness(Cues("Hey.", whole=True), LENGTHS) is Completeness.POSSIBLE


def test_a_question_may_end_with_its_preposition_but_only_if_the_recogniser_says_so() -> None:
    assert judged("What are you able to help with?") is Completeness.POSSIBLE
    assert judged("What are you able to help with?", finality=0.7) is Completeness.HANGING
    assert judged("I would like help with") is Completeness.HANGING


def test_a_turn_that_the_brain_knows_word_for_word_is_full_but_not_in_the_middle_of_a_number() -> None:
    def whole(text: str) -> Completeness:
        return completeness(Cues(text, whole=True), LENGTHS)

    assert whole("Are you open tomorrow") is Completeness.FILLED
    assert whole("Are you open") is Completeness.COMPLETE, "a known question may be the start of another"
    please = completeness(Cues("I would like to speak to a person", finality=0.3, whole=True), LENGTHS)
    assert please is Completeness.COMPLETE
    assert whole("Where is order 48213") is Completeness.FILLED
    assert whole("Where is order 482") is Completeness.DICTATING


@pytest.mark.parametrize(
    ("text", "kind", "length", "keys"),
    [
        ("", "", 0, 0),
        ("digits:5", "digits", 5, 5),
        ("digits", "digits", 0, 0),
        ("digits:x", "digits", 0, 0),
        ("yes_no", "yes_no", 0, 1),
        ("choice", "choice", 0, 1),
        ("email", "email", 0, 0),
    ],
)
def test_an_expectation_is_read_from_its_name(text: str, kind: str, length: int, keys: int) -> None:
    for slot in ("", "invoice"):
        assert Expectation.parse(f"{text}@{slot}") == replace(Expectation.parse(text), slot=slot)
    expects = Expectation.parse(text)
    assert (expects.kind, expects.length, expects.keys) == (kind, length, keys)


def test_the_more_may_come_the_longer_the_wait() -> None:
    waits = [delay_ms(ENDPOINTING, kind) for kind in Completeness]
    assert waits == sorted(waits)
    assert [*dict.fromkeys(waits)] == waits


# The same in calls. The caller's last voiced sample is at 1840 ms, the text comes at 2070 ms.


def paused(text: str, finality: float = SURE, expects: str = "") -> Timeline:
    call = Timeline(replace(POLICY, number_lengths=(5,))).listening()
    state = replace(call.state, conversation=replace(call.state.conversation, expects=expects))
    call.state = state
    call.speaks(1000)
    call.pauses(2000)
    call.hears(2070, text, finality)
    return call


@pytest.mark.parametrize(
    ("text", "finality", "expects", "wait_ms", "meant"),
    [
        ("Yes.", UNSURE, "yes_no", 230, "filled"),
        ("4 8 2 1 3", UNSURE, "digits:5", 230, "filled"),
        ("What time do you close?", SURE, "", 350, "complete"),
        ("What time do you close?", UNSURE, "", 500, "unsure"),
        ("I would like to", SURE, "", 1100, "hanging"),
        ("4 8 2", SURE, "digits:5", 1800, "dictating"),
        ("john at example", SURE, "email", 1800, "dictating"),
    ],
)
def test_the_turn_ends_when_its_pause_has_lasted(
    text: str, finality: float, expects: str, wait_ms: int, meant: str
) -> None:
    call = paused(text, finality, expects)
    if wait_ms > 230:  # a full slot needs 200 ms, which have passed when its text is here
        call.run_to(1840 + wait_ms - 1)
        assert call.talk() is State.LISTENING
        call.run_to(1840 + wait_ms)
    assert call.talk() is State.THINKING
    assert call.fields("endpoint") == {"judged": meant, "waited_ms": wait_ms}


SLOTS = (
    ("invoice", replace(ENDPOINTING, max_delay_ms=1600, dictation_ms=2500)),
    ("sure", replace(ENDPOINTING, filled_ms=300)),
)


@pytest.mark.parametrize(
    ("text", "expects", "wait_ms"),
    [
        ("4 8 2", "digits:5", 1800),
        ("4 8 2", "digits:5@invoice", 2500),
        ("4 8 2", "digits:5@sure", 1800),
        ("4 8 2", "digits:5@unknown", 1800),
        ("It is the", "digits:5@invoice", 1600),
        ("What time do you close?", "digits:5@invoice", 350),
        ("Yes.", "yes_no@sure", 300),
    ],
)
def test_a_slot_may_have_delays_of_its_own(text: str, expects: str, wait_ms: int) -> None:
    call = Timeline(replace(POLICY, slot_endpointing=SLOTS)).listening()
    call.says("Where is my order?")
    call.answers("Your order number, please.", expects=expects)
    call.plays()
    voiced_ms = call.now_ms + 1000
    call.speaks(voiced_ms - 800)
    call.pauses(voiced_ms + 160)
    call.hears(voiced_ms + 230, text)
    call.run_to(voiced_ms + wait_ms - 1)
    assert call.talk() is State.LISTENING
    call.run_to(voiced_ms + wait_ms)
    assert call.talk() is State.THINKING


def test_a_pause_in_a_slot_whose_text_does_not_come_is_over_at_the_slots_longest_ordinary_delay() -> None:
    call = Timeline(replace(POLICY, slot_endpointing=SLOTS)).listening()
    call.says("Where is my order?")
    call.answers("Your order number, please.", expects="digits:5@invoice")
    call.plays()
    voiced_ms = call.now_ms + 1000
    call.speaks(voiced_ms - 800)
    call.pauses(voiced_ms + 160)
    call.run_to(voiced_ms + 1599)
    assert not call.state.ear.committed
    call.run_to(voiced_ms + 1600)
    assert call.state.ear.committed


def test_the_brain_may_shorten_the_wait() -> None:
    call = paused("Are you open tomorrow", UNSURE)
    assert call.state.ear.due_ms == 1840 + 500
    call.at(2100)
    call.clause("Until five.")
    assert call.state.ear.due_ms == 1840 + 500, "an answer alone proves nothing"
    call.at(2100, BrainFinished(call.attempt, BrainOutcome.ANSWERED, "", "", "", whole=True))
    assert call.spoken()[-1] == "Until five."
    assert call.fields("endpoint") == {"judged": "filled", "waited_ms": 260}


def test_an_answer_at_hand_shortens_the_wait_a_little() -> None:
    call = paused("Thanks goodbye", finality=0.75)
    assert call.state.ear.due_ms == 1840 + 500
    call.at(2100, BrainFinished(call.attempt, BrainOutcome.NO_MATCH, "", ""))
    assert call.state.ear.due_ms == 1840 + 500
    call = paused("Thanks goodbye", finality=0.75)
    call.at(2100)
    call.clause("Goodbye.")
    assert call.state.ear.due_ms == 1840 + 460


def test_digits_that_come_in_groups_are_one_turn() -> None:
    call = paused("4 8", expects="digits:5")
    call.speaks(3500, resumed=True)
    call.pauses(4000)
    call.hears(4060, "4 8 2")
    call.speaks(5500, resumed=True)
    call.pauses(6000)
    call.hears(6060, "4 8 2 1 3")
    assert [call.last(StartBrain).text, call.talk()] == ["4 8 2 1 3", State.THINKING]


def test_what_was_carried_over_counts_for_a_slot() -> None:
    call = paused("4 8 2", expects="digits:5")
    call.run_to(3640)
    call.speaks(4000)
    call.pauses(4500)
    call.hears(4560, "1 3")
    assert call.last(StartBrain).text == "4 8 2 1 3"
    assert call.fields("endpoint")["judged"] == "filled"


def test_a_pause_whose_text_does_not_come_is_over_at_the_longest_ordinary_delay() -> None:
    call = Timeline().listening()
    call.speaks(1000)
    call.pauses(2000)
    call.run_to(1840 + 1099)
    assert not call.state.ear.committed
    call.run_to(1840 + 1100)
    assert call.state.ear.committed
    call.hears(3000, "Hello there")
    assert call.fields("endpoint") == {"judged": "", "waited_ms": 1160}


def test_a_caller_who_goes_on_takes_the_judgement_back() -> None:
    call = paused("I would like to")
    call.speaks(2500, resumed=True)
    call.run_to(4000)
    assert call.talk() is State.LISTENING
    assert call.pauses(4100) == [Decode(1, 2)]
    assert call.state.ear.judged == ""
    assert call.state.ear.due_ms == 3940 + 1100


def test_a_pause_is_judged_also_while_nobody_listens() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, enabled=False))).answered()
    call.renders(200)
    call.speaks(1000)
    call.pauses(2000)
    call.hears(2070, "What time do you close?")
    assert call.all(StartBrain) == [], "nobody is asked ahead in the bot's turn"
    call.run_to(1840 + 350)
    assert call.state.ear.state is EarState.IDLE
    assert call.state.conversation.waiting == "What time do you close?"


# Keys.


def test_a_run_of_keys_is_a_turn_without_any_pause() -> None:
    call = Timeline().listening()
    call.at(1000, KeyPressed())
    call.at(1500, DtmfEntered("48213"))
    assert call.talk() is State.THINKING
    assert call.state.conversation.turn_ended_ms == 1500


def test_keys_that_are_typed_ahead_wait_for_their_question() -> None:
    """A caller who knows the menu types on while the first answer is being fetched."""
    call = Timeline().listening()
    call.at(1000, KeyPressed(), DtmfEntered("1"))
    first = call.attempt
    assert call.at(1500, KeyPressed()) == [], "nothing is interrupted"
    call.at(1800, DtmfEntered("48213"))
    call.answers("Your order number, please.", expects="digits:5")
    assert call.attempt == first
    call.plays()
    assert call.last(StartBrain).text == "48213"
    assert [line for line in call.heard() if line[0] == "caller"] == [("caller", "1"), ("caller", "48213")]


def test_keys_that_answer_a_question_before_it_is_heard_are_not_added_to_the_turn_before() -> None:
    call = Timeline().listening()
    call.at(1000, KeyPressed(), DtmfEntered("1"))
    call.answers("Your order number, please.", expects="digits:5")
    call.at(1100, KeyPressed(), DtmfEntered("48213"))
    assert call.last(StartBrain).text == "48213"


def test_keys_that_come_in_several_runs_ahead_are_kept_together() -> None:
    call = Timeline().listening()
    call.at(1000, KeyPressed(), DtmfEntered("1"))
    call.at(1100, KeyPressed(), DtmfEntered("2"))
    call.answers("And?")
    call.at(1200, KeyPressed(), DtmfEntered("3"))
    call.plays()
    assert call.last(StartBrain).text == "2 3"


def test_digits_after_a_keyed_turn_that_was_answered_are_a_turn_of_their_own() -> None:
    call = Timeline().listening()
    call.at(1000, DtmfEntered("1"))
    call.answers("And?")
    call.at(1100, DtmfEntered("2"))
    assert call.last(StartBrain).text == "2"


def test_keys_are_the_menus_while_nothing_is_asked() -> None:
    call = Timeline().thinking()
    assert not call.state.conversation.at_menu, "a question may be coming"
    call.answers("At nine.")
    assert call.state.conversation.at_menu
    call.plays()
    call.says("Where is my order?")
    call.answers("Your order number, please.", expects="digits:5")
    assert not call.state.conversation.at_menu


def test_how_many_keys_are_wanted_is_known_when_the_question_is() -> None:
    call = Timeline().thinking()
    assert call.state.conversation.wanted_keys == 0
    call.answers("Your order number, please.", expects="digits:5")
    assert call.state.conversation.wanted_keys == 5
    call.at(3000, DtmfEntered("48213"))
    assert call.state.conversation.wanted_keys == 0, "the next question is being worked out"
    call.answers("Is that right?", expects="yes_no")
    assert call.state.conversation.wanted_keys == 1
