"""Whole calls in virtual time, with the real detector, recogniser, playbook and core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from voicebot.asr.moonshine import MoonshineEngine
from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.core.commands import Layer, Speak
from voicebot.core.events import Transcribed
from voicebot.dialplan.loading import load_dialplan
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, whole_frames
from voicebot.media.resample import Resampler
from voicebot.testing.fake_tts import FakeTts
from voicebot.testing.speech import line
from voicebot.testing.stepped_asr import Decoder
from voicebot.testing.stepped_call import Parts, SteppedCall, Voice


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    policy, faults = load_dialplan(Path("dialplans/harbor-lane.yaml"))
    assert policy is not None, faults
    brain = PlaybookBrain(policy)
    brain.warm_up()
    engine = MoonshineEngine()
    rules = replace(policy.call, phrases=replace(policy.call.phrases, greeting=""))
    result = '{"outcome": "packing", "ships_on": "2026-11-23"}'
    yield Parts(policy, Decoder(engine), brain, Voice(FakeTts()), {"order_status": result}, rules=rules)
    engine.close()


def say(call: SteppedCall, name: str, then_ms: int) -> list[bytes | None]:
    """Say a shipped line and listen; return what the bot sent, frame by frame."""
    noise = np.random.default_rng(3).integers(-8, 9, 8 * then_ms).astype(np.int16)
    audio = whole_frames(Resampler(8_000, SAMPLE_RATE).process(np.concatenate((line(name), noise))))
    return [call.tick(audio[at : at + FRAME_BYTES]) for at in range(0, len(audio), FRAME_BYTES)]


def begun(parts: Parts) -> SteppedCall:
    call = SteppedCall(parts)
    call.start()
    return call


def answers(call: SteppedCall) -> list[str]:
    return [c.text for _, c in call.commands if isinstance(c, Speak) and c.layer is Layer.ANSWER]


def test_a_question_is_answered_and_the_answer_leaves_the_ring(parts: Parts) -> None:
    call = begun(parts)
    sent = say(call, "hours_saturday", 1_500)
    assert "9 AM to 5 PM" in answers(call)[0]
    assert any(sent)


def test_a_call_is_the_same_every_time(parts: Parts) -> None:
    first, second = begun(parts), begun(parts)
    assert say(first, "shipping_express", 1_500) == say(second, "shipping_express", 1_500)
    assert first.events == second.events
    assert first.commands == second.commands


def test_a_decode_takes_its_time(parts: Parts) -> None:
    call = begun(parts)
    say(call, "hours_saturday", 500)
    asked = next(at_ms for at_ms, command in call.commands if type(command).__name__ == "Decode")
    told = next(at_ms for at_ms, event in call.events if isinstance(event, Transcribed) and event.decode)
    assert told > asked + parts.latencies.asr.fixed_ms


def test_a_connector_is_asked_and_its_result_spoken(parts: Parts) -> None:
    call = begun(parts)
    say(call, "order_48213", 2_500)
    assert any("being packed" in answer for answer in answers(call))


def test_the_caller_can_interrupt(parts: Parts) -> None:
    call = begun(parts)
    say(call, "hours_saturday", 1_500)
    say(call, "shipping_express", 1_500)
    assert call.notes("barge_in")
    assert "14 dollars" in " ".join(answers(call)) or "Express" in " ".join(answers(call))
