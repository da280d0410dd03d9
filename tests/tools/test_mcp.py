"""Connectors that are MCP tools, against a real server on stdio and over streamable HTTP."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest

from voicebot.core.commands import CallTool
from voicebot.core.events import Category, ToolFailed, ToolReturned
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.tools.protocol import ToolResult
from voicebot.tools.run import Run
from voicebot.tools.toolbox import DialplanToolbox

PATIENCE_S = 30.0
SERVER = str(Path(__file__).with_name("mcp_shop.py"))
ON_STDIO: dict[str, object] = {"command": sys.executable, "args": [SERVER], "env": {"GREETING": "${GREETING}"}}
TOOLS = ("order", "plain", "words", "broken", "slow", "dies", "no_such_tool")


class Bench:
    """A toolbox with a connector for each tool, and what it posted."""

    def __init__(self, server: dict[str, object]) -> None:
        connectors = {
            tool: {"mcp": {**server, "tool": tool}, "parameters": {"number": {"type": "string"}}} for tool in TOOLS
        }
        connectors["eta"] = {
            "mcp": {**server, "tool": "order", "result": {"day": "eta.day"}},
            "parameters": {"number": {"type": "string"}},
        }
        plan = Dialplan.model_validate({"version": 1, "name": "t", "connectors": connectors})
        self.toolbox = DialplanToolbox(Policy.of(plan))
        self.posted: Queue[ToolResult] = Queue()

    def call(self, tool: str, number: str = "7", seconds: float = PATIENCE_S) -> Run:
        arguments = json.dumps({"number": number})
        return self.toolbox.start(CallTool(1, tool, arguments, "key-1", 0), seconds, self.posted.put)

    def result(self) -> ToolResult:
        return self.posted.get(timeout=PATIENCE_S)

    def answer(self, tool: str, number: str = "7") -> object:
        self.call(tool, number)
        result = self.result()
        assert isinstance(result, ToolReturned), result
        return json.loads(result.result)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, SERVER, str(port)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            server.poll()
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.kill()
        server.wait()


Make = Callable[[dict[str, object]], Bench]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setenv("GREETING", "hello")
    benches: list[Bench] = []

    def build(server: dict[str, object]) -> Bench:
        benches.append(Bench(server))
        return benches[-1]

    yield build
    for bench in benches:
        bench.toolbox.close()


@pytest.fixture(params=["stdio", "http"])
def bench(request: pytest.FixtureRequest, make: Make) -> Bench:
    if request.param == "stdio":
        return make(ON_STDIO)
    return make({"url": request.getfixturevalue("url"), "headers": {"X-Shop": "${GREETING}"}})


def test_answers_are_objects_whatever_form_they_have(bench: Bench) -> None:
    first = bench.answer("order")
    assert isinstance(first, dict)
    assert (first["number"], first["eta"]) == ("7", {"day": "Friday"})
    assert bench.answer("eta") == {"day": "Friday"}
    assert bench.answer("plain") == {"text": "order 7"}
    assert bench.answer("words") == {"number": "7"}


def test_failures_have_a_category(bench: Bench) -> None:
    bench.call("broken")
    assert bench.result() == ToolFailed(1, Category.REJECTED, permanent=True)
    bench.call("no_such_tool")
    assert bench.result() == ToolFailed(1, Category.REJECTED, permanent=True)


def test_the_deadline_ends_a_call_and_not_the_session(bench: Bench) -> None:
    before = bench.answer("order")
    bench.call("slow", seconds=0.3)
    assert bench.result() == ToolFailed(1, Category.TIMEOUT, permanent=False)
    after = bench.answer("eta")
    assert isinstance(before, dict)
    assert after == {"day": "Friday"}


def test_a_call_can_be_cancelled(bench: Bench) -> None:
    bench.answer("order")
    run = bench.call("slow")
    run.cancel()
    result = bench.result()
    assert isinstance(result, ToolFailed)
    assert not result.permanent


def test_a_session_is_kept_and_replaced_when_it_has_died(make: Make) -> None:
    bench = make(ON_STDIO)
    assert bench.answer("order") == {"number": "7", "eta": {"day": "Friday"}, "calls": 1, "greeting": "hello"}
    assert bench.answer("order") == {"number": "7", "eta": {"day": "Friday"}, "calls": 2, "greeting": "hello"}
    bench.call("dies", "1")
    assert bench.result() == ToolFailed(1, Category.UNAVAILABLE, permanent=False)
    assert bench.answer("order") == {"number": "7", "eta": {"day": "Friday"}, "calls": 1, "greeting": "hello"}


@pytest.mark.parametrize(
    "server",
    [{"command": "/no/such/program"}, {"url": "http://127.0.0.1:9/mcp"}, {"command": "true"}],
    ids=["no program", "no server", "no MCP"],
)
def test_nobody_there_is_unavailable(make: Make, server: dict[str, object]) -> None:
    bench = make(server)
    bench.call("order")
    assert bench.result() == ToolFailed(1, Category.UNAVAILABLE, permanent=False)
