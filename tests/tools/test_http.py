"""Connectors over HTTP, against a real server that fails in every way."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue

import pytest

from voicebot.core.commands import CallTool
from voicebot.core.events import Category, ToolFailed, ToolReturned
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.testing.shop_server import Fault, ShopServer, shop_server
from voicebot.tools.http import _retry_after_ms
from voicebot.tools.protocol import ToolResult
from voicebot.tools.run import Run
from voicebot.tools.toolbox import DialplanToolbox

PATIENCE_S = 30.0
SHORT_S = 0.3
"""A deadline that a fault exceeds."""


@pytest.fixture
def server() -> Iterator[ShopServer]:
    with shop_server() as running:
        yield running


class Bench:
    """A toolbox with the connector `x`, and what it posted."""

    def __init__(self, toolbox: DialplanToolbox) -> None:
        self.toolbox = toolbox
        self.posted: Queue[ToolResult] = Queue()

    def call(self, arguments: str = '{"number": "7"}', seconds: float = PATIENCE_S, number: int = 1) -> Run:
        return self.toolbox.start(CallTool(number, "x", arguments, "key-1", 0), seconds, self.posted.put)

    def result(self) -> ToolResult:
        return self.posted.get(timeout=PATIENCE_S)


Make = Callable[..., Bench]


@pytest.fixture
def make(server: ShopServer) -> Iterator[Make]:
    boxes: list[DialplanToolbox] = []

    def build(http: dict[str, object] | None = None, **connector: object) -> Bench:
        part = {
            "http": {"url": f"{server.url}/orders/{{number}}", **(http or {})},
            "parameters": {"number": {"type": "string"}},
            **connector,
        }
        plan = Dialplan.model_validate({"version": 1, "name": "t", "connectors": {"x": part}})
        boxes.append(DialplanToolbox(Policy.of(plan)))
        return Bench(boxes[-1])

    yield build
    server.release.set()
    for box in boxes:
        box.close()


def returned(result: ToolResult) -> dict[str, object]:
    assert isinstance(result, ToolReturned)
    found: dict[str, object] = json.loads(result.result)
    return found


def test_a_request_has_its_arguments_headers_and_shape(
    make: Make, server: ShopServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hush{number}")
    result = {"outcome": "status", "eta": "order.eta", "none": "order.no_such", "count": "length(order.items)"}
    bench = make({"headers": {"Authorization": "Bearer ${SHOP_TOKEN}"}, "result": result})
    bench.call('{"number": "7/../8?x=ü"}')
    assert returned(bench.result()) == {"outcome": "ok", "eta": "Friday", "count": 2}
    (request,) = server.requests
    assert request.path == "/orders/7%2F..%2F8%3Fx%3D%C3%BC"
    assert request.headers["authorization"] == "Bearer hush{number}", "what the environment says is no template"
    assert "idempotency-key" not in request.headers


def test_a_body_takes_values_as_they_are(make: Make, server: ShopServer) -> None:
    parameters = {"number": {}, "count": {"type": "integer"}, "note": {"required": False}, "gift": {"type": "boolean"}}
    body = {"id": "{number}", "text": "{count} of {number}, {gift}", "count": "{count}", "note": "{note}"}
    bench = make({"method": "POST", "body": {**body, "tags": ["{note}", 1], "n": None}}, parameters=parameters)
    bench.call('{"number": "7", "count": "3", "gift": true}')
    assert returned(bench.result())["status"] == "ok"
    (request,) = server.requests
    sent = {"id": "7", "text": "3 of 7, true", "count": 3, "tags": [1], "n": None}
    assert json.loads(request.body) == sent
    assert request.key == "key-1"


@pytest.mark.parametrize(
    "arguments", ['{"number": 7}', "{}", '{"number": "7", "more": 1}', "[]", "no", '{"number":".."}']
)
def test_arguments_that_break_the_schema_never_leave(make: Make, server: ShopServer, arguments: str) -> None:
    bench = make()
    bench.call(arguments)
    assert bench.result() == ToolFailed(1, Category.REJECTED, permanent=True)
    assert not server.requests


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.RESET, ToolFailed(1, Category.UNAVAILABLE, permanent=False)),
        (Fault.LOST_REPLY, ToolFailed(1, Category.UNAVAILABLE, permanent=False)),
        (Fault.ERROR_500, ToolFailed(1, Category.UNAVAILABLE, permanent=False)),
        (Fault.LIMITED_429, ToolFailed(1, Category.RATE_LIMITED, permanent=False, retry_after_ms=1000)),
        (Fault.GARBAGE, ToolFailed(1, Category.UNAVAILABLE, permanent=False)),
        (Fault.NOT_JSON, ToolFailed(1, Category.GARBAGE, permanent=False)),
        (Fault.LIST, ToolFailed(1, Category.GARBAGE, permanent=False)),
        (Fault.HUGE, ToolFailed(1, Category.GARBAGE, permanent=True)),
        (Fault.MISSING_404, ToolFailed(1, Category.REJECTED, permanent=True)),
        (Fault.REDIRECT, ToolFailed(1, Category.REJECTED, permanent=True)),
    ],
)
def test_each_fault_has_its_category(make: Make, server: ShopServer, fault: Fault, expected: ToolFailed) -> None:
    bench = make()
    server.faults.append(fault)
    bench.call()
    assert bench.result() == expected
    bench.call(number=2)
    assert returned(bench.result())["status"] == "ok", "the next call is not harmed"


def test_a_status_can_be_an_answer(make: Make, server: ShopServer) -> None:
    bench = make({"outcomes": {"404": "not_found"}})
    server.faults.append(Fault.MISSING_404)
    bench.call()
    assert returned(bench.result()) == {"outcome": "not_found"}


def test_nobody_there_is_unavailable(make: Make) -> None:
    bench = make({"url": "http://127.0.0.1:9/{number}"})
    bench.call()
    assert bench.result() == ToolFailed(1, Category.UNAVAILABLE, permanent=False)


def test_no_argument_reaches_a_log(make: Make, server: ShopServer, caplog: pytest.LogCaptureFixture) -> None:
    bench = make()
    server.faults.append(Fault.ERROR_500)
    with caplog.at_level(logging.INFO):
        for number in (1, 2):
            bench.call('{"number": "48213"}', number=number)
            bench.result()
        bench.call('{"number": 48213}')
        bench.result()
    assert "48213" not in caplog.text + "".join(str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("fault", [Fault.SLOW, Fault.STALLED_BODY])
def test_the_deadline_cuts_a_server_that_does_not_go_on(make: Make, server: ShopServer, fault: Fault) -> None:
    bench = make()
    server.faults.append(fault)
    bench.call(seconds=SHORT_S)
    assert bench.result() == ToolFailed(1, Category.TIMEOUT, permanent=False)
    bench.call(number=2)
    assert returned(bench.result())["status"] == "ok"
    bench.toolbox._pool.shutdown(wait=True)
    assert bench.posted.empty(), "that a cut request fails is no news"


def test_a_cancelled_request_is_cut_at_once(make: Make, server: ShopServer) -> None:
    bench = make()
    server.faults.append(Fault.SLOW)
    run = bench.call()
    while not server.requests:
        threading.Event().wait(0.001)
    began = time.monotonic()
    run.cancel()
    assert bench.result() == ToolFailed(1, Category.UNAVAILABLE, permanent=False)
    assert time.monotonic() - began < PATIENCE_S / 2


def test_a_run_that_was_cancelled_before_it_began_is_cut_too(make: Make) -> None:
    bench = make()
    cut: list[int] = []
    run = bench.call()
    bench.result()
    run.cancel()
    run.on_cut(lambda: cut.append(1))
    assert cut == [1]


def test_connections_are_kept(make: Make) -> None:
    bench = make()
    for number in range(1, 4):
        bench.call(number=number)
        bench.result()
    connector = bench.toolbox._connectors["x"].kind
    assert len(connector._lines) == 1  # type: ignore[attr-defined]


def test_a_connector_that_keeps_failing_is_left_alone_and_tried_again(make: Make, server: ShopServer) -> None:
    bench = make(breaker={"failures": 2, "reset_ms": 60_000})
    gate = bench.toolbox._connectors["x"].gate
    now = [0.0]
    gate._clock = lambda: now[0]
    server.faults.extend([Fault.ERROR_500, Fault.ERROR_500, Fault.ERROR_500])
    for number in (1, 2):
        bench.call(number=number)
        bench.result()
    bench.call(number=3)
    assert bench.result() == ToolFailed(3, Category.UNAVAILABLE, permanent=True)
    assert len(server.requests) == 2
    now[0] = 61.0
    bench.call(number=4)
    assert bench.result() == ToolFailed(4, Category.UNAVAILABLE, permanent=False), "one is let through"
    bench.call(number=5)
    assert bench.result() == ToolFailed(5, Category.UNAVAILABLE, permanent=True)
    now[0] = 122.0
    bench.call(number=6)
    assert isinstance(bench.result(), ToolReturned)
    bench.call(number=7)
    assert isinstance(bench.result(), ToolReturned)


def test_an_answer_to_an_earlier_call_shows_that_a_connector_is_well(make: Make, server: ShopServer) -> None:
    bench = make(breaker={"failures": 1, "reset_ms": 60_000})
    server.faults.append(Fault.SLOW)
    bench.call()
    while not server.requests:
        threading.Event().wait(0.001)
    server.faults.append(Fault.ERROR_500)
    bench.call(number=2)
    assert bench.result() == ToolFailed(2, Category.UNAVAILABLE, permanent=False)
    bench.call(number=3)
    assert bench.result() == ToolFailed(3, Category.UNAVAILABLE, permanent=True)
    server.release.set()
    assert isinstance(bench.result(), ToolReturned)
    bench.call(number=4)
    assert isinstance(bench.result(), ToolReturned)


def test_only_so_many_calls_at_a_time(make: Make, server: ShopServer) -> None:
    bench = make(concurrency=1)
    server.faults.append(Fault.SLOW)
    bench.call()
    bench.call(number=2)
    assert bench.result() == ToolFailed(2, Category.UNAVAILABLE, permanent=False)
    server.release.set()
    assert isinstance(bench.result(), ToolReturned)


def test_retry_after_may_be_a_date() -> None:
    assert _retry_after_ms("2") == 2000
    assert _retry_after_ms("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert _retry_after_ms("Wed, 21 Oct 2115 07:28:00 -0000") > 0
    assert _retry_after_ms("soon") == 0
