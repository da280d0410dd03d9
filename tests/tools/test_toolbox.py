"""Connectors in Python: one result each, by the deadline, whatever the function does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from queue import Queue

import pytest

from voicebot.core.commands import CallTool
from voicebot.core.events import Category, ToolFailed, ToolReturned
from voicebot.dialplan.connectors import ConnectorPart, Parameter
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.tools.protocol import ToolResult
from voicebot.tools.python import PythonConnector
from voicebot.tools.toolbox import (
    MAX_RUNNING,
    ConnectorError,
    ConnectorMissing,
    DialplanToolbox,
    ToolContext,
    function_of,
)

PATIENCE_S = 30.0
GATE = threading.Event()
PARAMETERS = {"a": Parameter(type="integer", required=False)}


def echo(arguments: Mapping[str, object], context: ToolContext) -> Mapping[str, object]:
    return {"arguments": dict(arguments), "settings": dict(context.settings), "key": context.key}


def blocked(_arguments: Mapping[str, object], _context: ToolContext) -> Mapping[str, object]:
    GATE.wait(PATIENCE_S)
    return {}


def limited(_arguments: Mapping[str, object], _context: ToolContext) -> Mapping[str, object]:
    raise ConnectorError(Category.RATE_LIMITED, permanent=False)


def broken(_arguments: Mapping[str, object], _context: ToolContext) -> Mapping[str, object]:
    raise ValueError("my card is 4111")


def endless(_arguments: Mapping[str, object], _context: ToolContext) -> Mapping[str, object]:
    return {"text": "x" * 100_000}


class Bench:
    """A toolbox with one connector, and what it posted."""

    def __init__(self, toolbox: DialplanToolbox) -> None:
        self.toolbox = toolbox
        self.posted: Queue[ToolResult] = Queue()

    def call(self, arguments: str = "{}", seconds: float = PATIENCE_S, name: str = "x", number: int = 1) -> None:
        self.toolbox.start(CallTool(number, name, arguments, "key-1", 0), seconds, self.posted.put)

    def result(self) -> ToolResult:
        return self.posted.get(timeout=PATIENCE_S)


Make = Callable[..., Bench]


@pytest.fixture
def make() -> Iterator[Make]:
    boxes: list[DialplanToolbox] = []
    GATE.clear()

    def build(function: Callable[..., object], settings: Mapping[str, str] | None = None) -> Bench:
        part = ConnectorPart(entry="json:loads", settings=settings or {}, concurrency=16, parameters=PARAMETERS)
        box = DialplanToolbox(Policy.of(Dialplan(version=1, name="t", connectors={"x": part})))
        box._connectors["x"].kind = PythonConnector(function)  # type: ignore[arg-type]
        boxes.append(box)
        return Bench(box)

    yield build
    GATE.set()
    for box in boxes:
        box.close()


def test_a_function_gets_arguments_secrets_and_key(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "hush")
    bench = make(echo, {"token": "${API_KEY}"})
    bench.call('{"a":1}')
    assert bench.result() == ToolReturned(1, '{"arguments":{"a":1},"key":"key-1","settings":{"token":"hush"}}')


def test_a_missing_secret_fails_the_call(make: Make) -> None:
    bench = make(echo, {"token": "${NO_SUCH_VARIABLE}"})
    bench.call()
    assert bench.result() == ToolFailed(1, Category.INTERNAL, permanent=True)


@pytest.mark.parametrize(
    ("function", "arguments", "category", "permanent"),
    [
        (limited, "{}", Category.RATE_LIMITED, False),
        (broken, "{}", Category.INTERNAL, True),
        (endless, "{}", Category.GARBAGE, True),
        (echo, "[]", Category.REJECTED, True),
        (echo, "no json", Category.REJECTED, True),
    ],
)
def test_failures_have_a_category(  # noqa: PLR0913, PLR0917 - a table
    make: Make,
    caplog: pytest.LogCaptureFixture,
    function: Callable[..., object],
    arguments: str,
    category: Category,
    permanent: bool,  # noqa: FBT001 - a table
) -> None:
    bench = make(function)
    bench.call(arguments)
    assert bench.result() == ToolFailed(1, category, permanent)
    assert "4111" not in caplog.text


def test_an_unknown_connector_is_rejected(make: Make) -> None:
    bench = make(echo)
    bench.call(name="y")
    assert bench.result() == ToolFailed(1, Category.REJECTED, permanent=True)


def test_a_late_success_comes_after_the_time_out_and_is_noted(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    bench = make(blocked)
    with caplog.at_level(logging.WARNING):
        bench.call(seconds=0.0)
        assert bench.result() == ToolFailed(1, Category.TIMEOUT, permanent=False)
        GATE.set()
        bench.toolbox._pool.shutdown(wait=True)
    assert bench.result() == ToolReturned(1, "{}"), "what was done is told, however late"
    assert bench.posted.empty()
    assert [record.getMessage() for record in caplog.records] == ["connector late"]


def test_beyond_the_pool_a_call_fails_at_once(make: Make) -> None:
    bench = make(blocked)
    for number in range(MAX_RUNNING + 1):
        bench.call(number=number)
    assert bench.result() == ToolFailed(MAX_RUNNING, Category.UNAVAILABLE, permanent=False)
    GATE.set()
    assert {bench.result().call for _ in range(MAX_RUNNING)} == set(range(MAX_RUNNING))


def test_entries_that_name_nothing_are_told() -> None:
    with pytest.raises(ConnectorMissing, match="cannot import no_such"):
        function_of("no_such:f")
    with pytest.raises(ConnectorMissing, match="no such function"):
        function_of("json:nothing")
