from __future__ import annotations

from dataclasses import replace

import pytest

from handoff.machine import Outcome
from handoff.machine import State as HandoffState
from tests.core.timeline import POLICY, Timeline, with_phrases
from voicebot.core.commands import CallTool, CancelBrain, CancelTool, Layer, PausePlayout, Refer, Speak, StartBrain
from voicebot.core.conversation import State
from voicebot.core.events import (
    BrainClause,
    BrainOutcome,
    BrainToolWanted,
    CallEnded,
    Category,
    DtmfEntered,
    EndCause,
    EngineFailed,
    KeyPressed,
    MediaChanged,
    MediaState,
    Role,
    SafetyFlagged,
    SpeechStarted,
    ToolFailed,
    TransferReport,
    TransferReported,
)

RESPONSE, NOTIFY, TERMINATED = TransferReport.RESPONSE, TransferReport.NOTIFY, TransferReport.TERMINATED
NOBODY = replace(POLICY, transfer=replace(POLICY.transfer, target=""))


def report(call: Timeline, *news: tuple[TransferReport, int]) -> None:
    for kind, code in news:
        call.at(call.now_ms, TransferReported(call.state.handoff.transfer, kind, code))


def referring() -> Timeline:
    call = Timeline().handing_off()
    call.plays()
    return call


def test_the_transfer_is_announced_and_then_asked_for() -> None:
    call = Timeline().handing_off("CALLER_IS_UPSET")
    assert call.talk() is State.HANDING_OFF
    assert call.fields("handoff_started") == {"reason": "CALLER_IS_UPSET"}
    assert call.last(Speak) == Speak(2, 0, "Putting you through.", Layer.ANNOUNCEMENT)
    assert call.all(Refer) == []
    call.plays()
    assert call.all(Refer) == [Refer(1, "sip:agents@example.org", (("X-Handoff", "1"),))]


def test_without_a_reason_the_caller_asked() -> None:
    assert Timeline().handing_off().state.handoff.reason == "CALLER_ASKED"


def test_without_an_announcement_it_is_asked_for_at_once() -> None:
    assert Timeline(with_phrases(handoff="")).handing_off().all(Refer)


def test_what_is_still_being_said_is_said_first() -> None:
    call = Timeline().thinking()
    call.clause("I cannot do that.")
    call.finishes(BrainOutcome.HANDOFF)
    assert call.spoken()[-2:] == ["I cannot do that.", "Putting you through."]


def test_the_announcement_cannot_be_interrupted() -> None:
    call = Timeline().handing_off()
    call.renders(100)
    call.speaks(2000)
    call.at(2050, KeyPressed())
    call.run_to(2600)
    assert call.all(PausePlayout) == []
    assert call.talk() is State.HANDING_OFF
    call.pauses(2700)
    call.hears(2750, "Thank you.")
    call.run_to(3000)
    assert len(call.all(StartBrain)) == 1


@pytest.mark.parametrize(
    ("news", "outcome"),
    [
        ([(RESPONSE, 202), (NOTIFY, 100), (NOTIFY, 200)], Outcome.TRANSFERRED),
        ([(RESPONSE, 202), (NOTIFY, 200), (TERMINATED, 0)], Outcome.TRANSFERRED),
        ([(NOTIFY, 200)], Outcome.TRANSFERRED),
        ([(RESPONSE, 202), (NOTIFY, 486)], Outcome.BUSY),
        ([(RESPONSE, 202), (NOTIFY, 600)], Outcome.BUSY),
        ([(RESPONSE, 202), (NOTIFY, 480)], Outcome.NO_ANSWER),
        ([(RESPONSE, 202), (NOTIFY, 603)], Outcome.DECLINED),
        ([(RESPONSE, 202), (NOTIFY, 503)], Outcome.FAILED),
        ([(RESPONSE, 202), (NOTIFY, 0), (TERMINATED, 0)], Outcome.UNKNOWN),
        ([(RESPONSE, 202), (RESPONSE, 202), (TERMINATED, 0)], Outcome.UNKNOWN),
        ([(RESPONSE, 100), (RESPONSE, 603)], Outcome.DECLINED),
        ([(RESPONSE, 405)], Outcome.REJECTED),
        ([(RESPONSE, 503)], Outcome.FAILED),
    ],
)
def test_an_outcome(news: list[tuple[TransferReport, int]], outcome: Outcome) -> None:
    call = referring()
    report(call, *news)
    assert call.fields("handoff_ended") == {"outcome": outcome, "reason": "CALLER_ASKED"}
    assert call.state.handoff.outcome is outcome
    if outcome is Outcome.TRANSFERRED:
        assert call.talk() is State.HANDING_OFF
        assert call.spoken()[-1] == "Putting you through."
    else:
        assert call.spoken()[-1] == "Nobody is free."
        call.plays()
        assert call.talk() is State.LISTENING


def test_a_202_is_not_a_success() -> None:
    call = referring()
    report(call, (RESPONSE, 202))
    assert call.state.handoff.state is HandoffState.ACCEPTED
    assert call.state.handoff.outcome is None
    call.run_to(call.now_ms + 30_000)
    assert call.state.handoff.outcome is Outcome.UNKNOWN
    assert call.spoken()[-1] == "Nobody is free."


@pytest.mark.parametrize(
    ("accepted", "cause", "outcome"),
    [
        (True, EndCause.CALLER_HUNG_UP, Outcome.PRESUMED_TRANSFERRED),
        (True, EndCause.TRANSFERRED, Outcome.PRESUMED_TRANSFERRED),
        (False, EndCause.CALLER_HUNG_UP, Outcome.CALLER_GONE),
        (True, EndCause.DRAINED, Outcome.UNKNOWN),
        (False, EndCause.ERROR, Outcome.UNKNOWN),
    ],
)
def test_the_end_of_the_leg_during_a_transfer(*, accepted: bool, cause: EndCause, outcome: Outcome) -> None:
    call = referring()
    if accepted:
        report(call, (RESPONSE, 202))
    call.at(call.now_ms, CallEnded(cause, 0))
    assert call.state.handoff.outcome is outcome
    assert call.talk() is State.ENDED
    assert call.spoken()[-1] == "Putting you through."


@pytest.mark.parametrize(
    ("cause", "outcome"), [(EndCause.CALLER_HUNG_UP, Outcome.CALLER_GONE), (EndCause.DRAINED, Outcome.FAILED)]
)
def test_the_end_of_the_leg_during_the_announcement(cause: EndCause, outcome: Outcome) -> None:
    call = Timeline().handing_off()
    call.at(call.now_ms, CallEnded(cause, 0))
    assert call.state.handoff.outcome is outcome
    assert call.all(Refer) == []


def test_the_end_of_the_leg_after_the_transfer() -> None:
    call = referring()
    report(call, (RESPONSE, 202), (NOTIFY, 200))
    call.at(call.now_ms, CallEnded(EndCause.TRANSFERRED, 200))
    assert call.state.handoff.state is HandoffState.TRANSFERRED
    assert call.marks().count("handoff_ended") == 1


def test_news_before_the_refer_is_rejected_and_of_another_transfer_ignored() -> None:
    call = Timeline().handing_off()
    report(call, (NOTIFY, 200), (RESPONSE, 503))
    assert call.marks()[-2:] == ["rejected", "rejected"]
    assert call.state.handoff.state is HandoffState.ANNOUNCING
    call.plays()
    assert call.at(call.now_ms, TransferReported(7, NOTIFY, 200)) == []
    report(call, (RESPONSE, 503))
    assert call.at(call.now_ms, TransferReported(1, NOTIFY, 200)) == [], "it has ended"


def test_without_anybody_to_reach_the_bot_says_so_and_goes_on() -> None:
    call = Timeline(NOBODY).handing_off()
    assert call.all(Refer) == []
    assert call.state.handoff.outcome is Outcome.FAILED
    assert call.spoken()[-1] == "Nobody is free."
    assert call.talk() is State.SPEAKING
    call.plays()
    assert call.talk() is State.LISTENING
    call.says("Opening hours?")
    assert call.talk() is State.THINKING


def test_without_anybody_and_without_words_the_bot_listens() -> None:
    call = Timeline(with_phrases(NOBODY, handoff_failed="")).handing_off()
    assert call.talk() is State.LISTENING
    assert call.state.conversation.no_input_due_ms is not None


def test_a_second_handoff_is_a_transfer_of_its_own() -> None:
    call = referring()
    report(call, (RESPONSE, 486))
    call.plays()
    call.says("Try again.")
    call.finishes(BrainOutcome.HANDOFF)
    call.plays()
    assert [refer.transfer for refer in call.all(Refer)] == [1, 2]
    assert call.at(call.now_ms, TransferReported(1, NOTIFY, 200)) == []
    report(call, (NOTIFY, 200))
    assert call.state.handoff.outcome is Outcome.TRANSFERRED


def test_a_failed_handoff_starts_the_counts_anew() -> None:
    call = Timeline(replace(NOBODY, transfer=replace(NOBODY.transfer, no_match_limit=2))).listening()
    for _ in range(3):
        call.says("Blah.")
        call.finishes(BrainOutcome.NO_MATCH)
        call.plays()
    assert call.spoken() == ["Hello.", "Pardon?", "Nobody is free.", "Pardon?"]


def test_nothing_new_starts_after_a_handoff_started() -> None:
    call = Timeline().thinking()
    call.at(1400, BrainToolWanted(call.attempt, "orders", "{}"))
    call.at(1400, BrainToolWanted(call.attempt, "refund", "{}"))
    old = call.attempt
    commands = call.finishes(BrainOutcome.HANDOFF)
    assert CancelTool(1) in commands
    started = len(call.all(CallTool)) + len(call.all(StartBrain))
    call.at(
        1600,
        ToolFailed(2, Category.UNAVAILABLE, permanent=False),
        BrainClause(old, 0, "More.", ()),
        BrainToolWanted(old, "orders", "{}"),
        DtmfEntered("7"),
        EngineFailed(Role.BRAIN, 1, Category.TIMEOUT, permanent=True),
        EngineFailed(Role.ASR, 1, Category.TIMEOUT, permanent=True),
        SafetyFlagged("b"),
    )
    call.run_to(1700)
    assert len(call.all(CallTool)) + len(call.all(StartBrain)) == started
    assert call.talk() is State.HANDING_OFF


def test_a_handoff_stops_the_brain_that_is_still_running() -> None:
    call = Timeline().thinking()
    for rule in "abc":
        call.at(call.now_ms, SafetyFlagged(rule))
        if rule != "c":
            call.finishes()
            call.plays()
            call.says("Again.")
    assert call.all(CancelBrain) == [CancelBrain(call.attempt)]
    assert call.state.handoff.reason == "SAFETY_ESCALATION"


def test_a_caller_who_is_flagged_during_a_handoff_is_not_handed_over_twice() -> None:
    call = Timeline().listening()
    for _ in range(2):
        call.says("Bad words.")
        call.at(call.now_ms, SafetyFlagged("abuse"))
        call.answers("No.")
        call.plays()
    call.says("A person!")
    call.finishes(BrainOutcome.HANDOFF)
    call.at(call.now_ms, SafetyFlagged("abuse"))
    assert call.state.safety.state == "escalated"
    assert call.marks().count("handoff_started") == 1


def test_a_handoff_is_not_disturbed_by_a_silent_caller_or_a_silent_line() -> None:
    call = Timeline().listening()
    for _ in range(3):
        call.at(call.now_ms, SafetyFlagged("rule"))
        if call.talk() is State.LISTENING:
            call.says("Something bad.")
            call.finishes()
            call.plays()
    assert call.talk() is State.HANDING_OFF
    call.plays()
    spoken = call.spoken()
    call.at(call.now_ms + 100, MediaChanged(MediaState.LOST))
    call.run_to(call.now_ms + 20_000)
    assert call.spoken() == spoken
    assert "no_input" not in call.marks()


def test_a_line_that_is_still_dead_after_a_failed_handoff_is_given_up() -> None:
    call = referring()
    call.at(call.now_ms + 100, MediaChanged(MediaState.LOST))
    report(call, (RESPONSE, 503))
    call.plays()
    call.run_to(call.now_ms + 5000)
    assert call.spoken()[-1] == "Goodbye."


def test_a_caller_who_is_put_on_hold_hears_the_announcement_later() -> None:
    call = Timeline().handing_off()
    call.at(2000, MediaChanged(MediaState.HELD))
    call.run_to(60_000)
    assert call.all(Refer) == []
    call.at(60_000, MediaChanged(MediaState.FLOWING))
    call.plays()
    assert call.all(Refer)


def test_a_hold_during_the_transfer_changes_nothing() -> None:
    call = referring()
    call.at(call.now_ms, MediaChanged(MediaState.HELD))
    call.at(call.now_ms + 100, MediaChanged(MediaState.FLOWING))
    assert len(call.all(Refer)) == 1
    report(call, (RESPONSE, 202), (NOTIFY, 200))
    assert call.state.handoff.outcome is Outcome.TRANSFERRED


def test_a_transfer_that_fails_while_the_caller_is_on_hold() -> None:
    call = Timeline(with_phrases(handoff_failed="")).handing_off()
    call.plays()
    call.at(call.now_ms, MediaChanged(MediaState.HELD))
    report(call, (RESPONSE, 503))
    call.at(call.now_ms + 100, MediaChanged(MediaState.FLOWING))
    assert call.talk() is State.LISTENING


def test_what_the_caller_does_during_the_transfer_is_journalled() -> None:
    call = referring()
    call.at(call.now_ms + 100, SpeechStarted(call.now_ms, resumed=False))
    call.pauses(call.now_ms + 500)
    call.hears(call.now_ms + 50, "Hello?")
    call.run_to(call.now_ms + 1000)
    assert call.fields("rejected") == {"machine": "conversation", "state": "handing_off", "trigger": "turn"}
