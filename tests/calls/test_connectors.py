"""Connectors in whole calls: over HTTP and MCP, before the first word, on record."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, eventually
from voicebot.core.commands import StartBrain
from voicebot.testing.shop_server import ShopServer, shop_server
from voicebot.testing.speech import line

MCP_SERVER = str(Path(__file__).parents[1] / "tools" / "mcp_shop.py")


@pytest.fixture(scope="module")
def service() -> Iterator[ShopServer]:
    with shop_server() as running:
        yield running


@pytest.fixture(scope="module")
def bot(start_bot: StartBot, service: ShopServer) -> Bot:
    connectors = {
        "order_status": {
            "entry": None,
            "http": {
                "url": f"{service.url}/orders/{{order_number}}",
                "headers": {"Authorization": "Bearer ${SHOP_TOKEN}"},
                "result": {"outcome": "'packing'", "ships_on": "'2026-11-30'"},
            },
        },
        "customer": {
            "mcp": {"command": sys.executable, "args": [MCP_SERVER], "tool": "order", "result": {"day": "eta.day"}},
            "parameters": {"number": {"type": "string"}},
            "redact": ["number"],
        },
    }
    lookups = {"caller": {"connector": "customer", "arguments": {"number": "{caller}"}}}
    return start_bot({"connectors": connectors, "lookups": lookups}, SHOP_TOKEN="hush")


def test_an_order_is_found_over_http_and_who_calls_is_known(bot: Bot, service: ShopServer) -> None:
    with caller(bot) as phone:
        phone.say(line("order_48213"))
        bot.await_spoken(phone, "being packed")
        phone.hang_up()
        call, _ = bot.record(phone)
        runs = [command for command in bot.commands(phone) if isinstance(command, StartBrain)]
    assert runs[-1].known == (("caller", '{"day":"Friday"}'),)
    assert [request.path for request in service.requests] == ["/orders/48213"]
    assert service.requests[0].headers["authorization"] == "Bearer hush"

    def audited() -> list[dict[str, object]] | None:
        shown = json.loads(bot.command("calls", "show", call.id, "--json").stdout)
        return shown["connectors"] if len(shown["connectors"]) > 1 else None

    looked_up, found = eventually(audited, "the audit")
    assert (looked_up["connector"], looked_up["turn"], looked_up["arguments"]) == (
        "customer",
        0,
        '{"number": "[REDACTED]"}',
    )
    assert (found["connector"], found["outcome"], found["side_effect"]) == ("order_status", "packing", "none")
    traced = bot.command("trace", call.id).stdout
    assert "connector call 1, customer: running at" in traced
    assert "connector call 2, order_status: running at" in traced
    assert "done at" in traced
    assert "hush" not in bot.log.read_text()
