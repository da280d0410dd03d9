from __future__ import annotations

from io import StringIO

from rich.console import Console

from voicebot.core.commands import Note, StartBrain
from voicebot.core.events import Attempt, DeadlineReached
from voicebot.journal.lines import Playout, Step
from voicebot.journal.picture import draw_call
from voicebot.journal.turn_taking import TurnTaking, turn_taking_of
from voicebot.store.records import CallRecord, TurnRecord


def step(*marks: tuple[str, dict[str, str | int]]) -> Step:
    return Step(1, 0, DeadlineReached(), tuple(Note(mark, tuple(fields.items())) for mark, fields in marks))


def failed(role: str, other: str) -> Step:
    failure: dict[str, str | int] = {"role": role, "category": "timeout", "permanent": 0, "engine": "openai"}
    return step(("engine_failed", failure), ("switched", {"role": role, "engine": other}))


WASTED = step(("early_wasted", {"spent_ms": 300}))
TAKEN = step(
    ("endpoint", {"judged": "complete", "waited_ms": 400}), ("turn", {"number": 1}), ("early_used", {"saved_ms": 120})
)
OTHERWISE = step(
    ("endpoint", {"judged": "hanging", "waited_ms": 1100}), ("turn", {"number": 2}), ("early_wasted", {"spent_ms": 80})
)
KEYED = step(("turn", {"number": 3}))


def test_each_turn_knows_how_it_was_taken_and_what_was_asked_ahead_of_it() -> None:
    turns = turn_taking_of([Playout(0, 0, ()), WASTED, WASTED, TAKEN, OTHERWISE, KEYED])
    assert turns == {
        1: TurnTaking("complete", 400, 120, (300, 300)),
        2: TurnTaking("hanging", 1100, None, (80,)),
        3: TurnTaking(),
    }


def test_a_backchannel_is_no_turn() -> None:
    heard = step(("endpoint", {"judged": "complete", "waited_ms": 400}), ("backchannel", {}))
    assert turn_taking_of([heard, KEYED]) == {3: TurnTaking()}


def test_what_was_asked_for_a_turn_that_never_came_is_not_lost() -> None:
    assert turn_taking_of([TAKEN, WASTED])[2] == TurnTaking(wasted_ms=(300,))
    assert turn_taking_of([WASTED]) == {1: TurnTaking(wasted_ms=(300,))}
    assert turn_taking_of([]) == {}


def test_an_engine_that_failed_is_told_with_the_turn_that_it_failed() -> None:
    asr, brain, tts = (failed(*each) for each in (("asr", "moonshine"), ("brain", "playbook"), ("tts", "piper")))
    asked = Step(1, 0, DeadlineReached(), (StartBrain(Attempt(0, 1), 2, "And on Sunday?", (), (), "", 0),))
    turns = turn_taking_of([asr, TAKEN, tts, asked, brain, OTHERWISE])
    assert turns[1].engines == (
        "asr openai failed (timeout)",
        "asr moonshine took over",
        "tts openai failed (timeout)",
        "tts piper took over",
    )
    assert turns[2].engines == ("brain openai failed (timeout)", "brain playbook took over")


def test_a_core_that_notes_less_is_read_all_the_same() -> None:
    bare = step(("endpoint", {}), ("turn", {}), ("early_used", {}), ("early_wasted", {}))
    assert turn_taking_of([bare]) == {1: TurnTaking("", 0, 0, (0,))}


def test_the_picture_tells_what_was_for_nothing_and_what_came_late() -> None:
    record = CallRecord(
        id="c1",
        sip_call_id="f00",
        tenant="shop",
        caller="1",
        called="2",
        started_at="2026-11-22T10:00:00+00:00",
        policy_hash="f" * 64,
        journal="c1.jsonl",
    )
    turn = TurnRecord("c1", 1, "hello", "", "", 0, 0, 0, 0, 0, 0, None, barge_in=False, barge_in_stop_ms=None)
    out = Console(file=StringIO(), width=120)
    draw_call(out, record, (turn,), {1: TurnTaking("", 1300, None, (300, 80))})
    assert isinstance(out.file, StringIO)
    drawn = out.file.getvalue()
    assert "pause taken as over before its text came, waited 1300 ms, asked ahead for nothing: 300 + 80 ms" in drawn
    assert "asked ahead: 0 times of use, 0 ms ahead; 2 times for nothing, 380 ms" in drawn
