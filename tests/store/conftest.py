from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.store.database import Store
from voicebot.store.records import CallRecord, TurnRecord
from voicebot.store.upgrade import prepare


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'voicebot.db'}")
    prepare(store)
    yield store
    store.close()


@pytest.fixture
def call() -> CallRecord:
    return CallRecord(
        id="c1",
        sip_call_id="f00@127.0.0.1",
        tenant="shop",
        caller="+15550100",
        called="500",
        started_at="2026-11-22T10:00:00.250+01:00",
        policy_hash="f" * 64,
        journal="journals/2026-11-22/c1.jsonl",
    )


@pytest.fixture
def turn() -> TurnRecord:
    return TurnRecord(
        call_id="c1",
        number=1,
        caller_text="wann öffnen Sie?",
        bot_text="um neun",
        layer="answer",
        last_voiced_ms=4000,
        endpointing_ms=350,
        asr_ms=0,
        brain_ms=100,
        tts_ms=80,
        playout_ms=10,
        silence_ms=540,
        barge_in=True,
        barge_in_stop_ms=140,
        gaps_ms=(420, 600),
    )
