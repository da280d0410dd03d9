"""The caller never waits in unexplained silence."""

from __future__ import annotations

from dataclasses import replace

from tests.core.timeline import POLICY, Timeline, with_phrases
from voicebot.core.commands import CancelBrain, Hangup, Layer, ResumePlayout, Speak, StartBrain
from voicebot.core.conversation import State
from voicebot.core.events import (
    BrainOutcome,
    BrainToolWanted,
    Category,
    DtmfEntered,
    EngineFailed,
    MediaChanged,
    MediaState,
    Played,
    Role,
    SpeechRendered,
    ToolReturned,
    Transcribed,
)
from voicebot.core.mouth import State as MouthState
from voicebot.core.policy import Connector, NoInput

UNTOUCHABLE = replace(POLICY, budgets=replace(POLICY.budgets, brain_first_ms=60_000, tts_first_ms=60_000))
"""A policy in which only the turn's own budgets run out."""


def test_scaffolding_then_progress_then_an_apology_and_a_human() -> None:
    call = Timeline(UNTOUCHABLE).thinking()
    ended_ms = call.state.conversation.turn_ended_ms
    call.run_to(ended_ms + 599)
    assert call.spoken() == ["Hello."]
    call.run_to(ended_ms + 600)
    assert call.last(Speak) == Speak(2, 0, "One moment.", Layer.SCAFFOLDING)
    call.plays()
    call.run_to(ended_ms + 3600)
    assert call.spoken()[-1] == "Still looking."
    call.plays()
    call.run_to(ended_ms + 6600)
    assert call.spoken()[-1] == "Nearly there."
    call.plays()
    commands = call.run_to(ended_ms + 8000)
    assert CancelBrain(call.attempt) in commands
    assert call.spoken()[-2:] == ["Sorry, a fault.", "Putting you through."]


def test_scaffolding_is_not_in_the_transcript_and_not_an_answer() -> None:
    call = Timeline(UNTOUCHABLE).thinking("Opening hours")
    call.run_to(2000)
    call.plays()
    call.says("on Sunday?")
    assert call.last(StartBrain).text == "Opening hours on Sunday?"
    assert ("bot", "One moment.") not in call.heard()


def test_phrases_do_not_come_twice_running() -> None:
    call = Timeline(UNTOUCHABLE).thinking()
    for _ in range(2):
        call.run_to(call.now_ms + 1000)
        call.plays()
        call.answers("At nine.")
        call.plays()
        call.says("And then?")
    assert [s.text for s in call.all(Speak) if s.layer is Layer.SCAFFOLDING] == ["One moment.", "Let me see."]


def looking_up() -> Timeline:
    """A policy in which a connector has a phrase of its own."""
    orders, refund, *_ = UNTOUCHABLE.connectors
    fitting = replace(orders, scaffolding=("Let me look up that order.",))
    return Timeline(replace(UNTOUCHABLE, connectors=(fitting, replace(refund, scaffolding=("I am checking.",)))))


def test_scaffolding_fits_the_connector_that_is_waited_for() -> None:
    call = looking_up().thinking("Where is my order?")
    call.wants("orders")
    call.run_to(call.now_ms + 1000)
    assert call.last(Speak).text == "Let me look up that order."
    assert call.last(Speak).layer is Layer.SCAFFOLDING
    call.plays()
    call.run_to(call.now_ms + 3000)
    assert call.spoken()[-1] == "Still looking.", "progress is general"


def test_a_phrase_that_fits_does_not_come_twice_running() -> None:
    call = looking_up().thinking("Where is my order?")
    for number in (1, 2, 3):
        call.wants("orders")
        call.run_to(call.now_ms + 1000)
        call.plays()
        call.at(call.now_ms, ToolReturned(number, "{}"))
        call.answers("It was shipped.")
        call.plays()
        call.says("And the other one?")
    said = [s.text for s in call.all(Speak) if s.layer is Layer.SCAFFOLDING]
    assert said == ["Let me look up that order.", "One moment.", "Let me look up that order."]


def test_a_connector_that_was_called_ahead_has_its_phrase_too() -> None:
    call = looking_up().listening()
    call.speaks(1000)
    call.pauses(2000)
    call.hears(2070, "Where is my order", 0.5)
    call.wants("orders")
    call.run_to(3200)
    assert call.spoken()[-1] == "Let me look up that order."


def test_the_phrase_of_the_connector_at_work_goes_first_and_one_that_is_over_still_fits() -> None:
    call = looking_up().thinking("Where is my order?")
    call.at(call.now_ms, BrainToolWanted(call.attempt, "orders", "{}"), BrainToolWanted(call.attempt, "refund", "{}"))
    call.finishes(BrainOutcome.WAITING_FOR_TOOLS)
    call.at(call.now_ms, ToolReturned(2, "{}"))
    call.run_to(call.now_ms + 1000)
    assert call.spoken()[-1] == "Let me look up that order."
    call = looking_up().thinking("Where is my order?")
    call.wants("refund")
    call.at(call.now_ms, ToolReturned(1, "{}"))
    call.run_to(call.now_ms + 1000)
    assert call.spoken()[-1] == "I am checking.", "the brain still works on what was found"


def test_a_wait_without_a_connector_gets_a_general_phrase() -> None:
    call = looking_up().thinking("Where is my order?")
    call.run_to(call.now_ms + 1000)
    assert call.spoken()[-1] == "One moment."


def test_phrases_that_fit_are_rendered_ahead_like_the_others() -> None:
    policy = replace(POLICY, connectors=(Connector("orders", scaffolding=("Let me look up that order.",)),))
    assert {"Hello.", "One moment.", "Let me look up that order."} <= set(policy.own_phrases)


def test_nothing_is_said_on_top_of_what_is_being_said() -> None:
    call = Timeline(UNTOUCHABLE).thinking()
    call.run_to(1700)
    call.renders(200)
    call.run_to(5000)
    assert call.spoken() == ["Hello.", "One moment."]


def test_scaffolding_can_be_switched_off() -> None:
    call = Timeline(replace(UNTOUCHABLE, budgets=replace(UNTOUCHABLE.budgets, soft_ms=None))).thinking()
    call.run_to(8000)
    assert call.spoken() == ["Hello."]
    call.clause("At nine.")
    call.plays()
    call.run_to(15_000)
    assert call.spoken() == ["Hello.", "At nine."]


def test_an_answer_in_time_needs_no_scaffolding() -> None:
    call = Timeline().thinking()
    call.answers("At nine.")
    call.plays()
    call.run_to(5000)
    assert call.spoken() == ["Hello.", "At nine."]


def test_a_brain_that_stalls_in_mid_answer_is_covered_and_given_up() -> None:
    call = Timeline().thinking()
    call.clause("Let me tell you.")
    call.plays()
    silent_ms = call.now_ms
    call.run_to(silent_ms + 600)
    assert call.spoken()[-1] == "One moment."
    call.plays()
    call.run_to(silent_ms + 3600)
    assert call.spoken()[-1] == "Still looking."
    call.plays()
    call.run_to(silent_ms + 8000)
    assert call.spoken()[-2:] == ["Sorry, a fault.", "Putting you through."]


def test_tools_that_take_long_after_a_first_clause_are_covered() -> None:
    call = Timeline().thinking()
    call.clause("Let me check your order.")
    call.wants()
    call.plays()
    call.run_to(call.now_ms + 700)
    assert call.spoken()[-1] == "One moment."
    call.at(call.now_ms, ToolReturned(1, "{}"))
    call.answers("It was shipped.")
    call.plays()
    assert call.talk() is State.LISTENING


def test_a_brain_without_a_first_clause_in_time() -> None:
    call = Timeline().thinking()
    assert CancelBrain(call.attempt) not in call.run_to(call.now_ms + 2999)
    commands = call.run_to(call.now_ms + 1)
    assert CancelBrain(call.attempt) in commands
    assert call.fields("engine_failed") == {"role": "brain", "category": "timeout", "permanent": 0}
    assert call.talk() is State.HANDING_OFF


def test_a_brain_that_fails() -> None:
    call = Timeline().thinking()
    call.at(1500, EngineFailed(Role.BRAIN, call.attempt.number, Category.UNAVAILABLE, permanent=False))
    assert call.talk() is State.HANDING_OFF
    assert call.state.handoff.reason == "ENGINE_DOWN"


def test_without_a_human_the_bot_apologises_and_listens() -> None:
    call = Timeline(replace(POLICY, transfer=replace(POLICY.transfer, target=""))).thinking()
    call.at(1500, EngineFailed(Role.BRAIN, call.attempt.number, Category.UNAVAILABLE, permanent=True))
    assert call.last(Speak).layer is Layer.APOLOGY
    call.plays()
    assert call.talk() is State.LISTENING


def test_without_a_human_and_without_words_the_bot_listens_at_once() -> None:
    policy = with_phrases(replace(POLICY, transfer=replace(POLICY.transfer, target="")), apology="")
    call = Timeline(policy).thinking()
    call.at(1500, EngineFailed(Role.BRAIN, call.attempt.number, Category.UNAVAILABLE, permanent=True))
    assert call.talk() is State.LISTENING


def test_a_recogniser_may_fail_once() -> None:
    call = Timeline().listening()
    for _ in range(2):
        start_ms = call.now_ms + 200
        call.speaks(start_ms)
        call.at(start_ms + 500, EngineFailed(Role.ASR, call.state.ear.utterance, Category.INTERNAL, permanent=False))
        assert call.spoken()[-1] in {"Sorry, a fault.", "Putting you through."}
        call.plays()
    assert call.talk() is State.HANDING_OFF


def test_a_turn_that_was_given_up_is_not_part_of_the_next() -> None:
    call = Timeline().thinking("When do you open?")
    call.speaks(1500)
    call.run_to(1800)
    call.at(1900, EngineFailed(Role.ASR, call.state.ear.utterance, Category.INTERNAL, permanent=False))
    call.plays()
    call.says("When do you open on Sunday?")
    assert call.last(StartBrain).text == "When do you open on Sunday?"


def test_a_recogniser_that_is_late_has_failed() -> None:
    call = Timeline().listening()
    call.speaks(1000)
    call.pauses(2000)
    call.run_to(1840 + 1100 + 2499)
    assert call.spoken() == ["Hello."]
    call.run_to(1840 + 1100 + 2500)
    assert call.spoken()[-1] == "Sorry, a fault."
    assert call.fields("engine_failed")["role"] == "asr"


def test_a_failure_of_an_old_utterance_means_nothing() -> None:
    call = Timeline().listening()
    assert call.at(100, EngineFailed(Role.ASR, 1, Category.INTERNAL, permanent=True)) == []
    call.speaks(1000)
    assert call.at(1100, EngineFailed(Role.ASR, 7, Category.INTERNAL, permanent=True)) == []
    assert call.at(1200, Transcribed(1, 0, "Still here", 0.9)) == []


def test_a_voice_that_starves_is_given_up_after_its_patience() -> None:
    call = Timeline().thinking()
    call.answers("At nine.")
    call.run_to(call.now_ms + 2499)
    assert call.talk() is State.SPEAKING
    call.run_to(call.now_ms + 1)
    assert call.fields("engine_failed") == {"role": "tts", "category": "timeout", "permanent": 0}
    assert call.spoken()[-2:] == ["Sorry, a fault.", "Putting you through."]


def test_fresh_audio_starts_the_patience_anew() -> None:
    call = Timeline().thinking()
    call.answers("At nine.")
    start_ms = call.now_ms
    call.at(start_ms + 2000, SpeechRendered(2, 10, final=False))
    assert call.state.mouth.due_ms is None
    call.at(start_ms + 2200, Played(2, 10))
    assert call.state.mouth.due_ms == start_ms + 2200 + 2500


def test_audio_of_something_else_does_not() -> None:
    call = Timeline().thinking()
    call.answers("At nine.")
    due_ms = call.state.mouth.due_ms
    call.at(call.now_ms + 1000, SpeechRendered(1, 10, final=True))
    assert call.state.mouth.due_ms == due_ms


def test_a_voice_that_fails_for_everything_still_gets_the_caller_to_a_human() -> None:
    call = Timeline().thinking()
    call.answers("At nine.")
    for _ in range(3):
        call.run_to(call.now_ms + 2500)
    assert call.state.handoff.state == "referring"


def test_a_voice_that_fails_without_a_human_ends_in_a_hangup_not_in_silence_for_ever() -> None:
    call = Timeline(replace(POLICY, transfer=replace(POLICY.transfer, target=""))).answered()
    call.run_to(120_000)
    assert call.all(Hangup) == [Hangup(200, "goodbye")]


def test_scaffolding_that_cannot_be_rendered_is_no_reason_to_give_up() -> None:
    call = Timeline(replace(POLICY, budgets=replace(POLICY.budgets, brain_first_ms=60_000))).thinking()
    call.run_to(1650)
    call.at(1700, EngineFailed(Role.TTS, call.last(Speak).speech, Category.INTERNAL, permanent=False))
    assert call.talk() is State.THINKING
    assert call.at(1800, EngineFailed(Role.TTS, 99, Category.INTERNAL, permanent=False))[1:] == []


def test_what_was_rendered_of_a_broken_clause_is_still_played() -> None:
    call = Timeline().thinking()
    call.answers("At nine, except on Sunday.")
    call.renders(30, final=False)
    call.at(call.now_ms, EngineFailed(Role.TTS, 2, Category.INTERNAL, permanent=False))
    assert [utterance.speech for utterance in call.state.mouth.queue] == [2, 3, 4]


def test_a_voice_that_fails_while_the_bot_is_leaving_or_handing_over_holds_nothing_up() -> None:
    call = Timeline(with_phrases(handoff="")).thinking()
    call.clause("I will put you through.")
    call.finishes(BrainOutcome.HANDOFF)
    assert call.state.handoff.state == "announcing"
    call.at(call.now_ms, EngineFailed(Role.TTS, call.last(Speak).speech, Category.INTERNAL, permanent=False))
    assert call.state.handoff.state == "referring"


def test_an_engine_that_fails_while_the_bot_is_leaving_changes_nothing() -> None:
    call = Timeline().thinking()
    call.finishes(BrainOutcome.GOODBYE)
    call.renders(100)
    call.speaks(call.now_ms + 100)
    call.at(call.now_ms, EngineFailed(Role.ASR, call.state.ear.utterance, Category.INTERNAL, permanent=True))
    assert call.plays(100)[-1] == Hangup(200, "goodbye")
    assert "Sorry, a fault." not in call.spoken()


def test_a_caller_who_says_nothing_is_asked_and_then_let_go() -> None:
    call = Timeline().listening()
    for _ in range(2):
        call.run_to(call.now_ms + 8000)
        assert call.spoken()[-1] == "Are you there?"
        call.plays()
    call.run_to(call.now_ms + 8000)
    assert call.spoken()[-1] == "Goodbye."
    assert call.plays()[-1] == Hangup(200, "goodbye")


WAITS = replace(POLICY, no_input=NoInput(initial_ms=6000, grace_ms=4000, max_check_ins=3))
"""Where the first wait differs from those that follow."""


def test_the_waits_before_and_after_asking_are_the_dialplans() -> None:
    call = Timeline(with_phrases(WAITS, no_input=("Are you there?", "Hello?", "Can you hear me?"))).listening()
    for ms, said in ((6000, "Are you there?"), (10_000, "Hello?"), (14_000, "Can you hear me?"), (18_000, "Goodbye.")):
        call.run_to(ms - 1)
        assert call.spoken()[-1] != said
        call.run_to(ms)
        assert call.spoken()[-1] == said
        call.plays()
    assert call.last(Hangup) == Hangup(200, "goodbye")


def test_a_dialplan_that_never_asks_says_goodbye() -> None:
    call = Timeline(replace(POLICY, no_input=NoInput(max_check_ins=0))).listening()
    call.run_to(8000)
    assert call.spoken()[-1] == "Goodbye."


def noisy(call: Timeline, until_ms: int) -> None:
    """Noise that comes and goes, in which the recogniser finds no words."""
    while call.now_ms < until_ms:
        call.speaks(call.now_ms + 100)
        call.partial(call.now_ms + 400, "")
        call.pauses(call.now_ms + 400)
        call.hears(call.now_ms + 60, "")
        if call.state.ear.due_ms is not None:
            call.run_to(call.state.ear.due_ms)
        call.plays()


def test_noise_that_comes_and_goes_does_not_stop_the_clock() -> None:
    call = Timeline(WAITS).listening()
    noisy(call, 6500)
    assert call.spoken() == ["Hello.", "Are you there?"]
    noisy(call, 20_000)
    assert call.fields("no_input") == {"count": 4}
    assert call.spoken()[-1] == "Goodbye."


def test_empty_digits_during_hold_start_no_clock() -> None:
    call = Timeline(WAITS).listening()
    call.at(1000, MediaChanged(MediaState.HELD), DtmfEntered(""))
    assert call.state.conversation.no_input_due_ms is None


def test_noise_without_an_end_does_not_stop_the_clock() -> None:
    call = Timeline(WAITS).listening()
    call.speaks(500)
    for ms in range(1000, 7000, 500):
        call.partial(ms, "")
    assert call.spoken()[-1] == "Are you there?"


def test_noise_that_has_just_begun_may_be_words() -> None:
    call = Timeline(WAITS).listening()
    call.speaks(5500)
    call.partial(5900, "")
    call.run_to(10_399)
    assert call.spoken() == ["Hello."]
    call.run_to(11_400)
    assert call.spoken()[-1] == "Are you there?"


def test_a_caller_whose_words_come_is_not_asked() -> None:
    call = Timeline(WAITS).listening()
    call.speaks(5500)
    for number in range(20):
        call.partial(6000 + 1000 * number, "It is a long" + " long" * number)
    assert call.now_ms > 20_000
    assert call.spoken() == ["Hello."]


def test_words_that_stay_the_same_are_noise() -> None:
    call = Timeline(WAITS).listening()
    call.speaks(500)
    for ms in range(1000, 12_000, 500):
        call.partial(ms, "The first one is the first one.")
    assert [ms for ms, command in call.log if isinstance(command, Speak)] == [0, 7000]
    assert call.spoken()[-1] == "Are you there?"


def test_words_that_only_change_are_noise() -> None:
    """What Moonshine makes of babble: a new sentence every 400 ms, and none goes on from the one before."""
    call = Timeline(WAITS).listening()
    call.speaks(500)
    babble = ("The other one", "The problem is that the", "I am not really sure", "The first one is", "You have to be")
    for number in range(30):
        call.partial(1000 + 400 * number, babble[number % len(babble)])
    assert call.spoken()[-1] == "Are you there?"


def test_a_silent_caller_on_a_noisy_line_is_asked_within_fifteen_seconds() -> None:
    call = Timeline().listening()
    call.speaks(1200)
    for ms in range(2000, 15_000, 400):
        call.partial(ms, "The first one is the first one." if ms > 6000 else "I mean I'm not")
    (asked_ms,) = [ms for ms, command in call.log if isinstance(command, Speak) and command.text == "Are you there?"]
    assert 8000 <= asked_ms <= 15_000


def test_a_caller_whose_words_stopped_growing_and_grow_again_is_not_asked_twice() -> None:
    call = Timeline(WAITS).listening()
    call.speaks(500)
    for ms in range(1000, 9000, 500):
        call.partial(ms, "I would like")
    assert call.spoken()[-1] == "Are you there?"
    call.plays()
    for number, ms in enumerate(range(9000, 20_000, 1000)):
        call.partial(ms, f"I would like to know {'more ' * number}")
    assert call.spoken().count("Are you there?") == 1


def test_scaffolding_that_is_due_during_a_noise_is_said_after_it() -> None:
    call = Timeline(UNTOUCHABLE).thinking()
    call.speaks(1500)
    call.run_to(1700)
    call.pauses(1800)
    assert ResumePlayout() in call.hears(1860, "")
    assert call.spoken() == ["Hello.", "One moment."]
    assert call.mouth() is MouthState.PLAYING


def test_an_answer_follows_scaffolding_without_a_seam() -> None:
    call = Timeline(UNTOUCHABLE).thinking()
    call.run_to(1600)
    call.renders(40)
    call.clause("At nine.")
    call.finishes()
    call.renders(30)
    assert [utterance.text for utterance in call.state.mouth.queue] == ["One moment.", "At nine."]
    call.at(2400, Played(2, 40))
    assert call.talk() is State.SPEAKING
    call.at(3000, Played(3, 30))
    assert call.heard()[-1] == ("bot", "At nine.")


def test_progress_keeps_its_distance_from_what_was_said_before() -> None:
    call = Timeline(UNTOUCHABLE).thinking()
    call.run_to(1600)
    call.plays()
    call.run_to(4599)
    assert call.spoken()[-1] == "One moment."
    call.run_to(4600)
    assert call.spoken()[-1] == "Still looking."


def test_a_caller_who_says_nothing_to_a_bot_without_words() -> None:
    call = Timeline(with_phrases(no_input=(), goodbye="")).listening()
    assert call.run_to(24_000)[-1] == Hangup(200, "goodbye")


def test_a_caller_who_speaks_again_starts_the_count_anew() -> None:
    call = Timeline().listening()
    call.run_to(8000)
    call.plays()
    call.says("Yes.")
    assert call.state.conversation.no_inputs == 0


def test_nobody_is_asked_while_speaking() -> None:
    """The caller began before the bot had finished, and the bot cannot be interrupted."""
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, enabled=False))).answered()
    call.renders(100)
    call.speaks(1000)
    call.plays(100)
    assert call.talk() is State.LISTENING
    call.run_to(20_000)
    assert call.spoken() == ["Hello."]
    call.pauses(20_100)
    call.hears(20_200, "")
    call.run_to(22_000)
    assert call.spoken()[-1] == "Are you there?"


def test_a_caller_who_is_not_understood_gets_more_help_each_time_and_then_a_human() -> None:
    phrases = ("Pardon?", "You can also type it.")
    policy = with_phrases(replace(POLICY, transfer=replace(POLICY.transfer, no_match_limit=4)), no_match=phrases)
    call = Timeline(policy).listening()
    for _ in range(4):
        call.says("Blah.")
        call.finishes(BrainOutcome.NO_MATCH)
        call.plays()
    assert call.spoken()[1:] == ["Pardon?", "You can also type it.", "You can also type it.", "Putting you through."]
    assert call.state.handoff.reason == "NO_MATCH_LIMIT"


def test_a_turn_that_is_understood_starts_the_count_anew() -> None:
    call = Timeline().listening()
    for outcome in (BrainOutcome.NO_MATCH, BrainOutcome.NO_MATCH, BrainOutcome.ANSWERED, BrainOutcome.NO_MATCH):
        call.says("Blah.")
        if outcome is BrainOutcome.ANSWERED:
            call.clause("Yes.")
        call.finishes(outcome)
        call.plays()
    assert call.talk() is State.LISTENING


def test_a_brain_that_asks_back_itself_needs_no_other_prompt() -> None:
    call = Timeline().thinking()
    call.clause("Which day?")
    call.plays()
    call.finishes(BrainOutcome.NO_MATCH)
    assert call.spoken()[-1] == "Which day?"
    assert call.talk() is State.LISTENING


def test_a_bot_without_a_prompt_listens_again() -> None:
    call = Timeline(with_phrases(no_match=())).thinking()
    call.finishes(BrainOutcome.NO_MATCH)
    assert call.talk() is State.LISTENING
