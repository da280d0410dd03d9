"""`voicebot demo`, and what the commands that look at a call say of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.calls.scene import voicebot
from voicebot.store.database import Store

AGREEMENT_MS = 40

pytestmark = pytest.mark.slow  # a minute; `scripts/run demo` is the same


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """The output of one demo, and where its records are."""
    data_dir = tmp_path_factory.mktemp("demo")
    done = voicebot("demo", variables={"VOICEBOT_DATA__DIR": str(data_dir)}, timeout_s=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, {"VOICEBOT_DATA__DIR": str(data_dir / "demo")}


def call_id(output: str) -> str:
    found = re.search(r"trace (\S+)", output)
    assert found is not None
    return found.group(1)


def test_every_turn_is_understood_and_the_caller_reaches_a_person(demo: tuple[str, dict[str, str]]) -> None:
    output, _ = demo
    assert "asked to call" in output
    assert "transferred; the agent's phone answered" in output
    assert "was not answered as it should have been" not in output


def test_the_call_replays_identically(demo: tuple[str, dict[str, str]]) -> None:
    output, variables = demo
    done = voicebot("replay", call_id(output), variables=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "identical" in done.stdout


def test_the_trace_shows_every_turn(demo: tuple[str, dict[str, str]]) -> None:
    output, variables = demo
    done = voicebot("trace", call_id(output), variables=variables)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^ *(\d+)  caller", done.stdout, re.MULTILINE) == ["1", "2", "3", "4"], done.stdout
    assert len(re.findall(r"silence \d+ ms until the first", done.stdout)) == 4


def test_the_record_agrees_with_what_the_caller_measured(demo: tuple[str, dict[str, str]]) -> None:
    output, variables = demo
    store = Store(f"sqlite:///{Path(variables['VOICEBOT_DATA__DIR']) / 'voicebot.sqlite'}")
    found = store.call(call_id(output))
    store.close()
    assert found is not None
    measured = [int(silence) for silence in re.findall(r"\[silence (\d+) ms", output)]
    assert [turn.silence_ms for turn in found[1]] == pytest.approx(measured, abs=AGREEMENT_MS)
