"""The small records that the call is composed of, where a whole call would hide them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.timeline import POLICY
from voicebot.core import ear, spoken_length, turns
from voicebot.core.call import begin
from voicebot.core.commands import Layer, Line, Note
from voicebot.core.conversation import Conversation, State
from voicebot.core.digits import digit_runs
from voicebot.core.events import Played, SpeechPaused, SpeechRendered, SpeechStarted
from voicebot.core.mouth import Utterance
from voicebot.core.move import Move
from voicebot.core.speech_plan import SpeechPlan, escalated
from voicebot.core.transcript import Transcript

TEXT = "We are open from nine to five."


@pytest.mark.parametrize(
    ("frames", "played", "final", "heard"),
    [
        (0, 0, False, ""),
        (100, 100, True, TEXT),
        (100, 120, True, TEXT),
        (100, 50, True, "We are open from"),
        (100, 92, True, TEXT),
        (100, 1, True, ""),
        (10, 10, False, "We"),
        (10, 500, False, TEXT),
        (0, 0, True, ""),
    ],
)
def test_words_count_as_heard_when_most_of_them_was_played(
    *, frames: int, played: int, final: bool, heard: str
) -> None:
    assert Utterance(1, Layer.ANSWER, TEXT, 1, frames, played, final).heard() == heard


def test_the_bots_clauses_are_one_line_and_the_callers_turns_are_not() -> None:
    transcript = Transcript().caller("One.").caller("Two.")
    for speech, text in enumerate(("Three.", "Four."), 1):
        transcript = transcript.bot(Utterance(speech, Layer.ANSWER, text, 1))
        transcript = transcript.progress(SpeechRendered(speech, 10, final=True)).progress(Played(speech, 10))
    assert transcript.heard() == (Line("caller", "One."), Line("caller", "Two."), Line("bot", "Three. Four."))


def test_progress_of_an_unknown_speech_is_nothing() -> None:
    transcript = Transcript().caller("One.")
    assert transcript.progress(Played(7, 10)) is transcript


def test_the_last_turn_of_the_caller_is_taken_back_from_among_the_bots_lines() -> None:
    transcript = Transcript().caller("One.").caller("Two.").bot(Utterance(1, Layer.PROMPT, "Yes?", 1))
    assert transcript.without_last_caller().entries == (Line("caller", "One."), transcript.entries[2])


def test_a_bot_without_phrases_says_nothing() -> None:
    plan = SpeechPlan()
    assert plan.next_of() == plan.next_of((), ()) == (plan, "")
    assert escalated((), 1) == ""


def test_the_audio_before_the_call_is_not_asked_for() -> None:
    heard = ear.speech_started(ear.Ear(), SpeechStarted(120, resumed=False), POLICY)
    assert heard is not None
    assert heard[1][0].since_ms == 0  # type: ignore[union-attr]


def test_an_ear_rejects_what_its_table_does_not_hold() -> None:
    assert ear.speech_paused(ear.Ear(), SpeechPaused(0), POLICY) is None
    assert ear.closed(ear.Ear(), ear.Trigger.FLOW) is None


def test_what_is_vetoed_leaves_no_trace_but_the_note() -> None:
    ended = replace(begin(POLICY), conversation=Conversation(State.ENDED))
    move = Move(ended, 1000)
    move.speak("Hello?", Layer.PROMPT)
    turns._run_brain(move, ())
    assert [command.mark for command in move.commands if isinstance(command, Note)] == ["vetoed", "vetoed"]
    assert len(move.commands) == 2
    assert move.state() == ended


def test_what_is_owed_is_counted_once() -> None:
    owing = Conversation().owing(1000, POLICY.budgets)
    assert (owing.soft_due_ms, owing.hard_due_ms) == (1600, 9000)
    assert owing.owing(5000, POLICY.budgets) is owing


@pytest.mark.parametrize(
    ("text", "part", "beginning"),
    [
        ("We are open from 9 AM to 5 PM.", 0.5, "We are open from 9"),
        ("It was $48, and more.", 0.5, "It was $48,"),
        ("Order 48213 was sent.", 0.7, "Order 48213"),
        ("One. Two.", 0.3, "One."),
        ("One. Two.", 0.0, ""),
        ("", 0.5, ""),
    ],
)
def test_what_is_written_shorter_than_it_is_spoken_takes_its_time(text: str, part: float, beginning: str) -> None:
    assert spoken_length.beginning(text, int(1000 * part), 1000) == beginning


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("four one to four", ["4124"]),
        ("four to", ["4"]),
        ("four to for one", ["4241"]),
        ("to four", ["4"]),
        ("oh seven nine hundred", ["07900"]),
        ("forty-eight two", ["482"]),
        ("double four to double two", ["44222"]),
        ("[CARD#1] and one", ["1"]),
    ],
)
def test_digits_are_read_as_they_are_said(text: str, digits: list[str]) -> None:
    assert [run.digits for run in digit_runs(text)] == digits


def drawn(*turns: tuple[tuple[str, ...], ...]) -> list[str]:
    """What is drawn from the lists of one turn after the other."""
    plan, phrases = SpeechPlan(), []
    for lists in turns:
        plan, phrase = plan.next_of(*lists)
        phrases.append(phrase)
    return phrases


def test_phrases_are_rotated_list_by_list_and_none_comes_twice_running() -> None:
    two, one, three = ("a", "b"), ("x",), ("a", "c", "d")
    assert drawn((two,), (two,), (two,)) == ["a", "b", "a"]
    assert drawn((two,), (three,), (two,), (two,)) == ["a", "c", "b", "a"]
    assert drawn((one, two), (one, two), (one, two), (one, two)) == ["x", "a", "x", "b"]
    assert drawn((one,), (one,)) == ["x", "x"], "better than silence"
