"""What Vosk is told of an utterance, and what its results say; without a model."""

from __future__ import annotations

import json

import pytest

from voicebot.asr.protocol import Hints, Word
from voicebot.asr.vosk_model import SoFar, grammar_for, timed_word


@pytest.mark.parametrize("expects", ["digits", "digits:5"])
def test_expected_digits_are_a_grammar_with_a_way_out(expects: str) -> None:
    words = json.loads(grammar_for(Hints(expects)))
    assert {"zero", "oh", "nine", "double", "[unk]"} <= set(words)


def test_an_expected_yes_is_a_grammar() -> None:
    assert {"yes", "no", "[unk]"} <= set(json.loads(grammar_for(Hints("yes_no"))))


@pytest.mark.parametrize("hints", [Hints(), Hints("email"), Hints(phrases=("Trek Domane",))], ids=str)
def test_anything_else_is_none(hints: Hints) -> None:
    assert grammar_for(hints) == ""


@pytest.mark.parametrize(
    ("text", "within"), [("four eight", True), ("four [unk]", False), ("[unk]", False), ("", False)]
)
def test_words_outside_of_the_grammar_are_told(text: str, *, within: bool) -> None:
    assert SoFar(text, 1.0).within_grammar is within


def test_times_are_ms_from_the_utterances_start() -> None:
    word = {"word": "four", "start": 0.25, "end": 0.5, "conf": 1.00001}
    assert timed_word(word, 1_000) == Word("four", 1_250, 1_500, 1.0)


def test_the_confidence_is_the_mean_of_the_words() -> None:
    words = [Word("four", 0, 1, 0.5), Word("eight", 1, 2, 1.0)]
    assert SoFar.of("four eight", words) == SoFar("four eight", 0.75, tuple(words))
    assert SoFar.of("four", ()).confidence == 1.0
