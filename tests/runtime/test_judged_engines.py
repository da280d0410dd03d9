"""Dialplans with and without an end-of-turn model share the recogniser; those with the same model share that too."""

from __future__ import annotations

import queue
from pathlib import Path

import numpy as np
import pytest

from tests.engines.tiny_onnx import quiet_tail
from voicebot.asr.protocol import AsrResult, Heard
from voicebot.config import DataSettings, Settings
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.media.frames import SILENCE
from voicebot.runtime.engine_room import EngineRoom, EngineUnavailable

ANSWER_S = 60.0
LOUD = (np.random.default_rng(1).standard_normal(320) * 3_000).astype("<i2").tobytes()


def policy(name: str, model: str = "") -> Policy:
    phrases = {"no_match": ["What?"], "no_input": [], "apology": "Oh.", "goodbye": "Bye."}
    plan = {"version": 1, "name": name, "endpointing": {"model": model}, "phrases": phrases}
    return Policy.of(Dialplan.model_validate(plan))


def finality(room: EngineRoom, of: Policy) -> float:
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    stream = room.for_policy(of).asr["moonshine"].open(results.put)
    for frame in [LOUD] * 10 + [SILENCE] * 15:
        stream.feed(frame)
    stream.decode(1)
    while (heard := results.get(timeout=ANSWER_S)).decode != 1:
        pass
    stream.close()
    assert isinstance(heard, Heard)
    return round(heard.finality, 3)


def test_each_dialplan_gets_the_judge_that_it_names(tmp_path: Path) -> None:
    model = quiet_tail(tmp_path / "tail.onnx", scale=0.77)
    plain, judged, another = policy("plain"), policy("judged", model), policy("another", model)
    room = EngineRoom(Settings(data=DataSettings(dir=tmp_path / "data")))
    try:
        room.prepare((plain, judged, another))
        assert finality(room, plain) != 0.77
        assert finality(room, judged) == finality(room, another) == 0.77
        assert len(room._recognisers) == len(room._judges) == 1
    finally:
        room.close()


def test_a_model_that_cannot_be_loaded_stops_the_start(tmp_path: Path) -> None:
    room = EngineRoom(Settings(data=DataSettings(dir=tmp_path / "data")))
    try:
        with pytest.raises(
            EngineUnavailable, match=r"dialplan shop: endpointing\.model: 'nowhere' is not there; correct"
        ):
            room.prepare((policy("shop", "nowhere"),))
    finally:
        room.close()
