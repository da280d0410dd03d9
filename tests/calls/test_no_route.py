"""Numbers that no dialplan takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import write_dialplans
from voicebot.testing.phone import CallFailed, Phone


def test_a_number_that_no_rule_names_is_refused_with_404_and_counted(start_bot: StartBot, tmp_path: Path) -> None:
    folder = write_dialplans(tmp_path / "dialplans")
    (folder / "routes.yaml").write_text("version: 1\nroutes: [{prefix: '+1', dialplan: harbor-lane}]\n")
    bot = start_bot(VOICEBOT_DIALPLANS__PATH=str(folder))
    with Phone() as stranger, pytest.raises(CallFailed) as failed:
        bot.dial(stranger)
    assert failed.value.code == 404
    assert 'voicebot_refused_calls_total{reason="no_route"} 1.0' in bot.get("/metrics").text
    with Phone() as phone:
        bot.dial(phone, "+15550100")
