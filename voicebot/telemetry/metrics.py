"""What the bot counts and measures, and the small functions by which the rooms say it.

Labels hold only values from closed sets: no call id, number or text ever stands in one. Times are in seconds, as
Prometheus wants them. With PROMETHEUS_MULTIPROC_DIR set before the first import (`telemetry.multiprocess`), values live
in files that the web process adds up.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import REGISTRY

from voicebot.store.records import CallRecord, TurnRecord
from voicebot.telemetry.multiprocess import VARIABLE

SILENCE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 8.0)
STAGE_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0)
DURATION_BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1200.0, 3600.0)

_CALLS = Counter("voicebot_calls", "Calls that ended.", ["disposition"])
_ACTIVE = Gauge("voicebot_active_calls", "Calls under way.", multiprocess_mode="livesum")
_DURATION = Histogram("voicebot_call_seconds", "From the INVITE to the end of the leg.", buckets=DURATION_BUCKETS)
_REFUSALS = Counter("voicebot_refused_calls", "Calls that were not admitted.", ["reason"])
_TURNS = Counter("voicebot_turns", "Turns of callers.", ["layer"])
_SILENCE = Histogram(
    "voicebot_silence_seconds",
    "From the caller's last voiced sample to the first audible sample of the bot.",
    buckets=SILENCE_BUCKETS,
)
_GAPS = Histogram("voicebot_answer_gap_seconds", "Inaudible stretches inside an answer.", buckets=SILENCE_BUCKETS)
_STAGES = Histogram("voicebot_stage_seconds", "Where the silence of a turn went.", ["stage"], buckets=STAGE_BUCKETS)
_BARGE_INS = Counter("voicebot_barge_ins", "Replies that a caller interrupted for good.")
_BARGE_IN_STOP = Histogram(
    "voicebot_barge_in_stop_seconds", "From the first voiced sample to the bot's last frame.", buckets=STAGE_BUCKETS
)
_OVERFLOWS = Counter("voicebot_queue_overflows", "Entries that a full queue did not take.", ["queue", "policy"])
_ENGINE_ERRORS = Counter("voicebot_engine_errors", "Failures of engines.", ["role", "engine", "category"])
_ENGINE_SWITCHES = Counter(
    "voicebot_engine_switches", "Turns that another engine of the chain took over.", ["role", "engine"]
)
_ENGINE_WELL = Gauge(
    "voicebot_engine_well",
    "1 while calls ask this engine, 0 while it is ill.",
    ["role", "engine"],
    multiprocess_mode="min",
)
_TOOL_CALLS = Counter("voicebot_tool_calls", "Attempts of connector calls.", ["connector", "outcome"])
_SLOW_CALLS = Counter("voicebot_slow_connector_calls", "Connector calls over their soft limit.", ["connector"])
_TRANSFERS = Counter("voicebot_transfers", "Transfers of callers to humans.", ["outcome"])


def call_started() -> None:
    """Count a call as under way."""
    _ACTIVE.inc()


def call_left() -> None:
    """Count a call as no longer under way."""
    _ACTIVE.dec()


def call_refused(reason: str) -> None:
    """Count a call that was not admitted: `capacity`, `draining` ..."""
    _REFUSALS.labels(reason).inc()


def call_ended(record: CallRecord, turns: tuple[TurnRecord, ...]) -> None:
    """Count a call that is over, its turns and their stages."""
    _CALLS.labels(record.disposition).inc()
    _DURATION.observe(record.duration_ms / 1000)
    for turn in turns:
        _turn_taken(turn)


def _turn_taken(turn: TurnRecord) -> None:
    _TURNS.labels(turn.layer or "none").inc()
    if turn.silence_ms is not None:
        _SILENCE.observe(turn.silence_ms / 1000)
        for stage, spent_ms in (
            ("endpointing", turn.endpointing_ms),
            ("asr", turn.asr_ms),
            ("brain", turn.brain_ms),
            ("tts", turn.tts_ms),
            ("playout", turn.playout_ms),
        ):
            _STAGES.labels(stage).observe(spent_ms / 1000)
    if turn.barge_in:
        _BARGE_INS.inc()
    if turn.barge_in_stop_ms is not None:
        _BARGE_IN_STOP.observe(turn.barge_in_stop_ms / 1000)
    for gap_ms in turn.gaps_ms:
        _GAPS.observe(gap_ms / 1000)


def queue_overflowed(queue: str, policy: str, entries: int = 1) -> None:
    """Count entries that a full queue did not take, by the queue's name and its overflow policy."""
    _OVERFLOWS.labels(queue, policy).inc(entries)


def engine_failed(role: str, engine: str, category: str) -> None:
    """Count a failure of an engine."""
    _ENGINE_ERRORS.labels(role, engine, category).inc()


def engine_switched(role: str, engine: str) -> None:
    """Count work that `engine` took over from another one in mid-turn."""
    _ENGINE_SWITCHES.labels(role, engine).inc()


def engine_well(role: str, engine: str, *, well: bool) -> None:
    """Tell whether calls ask an engine."""
    _ENGINE_WELL.labels(role, engine).set(int(well))


def tool_called(connector: str, outcome: str) -> None:
    """Count an attempt of a connector call: `returned` or a category of failure."""
    _TOOL_CALLS.labels(connector, outcome).inc()


def connector_slow(connector: str) -> None:
    """Count a connector call that exceeded its soft limit."""
    _SLOW_CALLS.labels(connector).inc()


def transfer_ended(outcome: str) -> None:
    """Count a transfer: `transferred`, `declined`, `busy`, `unknown` ..."""
    _TRANSFERS.labels(outcome).inc()


def forget_process(pid: int) -> None:
    """Drop the gauges of a process that died; its counters stay."""
    if VARIABLE in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def exposition() -> bytes:
    """Return the metrics of all processes in the Prometheus text format."""
    if VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
