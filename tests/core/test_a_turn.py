from __future__ import annotations

from dataclasses import replace

from tests.core.timeline import POLICY, STARTED, Timeline, with_phrases
from voicebot.core.commands import (
    Answer,
    CancelBrain,
    CloseUtterance,
    Decode,
    FlushPlayout,
    Hangup,
    Layer,
    Line,
    Note,
    OpenUtterance,
    PausePlayout,
    Speak,
    StartBrain,
)
from voicebot.core.conversation import State
from voicebot.core.events import (
    Attempt,
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    CallAnswered,
    Category,
    EngineFailed,
    Played,
    Role,
    SpeechRendered,
    SpeechStarted,
    Transcribed,
)
from voicebot.core.mouth import State as MouthState


def test_the_call_is_answered_and_greeted() -> None:
    call = Timeline()
    assert call.at(0, STARTED) == [Answer()]
    assert call.at(40, CallAnswered("PCMU")) == [Speak(1, 0, "Hello.", Layer.GREETING)]
    assert call.talk() is State.GREETING
    call.renders(40)
    assert call.mouth() is MouthState.DRAINING
    call.at(500, Played(1, 23))
    assert call.talk() is State.GREETING
    call.at(900, Played(1, 40))
    assert call.talk() is State.LISTENING
    assert call.heard() == [("bot", "Hello.")]


def test_a_dialplan_without_a_greeting_listens_at_once() -> None:
    call = Timeline(with_phrases(greeting="")).answered()
    assert call.talk() is State.LISTENING
    assert call.spoken() == []


def test_an_utterance_opens_with_what_the_bot_has_asked_for() -> None:
    call = Timeline().listening()
    state = replace(call.state, conversation=replace(call.state.conversation, expects="digits:5"))
    call.state = state
    assert call.at(1000, SpeechStarted(900, resumed=False)) == [OpenUtterance(1, 600, "digits:5")]


def test_one_turn_from_speech_to_speech() -> None:
    call = Timeline().listening()
    assert call.at(1000, SpeechStarted(900, resumed=False)) == [OpenUtterance(1, 600)]
    assert call.pauses(2000) == [Decode(1, 1)]
    ahead = StartBrain(Attempt(0, 1), 1, "When do you open?", (Line("bot", "Hello."),), (), "", 2070 + 3000)
    assert call.hears(2070, "When do you open?") == [ahead], "the text is here before the pause has lasted"
    commands = call.run_to(2190)
    assert commands == [
        Note("endpoint", (("judged", "complete"), ("waited_ms", 350))),
        CloseUtterance(1),
        Note("turn", (("number", 1), ("ended_ms", 1840))),
        Note("early_used", (("saved_ms", 120),)),
    ]
    assert call.talk() is State.THINKING
    assert call.clause("At nine.") == [Speak(2, 0, "At nine.", Layer.ANSWER)]
    assert call.talk() is State.SPEAKING
    call.finishes(memory="hours")
    call.plays()
    assert call.talk() is State.LISTENING
    assert call.heard() == [("bot", "Hello."), ("caller", "When do you open?"), ("bot", "At nine.")]


def test_the_next_turn_gets_the_memory_and_the_history() -> None:
    call = Timeline().thinking()
    call.clause("At nine.")
    call.clause("Every day.", 1)
    call.finishes(memory="hours")
    call.plays()
    call.says("And on Sunday?")
    run = call.last(StartBrain)
    assert (run.turn, run.text, run.memory) == (2, "And on Sunday?", "hours")
    assert run.history[-1] == Line("bot", "At nine. Every day.")


def test_the_pause_ends_the_turn_only_when_the_text_is_here() -> None:
    call = Timeline().listening()
    call.speaks(1000)
    call.pauses(2000)
    assert call.run_to(2300) == []
    assert call.talk() is State.LISTENING
    assert any(isinstance(command, StartBrain) for command in call.hears(2500, "Hello?"))


def test_an_utterance_goes_on_after_a_pause() -> None:
    call = Timeline().listening()
    call.speaks(1000)
    call.pauses(2000)
    assert call.speaks(2150, resumed=True) == [], "it is the same utterance"
    call.at(2160, Transcribed(1, 1, "I would like", 0.8))
    assert call.run_to(2600) == []
    assert call.pauses(3000) == [Decode(1, 2)]
    call.at(3010, Transcribed(1, 1, "I would like", 0.8))
    call.hears(3060, "I would like to order.")
    call.run_to(3200)
    assert call.last(StartBrain).text == "I would like to order."
    assert len(call.all(StartBrain)) == 1


def test_a_partial_that_comes_after_the_asked_for_text_is_old() -> None:
    call = Timeline().listening()
    call.speaks(1000)
    call.at(1500, Transcribed(1, 0, "When", 0.5))
    call.pauses(2000)
    call.at(2010, Transcribed(1, 0, "When do you", 0.5))
    call.hears(2050, "When do you open?")
    call.at(2060, Transcribed(1, 0, "When do you", 0.5))
    call.at(2070, Transcribed(7, 1, "of another utterance", 0.5))
    call.run_to(2200)
    assert call.last(StartBrain).text == "When do you open?"
    assert call.at(2300, Transcribed(1, 1, "too late", 0.5)) == []


def test_speech_without_end_is_cut_and_taken() -> None:
    call = Timeline().listening()
    call.speaks(1000)
    call.run_to(30_000)
    assert call.run_to(30_900) == [Decode(1, 1)]
    call.hears(31_000, "A very long story.")
    assert call.last(StartBrain).text == "A very long story."


def test_speech_without_end_is_cut_even_when_it_had_paused() -> None:
    call = Timeline().listening()
    call.speaks(1000)
    call.pauses(2000)
    call.speaks(2100, resumed=True)
    call.run_to(40_000)
    assert call.all(Decode) == [Decode(1, 1), Decode(1, 2)]


def test_silence_that_was_taken_for_speech_starts_no_turn() -> None:
    call = Timeline().listening()
    call.says("  ")
    assert call.all(StartBrain) == []
    assert call.state.conversation.no_input_due_ms is not None


def test_what_the_caller_adds_while_the_bot_thinks_belongs_to_the_turn() -> None:
    call = Timeline().thinking("I want to order")
    first = call.attempt
    call.speaks(2300)
    call.pauses(2550)
    commands = call.hears(2590, "a blue one.")
    assert CancelBrain(first) in commands
    assert FlushPlayout(1) in commands
    call.run_to(3500)
    run = call.last(StartBrain)
    assert run.text == "I want to order a blue one."
    assert run.attempt.epoch == 1
    assert call.heard() == [("bot", "Hello."), ("caller", "I want to order a blue one.")]


def test_a_turn_that_began_before_the_bot_had_the_turn_is_added_too() -> None:
    """The caller was already speaking when a keyed turn went to the brain."""
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, enabled=False))).answered()
    call.renders(200)
    call.says("First.")
    assert call.talk() is State.GREETING
    call.speaks(1500)
    call.at(1600, Played(1, 200))
    assert call.last(StartBrain).text == "First."
    call.pauses(2500)
    call.hears(2600, "Second.")
    call.run_to(2700)
    assert call.last(StartBrain).text == "First. Second."


def test_a_turn_waits_when_the_bot_cannot_be_interrupted() -> None:
    call = Timeline(replace(POLICY, barge_in=replace(POLICY.barge_in, enabled=False))).thinking()
    call.answers("At nine on weekdays.")
    call.renders(100)
    call.says("And on Sunday?")
    call.says("Or Saturday?")
    assert call.all(PausePlayout) == []
    assert call.talk() is State.SPEAKING
    call.plays(100)
    assert call.last(StartBrain).text == "And on Sunday? Or Saturday?"


def test_results_of_an_old_run_are_ignored() -> None:
    call = Timeline().thinking()
    old = Attempt(0, 99)
    assert (
        call.at(
            call.now_ms,
            BrainClause(old, 0, "Old.", ()),
            BrainToolWanted(old, "orders", "{}"),
            BrainFinished(old, BrainOutcome.GOODBYE, "", "old"),
        )
        == []
    )
    assert call.state.conversation.memory == ""
    assert call.at(call.now_ms, EngineFailed(Role.BRAIN, 99, Category.INTERNAL, permanent=True)) == [
        Note("engine_failed", (("role", "brain"), ("category", "internal"), ("permanent", 1)))
    ]
    assert call.talk() is State.THINKING


def test_an_empty_clause_is_no_answer() -> None:
    call = Timeline().thinking()
    assert call.clause("  ") == []
    assert call.talk() is State.THINKING
    assert call.state.conversation.brain_due_ms is not None


def test_more_clauses_keep_the_turn_with_the_bot_until_the_brain_has_finished() -> None:
    call = Timeline().thinking()
    call.clause("At nine.")
    call.plays()
    assert call.talk() is State.SPEAKING
    call.clause("Every day.", 1)
    call.plays()
    call.finishes()
    assert call.talk() is State.LISTENING


def test_an_answer_without_words_was_not_understood() -> None:
    call = Timeline().thinking()
    call.finishes()
    assert call.spoken()[-1] == "Pardon?"


def test_the_bot_says_goodbye_and_hangs_up_when_it_was_heard() -> None:
    call = Timeline().thinking("That is all.")
    call.finishes(BrainOutcome.GOODBYE)
    assert call.last(Speak).layer is Layer.GOODBYE
    assert call.all(Hangup) == []
    assert call.plays()[-1] == Hangup(200, "goodbye")


def test_the_brains_own_goodbye_is_not_followed_by_another() -> None:
    call = Timeline().thinking("That is all.")
    call.clause("Bye then.")
    call.finishes(BrainOutcome.GOODBYE)
    assert call.spoken()[-1] == "Bye then."
    assert call.plays()[-1] == Hangup(200, "goodbye")


def test_the_bot_hangs_up_even_if_its_goodbye_cannot_be_rendered() -> None:
    call = Timeline().thinking("That is all.")
    call.clause("Bye then.")
    call.finishes(BrainOutcome.GOODBYE)
    failure = EngineFailed(Role.TTS, call.last(Speak).speech, Category.UNAVAILABLE, permanent=True)
    assert call.at(call.now_ms, failure)[-1] == Hangup(200, "goodbye")


def test_a_caller_who_goes_on_during_the_goodbye_is_listened_to() -> None:
    call = Timeline().thinking("That is all.")
    call.finishes(BrainOutcome.GOODBYE)
    call.renders(100)
    call.says("No, wait, one more thing.")
    assert call.last(StartBrain).text.endswith("No, wait, one more thing.")
    assert call.all(Hangup) == []


def test_audio_that_is_over_before_it_is_rendered_counts_as_heard_to_its_end() -> None:
    call = Timeline().answered()
    call.at(100, Played(1, 10))
    call.at(200, SpeechRendered(1, 10, final=True))
    assert call.talk() is State.LISTENING
    assert call.heard() == [("bot", "Hello.")]


def test_a_speech_without_any_audio_was_not_heard() -> None:
    call = Timeline().answered()
    call.renders(0)
    assert call.talk() is State.LISTENING
    assert call.heard() == []
