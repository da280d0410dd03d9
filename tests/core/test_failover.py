"""An engine fails in mid-turn and the next of its chain takes over; the turn goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.timeline import CHAIN, CHAINED, POLICY, STARTED, Timeline
from voicebot.core.commands import (
    CallTool,
    CancelBrain,
    Decode,
    FlushPlayout,
    Layer,
    Note,
    OpenUtterance,
    Prepare,
    Refer,
    Speak,
    StartBrain,
)
from voicebot.core.conversation import State
from voicebot.core.events import (
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    CallAnswered,
    Category,
    EngineFailed,
    EngineHealth,
    Played,
    Role,
    SpeechRendered,
    SpeechStarted,
    ToolReturned,
)

FIRST, SECOND = CHAIN
TEXT = "We open at nine and close at five in the afternoon."


def chained() -> Timeline:
    return Timeline(started=CHAINED)


def failed(role: Role, ref: int, category: Category = Category.UNAVAILABLE, engine: str = "") -> EngineFailed:
    return EngineFailed(role, ref, category, permanent=False, engine=engine)


def engines(call: Timeline, kind: type[Decode | StartBrain | Speak | OpenUtterance]) -> list[str]:
    return [command.engine for command in call.all(kind)]


def switches(call: Timeline) -> list[tuple[str | int, str | int]]:
    notes = [dict(note.fields) for note in call.all(Note) if note.mark == "switched"]
    return [(fields["role"], fields["engine"]) for fields in notes]


class TestRecognisers:
    def test_one_that_does_not_answer_is_given_up_for_the_next(self) -> None:
        call = chained().listening()
        call.speaks(1000)
        call.pauses(2000)
        assert call.last(Decode) == Decode(1, 1, FIRST)
        assert call.run_to(2700)[-1] == Decode(1, 2, SECOND)
        assert call.fields("engine_failed") == {"role": "asr", "category": "timeout", "permanent": 0, "engine": FIRST}
        assert switches(call) == [("asr", SECOND)]
        call.hears(2760, "When do you open?")
        call.run_to(3100)
        assert call.last(StartBrain).text == "When do you open?"

    def test_one_that_errs_is_given_up_at_once(self) -> None:
        call = chained().listening()
        call.speaks(1000)
        call.pauses(2000)
        assert call.at(2010, failed(Role.ASR, 1, engine=FIRST))[-1] == Decode(1, 2, SECOND)

    def test_its_answer_that_comes_too_late_is_old(self) -> None:
        call = chained().listening()
        call.speaks(1000)
        call.pauses(2000)
        call.at(2010, failed(Role.ASR, 1, engine=FIRST))
        assert call.at(2020, failed(Role.ASR, 1, engine=FIRST)) == []
        assert call.talk() is State.LISTENING

    def test_a_turn_that_was_over_waits_for_the_next_ones_text(self) -> None:
        call = Timeline(replace(POLICY, budgets=replace(POLICY.budgets, asr_switch_ms=2_000)), CHAINED).listening()
        call.speaks(1000)
        call.pauses(2000)
        assert call.run_to(4000)[-1] == Decode(1, 2, SECOND)
        assert call.state.ear.committed
        assert call.state.ear.due_ms == 4000 + POLICY.budgets.asr_final_ms
        call.hears(4060, "When do you open?")
        assert call.talk() is State.THINKING

    def test_when_all_have_failed_the_turn_is_given_up(self) -> None:
        call = chained().listening()
        call.speaks(1000)
        call.pauses(2000)
        call.at(2010, failed(Role.ASR, 1, engine=FIRST))
        call.at(2020, failed(Role.ASR, 1, engine=SECOND))
        assert call.spoken()[-1] == "Sorry, a fault."

    def test_the_caller_who_goes_on_is_heard_by_the_next_one(self) -> None:
        call = chained().listening()
        call.speaks(1000)
        call.pauses(2000)
        call.speaks(2100, resumed=True)
        assert call.at(2110, failed(Role.ASR, 1, engine=FIRST))[-1] == Decode(1, 2, SECOND)
        call.pauses(3000)
        assert call.last(Decode) == Decode(1, 3, SECOND)

    def test_speech_without_end_is_asked_for_with_a_deadline_too(self) -> None:
        call = chained().listening()
        call.speaks(1000)
        commands = call.run_to(1000 + 30_000 + 700)
        assert [c for c in commands if isinstance(c, Decode)] == [Decode(1, 1, FIRST), Decode(1, 2, SECOND)]


class TestBrains:
    def test_one_that_says_nothing_is_given_up_for_the_next(self) -> None:
        call = chained().thinking()
        asked = call.last(StartBrain)
        assert asked.engine == FIRST
        call.run_to(asked.deadline_ms)
        again = call.last(StartBrain)
        assert (again.engine, again.text) == (SECOND, asked.text)
        assert CancelBrain(asked.attempt) in call.all(CancelBrain)
        assert switches(call)[-1] == ("brain", SECOND)
        assert again.deadline_ms == call.now_ms + POLICY.budgets.brain_first_ms, "it is the last: it has all the time"

    def test_one_that_errs_in_mid_answer_is_followed_by_the_next(self) -> None:
        call = chained().thinking()
        call.clause("Sure, I can help.")
        call.at(call.now_ms, failed(Role.BRAIN, call.attempt.number))
        assert call.last(StartBrain).engine == SECOND
        call.clause("We open at nine.")
        assert call.spoken()[-2:] == ["Sure, I can help.", "We open at nine."]

    def test_when_all_have_failed_the_caller_gets_a_human(self) -> None:
        call = chained().thinking()
        call.at(call.now_ms, failed(Role.BRAIN, call.attempt.number))
        call.at(call.now_ms, failed(Role.BRAIN, call.attempt.number))
        assert "Sorry, a fault." in call.spoken()
        assert call.talk() is State.HANDING_OFF

    def test_one_that_fails_ahead_of_the_turn_is_replaced_ahead_of_it(self) -> None:
        call = chained().listening()
        call.speaks(1000)
        call.pauses(2000)
        call.hears(2060, "When do you open?")
        ahead = call.last(StartBrain)
        call.at(2070, failed(Role.BRAIN, ahead.attempt.number))
        again = call.last(StartBrain)
        assert (again.turn, again.engine) == (ahead.turn, SECOND)
        call.at(2080, BrainClause(again.attempt, 0, "At nine.", ()))
        assert call.last(Prepare) == Prepare("At nine.", FIRST)
        call.run_to(2400)
        assert call.spoken()[-1] == "At nine."
        assert call.all(StartBrain)[-1] == again

    def test_the_last_one_that_fails_ahead_is_asked_again_for_the_turn(self) -> None:
        call = Timeline().listening()
        call.speaks(1000)
        call.pauses(2000)
        call.hears(2060, "When do you open?")
        call.at(2070, failed(Role.BRAIN, call.attempt.number))
        call.run_to(2400)
        assert len(call.all(StartBrain)) == 2

    def test_time_spent_ahead_of_the_turn_counts_while_another_could_be_asked(self) -> None:
        slow = replace(POLICY, budgets=replace(POLICY.budgets, brain_switch_ms=200))
        call = Timeline(slow, CHAINED).listening()
        call.says("When do you open?")
        asked = call.last(StartBrain)
        assert call.talk() is State.THINKING
        call.run_to(asked.deadline_ms)
        assert asked.deadline_ms < call.state.conversation.turn_ended_ms + 160 + 200 + 200
        assert call.last(StartBrain).engine == SECOND

    def test_the_results_of_tools_are_handed_to_the_next_one(self) -> None:
        call = chained().thinking()
        wanted = call.wants()
        call.at(call.now_ms, ToolReturned(wanted.call, '{"state": "shipped"}'))
        call.at(call.now_ms, failed(Role.BRAIN, call.attempt.number))
        assert call.last(StartBrain).results == (("orders", '{"state": "shipped"}'),)
        assert call.last(StartBrain).engine == SECOND

    def test_results_that_were_had_ahead_are_handed_on_as_well(self) -> None:
        call = chained().listening()
        call.speaks(1000)
        call.pauses(2000)
        call.hears(2060, "Where is order 7?")
        attempt = call.attempt
        call.at(
            2070,
            BrainToolWanted(attempt, "orders", "{}"),
            BrainFinished(attempt, BrainOutcome.WAITING_FOR_TOOLS, "", ""),
        )
        call.at(2080, ToolReturned(call.last(CallTool).call, "{}"))
        call.run_to(call.state.ear.due_ms or 0)
        assert call.talk() is State.THINKING
        call.at(call.now_ms, failed(Role.BRAIN, call.attempt.number))
        assert call.last(StartBrain).results == (("orders", "{}"),)

    def test_nothing_is_done_twice_for_the_sake_of_an_answer(self) -> None:
        call = chained().thinking()
        wanted = call.wants("refund")
        call.at(call.now_ms, ToolReturned(wanted.call, "{}"))
        runs = len(call.all(StartBrain))
        call.at(call.now_ms, failed(Role.BRAIN, call.attempt.number))
        assert len(call.all(StartBrain)) == runs
        assert call.talk() is State.HANDING_OFF


class TestVoices:
    def test_one_that_gives_no_audio_is_given_up_for_the_next(self) -> None:
        call = chained().thinking()
        call.answers(TEXT)
        assert call.last(Speak).engine == FIRST
        call.run_to(call.now_ms + POLICY.budgets.tts_switch_ms)
        assert call.last(Speak) == Speak(call.last(Speak).speech, 1, TEXT, Layer.ANSWER, SECOND)
        assert switches(call) == [("tts", SECOND)]
        assert FlushPlayout(1) in call.all(FlushPlayout)
        assert call.heard()[-1] == ("caller", "When do you open?"), "what was not heard was not said"

    def test_one_that_breaks_off_is_heard_to_the_end_of_what_it_gave(self) -> None:
        call = chained().thinking()
        call.clause(TEXT)
        call.clause("It is Monday.", 1)
        call.finishes()
        speech = call.all(Speak)[-2].speech
        call.renders(60, speech=speech, final=False)
        call.at(call.now_ms, failed(Role.TTS, speech), failed(Role.TTS, speech + 1))
        assert call.last(Speak).engine == FIRST, "there is still something to hear"
        call.at(call.now_ms + 400, Played(speech, 20))
        assert call.last(Speak).engine == FIRST
        call.at(call.now_ms + 800, Played(speech, 60))
        rest, following = call.all(Speak)[-2:]
        assert (rest.engine, following.engine) == (SECOND, SECOND)
        assert TEXT.endswith(rest.text)
        assert rest.text != TEXT
        assert following.text == "It is Monday."
        call.plays()
        assert call.heard()[-1] == ("bot", f"{TEXT} It is Monday."), "the two parts make the whole"
        assert call.talk() is State.LISTENING

    def test_one_that_breaks_off_after_the_last_word_needs_no_other(self) -> None:
        call = chained().thinking()
        call.answers("Yes.")
        speech = call.last(Speak).speech
        call.renders(80, speech=speech, final=False)
        call.at(call.now_ms, failed(Role.TTS, speech), Played(speech, 80))
        assert call.talk() is State.LISTENING

    def test_a_caller_who_may_be_interrupting_is_heard_out_first(self) -> None:
        call = chained().thinking()
        call.answers(TEXT)
        speech = call.last(Speak).speech
        call.renders(60, speech=speech, final=False)
        call.at(call.now_ms + 500, Played(speech, 25), SpeechStarted(call.now_ms + 400, resumed=False))
        call.at(call.now_ms, failed(Role.TTS, speech), Played(speech, 60))
        assert call.last(Speak).engine == FIRST, "a mouth that is paused says nothing"
        call.pauses(call.now_ms + 500)
        call.hears(call.now_ms + 50, "mm hmm")
        assert call.last(Speak).engine == SECOND

    def test_when_all_have_failed_the_caller_gets_a_human(self) -> None:
        call = chained().thinking()
        call.answers(TEXT)
        call.at(call.now_ms, failed(Role.TTS, call.last(Speak).speech))
        assert call.last(Speak).engine == SECOND
        call.at(call.now_ms, failed(Role.TTS, call.last(Speak).speech))
        assert "Sorry, a fault." in call.spoken()
        assert call.talk() is State.HANDING_OFF

    def test_the_announcement_of_a_transfer_is_said_by_the_next_one(self) -> None:
        call = Timeline(started=CHAINED).handing_off()
        announcement = call.last(Speak)
        call.at(call.now_ms, failed(Role.TTS, announcement.speech))
        assert call.last(Speak) == replace(
            announcement, speech=announcement.speech + 1, epoch=announcement.epoch + 1, engine=SECOND
        )
        call.plays()
        assert call.all(Refer)

    def test_late_audio_of_the_one_that_failed_changes_nothing(self) -> None:
        call = chained().thinking()
        call.answers(TEXT)
        old = call.last(Speak).speech
        call.at(call.now_ms, failed(Role.TTS, old))
        queue = call.state.mouth.queue
        call.at(call.now_ms, SpeechRendered(old, 30, final=True))
        assert call.state.mouth.queue == queue


class TestHealth:
    def test_one_that_is_ill_is_passed_over_until_it_is_well(self) -> None:
        call = Timeline(started=replace(CHAINED, sick=("brain:first", "asr:first", "tts:first")))
        call.thinking()
        assert call.last(StartBrain).engine == SECOND
        assert call.last(OpenUtterance).engine == SECOND
        assert set(engines(call, Speak)) == {SECOND}
        call.answers("At nine.")
        call.plays()
        for role in (Role.ASR, Role.BRAIN, Role.TTS):
            call.at(call.now_ms, EngineHealth(role, FIRST, well=True))
        call.says("And when do you close?")
        assert call.last(OpenUtterance).engine == FIRST
        assert call.last(StartBrain).engine == FIRST

    def test_what_failed_in_one_turn_is_asked_again_in_the_next(self) -> None:
        call = chained().thinking()
        call.at(call.now_ms, failed(Role.BRAIN, call.attempt.number))
        call.answers("At nine.")
        call.plays()
        call.says("And when do you close?")
        assert call.last(StartBrain).engine == FIRST

    @pytest.mark.parametrize("sick", [("brain:first",), ("brain:first", "brain:second")])
    def test_when_all_are_ill_they_are_asked_in_their_order(self, sick: tuple[str, ...]) -> None:
        call = Timeline(started=replace(CHAINED, sick=sick)).thinking()
        assert call.last(StartBrain).engine == (SECOND if len(sick) == 1 else FIRST)

    def test_one_that_falls_ill_is_asked_no_more(self) -> None:
        call = chained().listening()
        call.at(500, EngineHealth(Role.BRAIN, FIRST, well=False), EngineHealth(Role.BRAIN, FIRST, well=False))
        call.says("When do you open?")
        assert call.last(StartBrain).engine == SECOND

    def test_a_call_with_one_engine_a_role_knows_no_other(self) -> None:
        call = Timeline(started=STARTED)
        call.at(0, STARTED, CallAnswered("PCMU"))
        assert engines(call, Speak) == [""]
