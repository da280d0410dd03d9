from __future__ import annotations

import ast
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import voicebot
from voicebot.store.records import CallRecord, TurnRecord
from voicebot.telemetry import logs, metrics

SECRET = "my card is four one one one"


@pytest.fixture
def root() -> Iterator[None]:
    """Give the root logger back as it was."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


def logged(style: str) -> tuple[logging.Logger, StringIO]:
    out = StringIO()
    logs.configure("info", style, out)
    return logging.getLogger("voicebot.test"), out


@pytest.mark.usefixtures("root")
def test_json_lines_carry_fields() -> None:
    logger, out = logged("json")
    logger.info("call ended", extra={"call_id": "c1", "turns": 3, "path": Path("/x")})
    line = json.loads(out.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("info", "voicebot.test", "call ended")
    assert (line["call_id"], line["turns"], line["path"]) == ("c1", 3, "/x")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("style", ["json", "text"])
def test_a_field_cannot_forge_a_line(style: str) -> None:
    logger, out = logged(style)
    logger.warning("refused", extra={"reason": "a\nb = c", "empty": ""})
    assert out.getvalue().count("\n") == 1


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("style", ["json", "text"])
def test_an_error_brings_its_trace(style: str) -> None:
    logger, out = logged(style)
    try:
        int("broken")
    except ValueError:
        logger.exception("engine failed")
    assert "ValueError: invalid literal" in out.getvalue()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("style", ["json", "text"])
@pytest.mark.parametrize("field", sorted(logs.SPEECH_FIELDS))
def test_what_was_said_is_withheld_from_every_log(style: str, field: str) -> None:
    logger, out = logged(style)
    logger.error("turn", extra={field: SECRET})
    assert SECRET not in out.getvalue()
    assert logs.WITHHELD in out.getvalue()


@pytest.mark.usefixtures("root")
def test_libraries_that_log_requests_are_quiet() -> None:
    _, out = logged("text")
    logging.getLogger("openai").info("Request options: %s", SECRET)
    assert out.getvalue() == ""


LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
SOURCES = sorted(Path(voicebot.__file__).parent.rglob("*.py"))


def test_log_messages_are_static_and_no_field_is_named_like_speech() -> None:
    faults = []
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _is_log_call(node):
                faults += [f"{source.name}:{node.lineno}: {fault}" for fault in _faults(node)]
    assert faults == []


def _faults(call: ast.Call) -> Iterator[str]:
    message = call.args[-1] if call.args else None
    if not (isinstance(message, ast.Constant) and isinstance(message.value, str)):
        yield "the message is not a static string without arguments"
    for keyword in call.keywords:
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
            names = [key.value for key in keyword.value.keys if isinstance(key, ast.Constant)]
            yield from (f"field {name!r}" for name in names if name in logs.SPEECH_FIELDS)


def _is_log_call(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in LOG_METHODS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id.lower().lstrip("_") in {"log", "logger", "logging"}
    )


def call(disposition: str = "caller_hung_up") -> CallRecord:
    return CallRecord(
        "c1", "s", "shop", "+1", "5", "2026-11-22T10:00:00+00:00", "ab", "j", disposition, duration_ms=61_000
    )


def turn() -> TurnRecord:
    return TurnRecord("c1", 1, SECRET, "no", "answer", 0, 350, 0, 100, 80, 20, 550, barge_in=True, barge_in_stop_ms=140)


def values(exposition: bytes) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(exposition.decode())
        for sample in family.samples
    }


def test_a_call_is_counted_with_its_silence_and_stages() -> None:
    before = values(metrics.exposition())
    metrics.call_ended(call(), (turn(),))
    after = values(metrics.exposition())

    def grown(name: str) -> float:
        return round(after.get(name, 0.0) - before.get(name, 0.0), 6)

    assert grown("voicebot_calls_total[('disposition', 'caller_hung_up')]") == 1
    assert grown("voicebot_turns_total[('layer', 'answer')]") == 1
    assert grown("voicebot_silence_seconds_sum[]") == 0.55
    assert grown("voicebot_silence_seconds_bucket[('le', '0.5')]") == 0
    assert grown("voicebot_silence_seconds_bucket[('le', '0.6')]") == 1
    assert grown("voicebot_stage_seconds_sum[('stage', 'endpointing')]") == 0.35
    assert grown("voicebot_stage_seconds_sum[('stage', 'playout')]") == 0.02
    assert grown("voicebot_barge_ins_total[]") == 1
    assert SECRET not in metrics.exposition().decode()
    assert "c1" not in metrics.exposition().decode()


WORKER = """
from voicebot.telemetry import metrics
metrics.call_started()
metrics.call_started()
metrics.call_left()
metrics.call_refused("capacity")
metrics.queue_overflowed("journal", "drop_newest", 3)
metrics.engine_failed("tts", "piper", "timeout")
metrics.tool_called("orders", "returned")
metrics.transfer_ended("transferred")
print(metrics.exposition().decode() if LAST else "")
"""

PARENT = """
import subprocess, sys
from pathlib import Path
from voicebot.telemetry.multiprocess import prepare
directory = prepare(Path(sys.argv[1]))
(directory / "counter_1.db").write_bytes(b"")
prepare(Path(sys.argv[1]))
assert not list(directory.iterdir())
for last in (0, 1):
    subprocess.run([sys.executable, "-c", f"LAST = {last}\\n" + sys.argv[2]], check=True)
"""


def test_the_counts_of_all_processes_are_added_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT, str(tmp_path), WORKER], capture_output=True, check=True, timeout=60
    )
    found = values(done.stdout)
    assert found["voicebot_refused_calls_total[('reason', 'capacity')]"] == 2
    assert found["voicebot_queue_overflows_total[('policy', 'drop_newest'), ('queue', 'journal')]"] == 6
    labels = "[('category', 'timeout'), ('engine', 'piper'), ('role', 'tts')]"
    assert found[f"voicebot_engine_errors_total{labels}"] == 2
    assert found["voicebot_tool_calls_total[('connector', 'orders'), ('outcome', 'returned')]"] == 2
    assert found["voicebot_transfers_total[('outcome', 'transferred')]"] == 2
    assert found["voicebot_active_calls[]"] >= 1
