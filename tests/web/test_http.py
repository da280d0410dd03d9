from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from voicebot.store.database import Store
from voicebot.store.upgrade import prepare
from voicebot.telemetry import status
from voicebot.telemetry.status import WorkerState, WorkerStatus
from voicebot.web.app import WebPortError, application, listen, serve_web
from voicebot.web.health import Health, readiness

Get = Callable[[str], tuple[int, dict[str, str], bytes]]


def worker(state: WorkerState = WorkerState.READY, number: int = 0) -> WorkerStatus:
    return WorkerStatus(
        number=number,
        pid=os.getpid(),
        sip_port=5060 + number,
        state=state,
        active_calls=1,
        capacity=3,
        drain_limit_s=60.0,
        updated_s=time.monotonic(),
        updated_at="2026-11-22T10:00:00+00:00",
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'voicebot.db'}")
    prepare(store)
    yield store
    store.close()


@pytest.fixture
def get(store: Store, tmp_path: Path) -> Iterator[Get]:
    """GET from a real server on a free port of loopback."""
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application(Health(tmp_path, store)), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def ask(path: str) -> tuple[int, dict[str, str], bytes]:
        return fetch(listening.getsockname()[1], path)

    yield ask
    server.should_exit = True
    thread.join()
    listening.close()


def fetch(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_the_process_lives_whatever_the_workers_do(get: Get) -> None:
    assert get("/live")[0] == 200
    assert get("/nothing")[0] == 404


@pytest.mark.parametrize(
    ("states", "code", "reason"),
    [
        ([], 503, "no worker is running"),
        ([WorkerState.STARTING], 503, "starting"),
        ([WorkerState.READY], 200, "ready"),
        ([WorkerState.DRAINING, WorkerState.READY], 200, "ready"),
        ([WorkerState.DRAINING], 503, "draining"),
    ],
)
def test_ready_says_why_not_and_when_to_ask_again(
    get: Get, tmp_path: Path, states: list[WorkerState], code: int, reason: str
) -> None:
    for number, state in enumerate(states):
        status.write(tmp_path / "run", worker(state, number))
    found, headers, body = get("/ready")
    assert found == code
    assert reason in body.decode()
    assert ("retry-after" in headers) == (code == 503)


def test_health_names_workers_calls_capacity_store_and_disk(get: Get, tmp_path: Path) -> None:
    for number in (0, 1):
        status.write(tmp_path / "run", worker(number=number))
    code, _, body = get("/health")
    report = json.loads(body)
    assert code == 200
    assert (report["ready"], report["active_calls"], report["capacity"]) == (True, 2, 6)
    assert [entry["sip_port"] for entry in report["workers"]] == [5060, 5061]
    assert report["store"]["ok"]
    assert report["disk"]["free_bytes"] > 0


def test_health_tells_a_database_that_is_gone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/nowhere/voicebot.db")
    report = Health(tmp_path, store).report()
    assert "unable to open database file" in str(report["store"])
    assert Health(tmp_path, None).report()["store"] == {"ok": True, "name": "none", "reason": ""}
    assert "No such file" in str(Health(tmp_path / "nowhere", None).report()["disk"])
    store.close()


def test_metrics_are_in_the_text_format(get: Get) -> None:
    code, headers, body = get("/metrics")
    assert code == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"voicebot_active_calls" in body


def test_a_port_that_is_taken_is_named_with_the_remedy(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WebPortError, match=rf"127\.0\.0\.1:{port}: Address already in use.*web\.port"):
            serve_web("127.0.0.1", port, tmp_path, "sqlite://")


def test_the_web_process_serves_until_sigterm_and_loads_no_engine(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = (
        "import sys\nfrom pathlib import Path\nfrom voicebot.web.app import serve_web\n"
        "heavy = sys.modules.keys() & {'pjsua2', 'onnxruntime', 'numpy', 'openai', 'scipy'}\n"
        "assert not heavy, heavy\n"
        f"serve_web('127.0.0.1', {port}, Path({str(tmp_path)!r}), 'sqlite://')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as web:
        try:
            while web.poll() is None:
                try:
                    assert fetch(port, "/live")[0] == 200
                    break
                except ConnectionRefusedError:
                    os.sched_yield()
        finally:
            web.send_signal(signal.SIGTERM)
        assert web.wait(timeout=30) in {0, -signal.SIGTERM}


def test_a_worker_that_hangs_or_died_is_gone(tmp_path: Path) -> None:
    now = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    for entry in (
        worker(number=0),
        replace(worker(number=1), updated_s=now - 6),
        replace(worker(number=2), pid=dead.pid),
        replace(worker(number=3), updated_s=now + 1000),
    ):
        status.write(tmp_path, entry)
    (tmp_path / "worker-4.json").write_text("{")
    (tmp_path / "worker-5.json").write_text('{"state": "ready", "number": 5}')
    found = status.read_all(tmp_path, time.monotonic())
    assert [(entry.number, entry.state) for entry in found] == [(0, "ready"), (1, "gone"), (2, "gone"), (3, "gone")]
    assert status.ready(found)
    assert not status.ready(found[1:])
    assert readiness(found[1:]).reason == "no worker is running"


def test_a_status_is_replaced_whole_and_removed(tmp_path: Path) -> None:
    status.write(tmp_path / "run", worker())
    status.write(tmp_path / "run", worker(WorkerState.DRAINING))
    (found,) = status.read_all(tmp_path / "run", time.monotonic())
    assert found.state is WorkerState.DRAINING
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["worker-0.json"]
    status.remove(tmp_path / "run", 0)
    status.remove(tmp_path / "run", 0)
    assert status.read_all(tmp_path / "run", time.monotonic()) == ()
