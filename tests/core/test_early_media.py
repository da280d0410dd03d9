"""Greeting a caller before the call is answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.timeline import POLICY, STARTED, Timeline, with_phrases
from voicebot.core.commands import Answer, Hangup
from voicebot.core.conversation import State
from voicebot.core.events import (
    CallAnswered,
    CallEnded,
    Category,
    DrainOrdered,
    DtmfEntered,
    EndCause,
    EngineFailed,
    KeyPressed,
    MediaChanged,
    MediaState,
    Role,
)
from voicebot.core.policy import CallPolicy

EARLY = replace(STARTED, early_media=True)


def ringing(policy: CallPolicy = POLICY) -> Timeline:
    call = Timeline(policy, EARLY)
    call.at(0, EARLY)
    return call


def test_the_call_is_answered_when_the_greeting_was_heard() -> None:
    call = ringing()
    assert call.spoken() == ["Hello."]
    assert call.all(Answer) == []
    assert Answer() in call.plays()
    assert call.talk() is State.LISTENING
    assert call.at(call.now_ms + 50, CallAnswered("PCMU")) == []
    call.says("When do you open?")
    assert call.talk() is State.THINKING
    assert call.spoken() == ["Hello."]
    assert call.all(Answer) == [Answer()]


def test_speech_into_the_greeting_answers_the_call() -> None:
    call = ringing()
    call.renders(100)
    assert Answer() in call.speaks(1000)
    call.at(1050, CallAnswered("PCMU"))
    call.pauses(2000)
    call.hears(2060, "When do you open?")
    call.run_to(3500)
    assert call.talk() is State.THINKING
    assert call.all(Answer) == [Answer()]


def test_a_key_answers_the_call() -> None:
    call = ringing()
    assert Answer() in call.at(500, KeyPressed())
    call.at(600, DtmfEntered("7"))
    assert call.talk() is State.THINKING
    assert call.all(Answer) == [Answer()]


def test_without_a_greeting_there_is_nothing_to_wait_for() -> None:
    assert ringing(with_phrases(greeting="")).all(Answer) == [Answer()]


def test_a_voice_that_fails_does_not_leave_the_call_ringing() -> None:
    call = ringing()
    call.at(100, EngineFailed(Role.TTS, 1, Category.UNAVAILABLE, permanent=True))
    call.plays()
    assert call.all(Answer) == [Answer()]


def test_a_caller_who_gives_up_is_not_answered() -> None:
    call = ringing()
    call.at(300, CallEnded(EndCause.CANCELLED, 487))
    assert call.state.ended
    assert call.all(Answer) == []


def test_a_drain_refuses_a_call_that_still_rings() -> None:
    call = ringing()
    call.at(100, DrainOrdered(1000))
    assert call.run_to(1000) == [Hangup(503, "drained")]


@pytest.mark.parametrize("media", list(MediaState))
def test_media_changes_count_from_the_answer_on(media: MediaState) -> None:
    call = ringing()
    call.at(100, MediaChanged(media))
    assert call.fields("rejected") == {"machine": "call", "state": "greeting", "trigger": "MediaChanged"}
