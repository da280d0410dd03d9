"""What the recogniser is told of an utterance before it hears it."""

from __future__ import annotations

from tests.media.test_echo import TURN_TAKING
from voicebot.asr.protocol import Hints
from voicebot.core.commands import OpenUtterance
from voicebot.media.playout import PlayoutRing
from voicebot.runtime.hearing import Hearing
from voicebot.testing.fake_asr import FakeAsr


def test_the_question_and_the_names_of_the_dialplan_reach_the_engine() -> None:
    engine = FakeAsr()
    hearing = Hearing({"": engine}, TURN_TAKING, PlayoutRing(), lambda _: None, Hints(phrases=("Trek Domane",)))
    hearing.open(OpenUtterance(1, 0, "digits:5"))
    hearing.open(OpenUtterance(2, 0))
    assert [stream.hints for stream in engine.opened] == [
        Hints("digits:5", ("Trek Domane",)),
        Hints("", ("Trek Domane",)),
    ]
