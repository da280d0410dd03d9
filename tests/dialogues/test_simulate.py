"""`voicebot simulate`: its verdicts and its errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.testing.simulate_command import simulate

HEAD = "version: 1\ndialplan: harbor-lane\nat: 2026-11-20T12:00\nturns:\n"
DIALPLANS = Path("dialplans")


def told(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    file = folder / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    code = simulate([file], DIALPLANS, audio=False)
    captured = capsys.readouterr()
    return code, captured.out, captured.err.replace(str(folder), "")


def test_a_dialogue_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(HEAD + "  - {caller: where is order 48213, bot: shipped}\n", tmp_path, capsys)
    assert (code, err) == (0, "")
    assert "caller: where is order 48213\n  bot:    Order four, eight, two, one, three was shipped on Friday." in out
    assert '(order_status {"order_number":"48213"})' in out


@pytest.mark.parametrize(
    ("turns", "fault"),
    [
        ("  - {caller: hello, bot: goodbye}\n", "/scenario.yaml: turns[0].bot: 'goodbye' is not in 'Hello. How"),
        ("  - {caller: hello, never: help}\n", "/scenario.yaml: turns[0].never: 'help' is in"),
        ("  - {caller: hello}\nends: goodbye\n", "/scenario.yaml: ends: 'open', not 'goodbye'"),
        ("  - {caller: goodbye}\n  - {caller: hello}\nends: goodbye\n", "turns[1]: the call is over before it"),
        ("  - {caller: hello}\ndone: [{connector: book_appointment}]\n", "done: nothing, not book_appointment {}"),
        ("  - {caller: hello, keyz: '1'}\n", "/scenario.yaml:5:21: turns[0].keyz: this key is not known"),
        (
            "  - {caller: hello, keys: '1'}\n",
            "/scenario.yaml:5:5: turns[0]: a turn is one of caller, keys and silent_s",
        ),
        ("  []\n", "/scenario.yaml:4:1: turns: must not be empty"),
    ],
)
def test_what_is_wrong_is_told(turns: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(HEAD + turns, tmp_path, capsys)
    assert code == 1
    assert fault in err


def test_a_dialplan_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(HEAD.replace("lane", "line") + "  - {caller: hello}\n", tmp_path, capsys)
    assert code == 1
    assert "dialplan: there is no dialplan 'harbor-line' in dialplans (did you mean 'harbor-lane'?)" in err
