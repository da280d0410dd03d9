"""Starts that cannot succeed: one line that names the thing and the remedy, and exit code 1."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.calls.scene import voicebot, write_dialplans
from voicebot.testing.bot_process import HOST, free_port

Serve = Callable[..., str]


@pytest.fixture
def failing_start(tmp_path: Path) -> Serve:
    """Run `voicebot serve` with settings of one's own, demand exit code 1, and return what it printed."""

    def serve(**variables: str) -> str:
        settings = {
            "VOICEBOT_SIP__PORT": str(free_port(socket.SOCK_DGRAM)),
            "VOICEBOT_WEB__PORT": str(free_port(socket.SOCK_STREAM)),
            "VOICEBOT_DATA__DIR": str(tmp_path / "data"),
            "VOICEBOT_DIALPLANS__PATH": str(tmp_path / "dialplans"),
        }
        if not (tmp_path / "dialplans").exists():
            write_dialplans(tmp_path / "dialplans")
        done = voicebot("serve", variables={**settings, **variables})
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    return serve


def test_a_busy_sip_port(failing_start: Serve) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        said = failing_start(VOICEBOT_SIP__PORT=str(port))
    (told,) = [text for text in said.splitlines() if text.startswith("voicebot:")]
    assert f"{HOST}:{port}" in told
    assert "sip.port" in told


def test_a_broken_dialplan(failing_start: Serve, tmp_path: Path) -> None:
    file = write_dialplans(tmp_path / "dialplans") / "harbor-lane.yaml"
    file.write_text(f"{file.read_text()}\ngreting: hello\n")
    number = len(file.read_text().splitlines())
    assert f"harbor-lane.yaml:{number}:1" in failing_start()


def test_an_end_of_turn_model_that_is_not_there(failing_start: Serve, tmp_path: Path) -> None:
    file = write_dialplans(tmp_path / "dialplans") / "harbor-lane.yaml"
    file.write_text(f"{file.read_text()}\nendpointing: {{model: nowhere.onnx}}\n")
    said = failing_start()
    assert "endpointing.model: 'nowhere.onnx' is not there" in said
    assert "correct the path, or leave the key out" in said


def test_a_data_directory_that_cannot_be_written(failing_start: Serve) -> None:
    said = failing_start(VOICEBOT_DATA__DIR="/proc")
    assert "data.dir /proc" in said
    assert "choose a directory that can be written" in said


def test_a_key_that_an_engine_needs(failing_start: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for role in ("asr", "brain", "tts"):
        write_dialplans(tmp_path / "dialplans", {role: {"engine": "openai", "model": "any"}})
        assert "OPENAI_API_KEY" in failing_start(), role


def test_a_database_that_nobody_has_a_driver_for(failing_start: Serve) -> None:
    assert "store.url" in failing_start(VOICEBOT_STORE__URL="nonesuch://localhost/calls")
