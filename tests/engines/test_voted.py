"""Two recognisers as one: when the second is asked, and whose number counts."""

from __future__ import annotations

import pytest

from voicebot.asr.protocol import AsrResult, Heard, HearingFailed, Hints
from voicebot.asr.voted import VotedEngine
from voicebot.core.events import Category
from voicebot.media.frames import SILENCE
from voicebot.testing.fake_asr import FakeAsr, Line

FAILED = HearingFailed(0, Category.INTERNAL, permanent=False, detail="scripted")
ASKED = Hints("digits:5")


def heard(first: Line, second: Line, hints: Hints = ASKED) -> tuple[list[AsrResult], FakeAsr]:
    """Return the results of one utterance of two frames, and the second engine."""
    results: list[AsrResult] = []
    voter = FakeAsr([second])
    stream = VotedEngine(FakeAsr([first]), voter).open(results.append, hints)
    stream.feed(SILENCE)
    stream.feed(SILENCE)
    stream.decode(4)
    stream.close()
    return results, voter


@pytest.mark.parametrize(
    ("first", "hints"),
    [
        ("four eight two one three", ASKED),
        ("I don't have it", ASKED),
        ("four eight two one", Hints("digits")),
        ("four eight two one", Hints()),
    ],
)
def test_the_first_is_believed_without_a_vote(first: str, hints: Hints) -> None:
    results, voter = heard(first, "nine nine nine nine nine", hints)
    assert results == [Heard(4, first, 1.0)]
    assert voter.opened == []


@pytest.mark.parametrize(
    ("second", "counts"),
    [("4 8 2 1 3", "4 8 2 1 3"), ("4 8 2 1 3 3", "four eight two one"), ("", "four eight two one")],
)
def test_a_number_of_another_length_is_voted_on(second: str, counts: str) -> None:
    results, voter = heard("four eight two one", second)
    assert results == [Heard(4, counts, 1.0)]
    assert [(stream.frames, stream.hints) for stream in voter.opened] == [(2, ASKED)]


def test_a_vote_that_fails_changes_nothing() -> None:
    assert heard("four eight two one", FAILED)[0] == [Heard(4, "four eight two one", 1.0)]


def test_the_second_stands_in_when_the_first_fails() -> None:
    assert heard(FAILED, "4 8")[0] == [Heard(4, "4 8", 1.0)]


def test_two_failures_are_one() -> None:
    (result,) = heard(FAILED, FAILED)[0]
    assert isinstance(result, HearingFailed)
    assert result.decode == 4


def test_a_vote_under_way_is_dropped_with_the_utterance() -> None:
    results: list[AsrResult] = []
    voter = FakeAsr(["4 8 2 1 3"], stepped=True)
    stream = VotedEngine(FakeAsr(["four eight"]), voter).open(results.append, ASKED)
    stream.feed(SILENCE)
    stream.decode(1)
    stream.close()
    voter.step()
    assert voter.opened[0].closed
    assert results == []


def test_a_newer_decode_is_voted_on_afresh() -> None:
    results: list[AsrResult] = []
    voter = FakeAsr(["4 8", "4 8 2 1 3"], stepped=True)
    stream = VotedEngine(FakeAsr(["four eight"]), voter).open(results.append, ASKED)
    stream.feed(SILENCE)
    stream.decode(1)
    stream.feed(SILENCE)
    stream.decode(2)
    while voter.step():
        pass
    assert results == [Heard(2, "4 8 2 1 3", 1.0)]
    assert [each.frames for each in voter.opened] == [1, 2]
