"""A result that is kept for the next question, on a shared server, and what `voicebot cache` says and does about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, eventually, voicebot
from voicebot.testing.redis_server import RedisServer, no_redis
from voicebot.testing.speech import line

KEY = "thirty-two characters and some more"
CACHE = {"ttl_s": 600, "sensitivity": "personal", "outcomes": ["shipped", "in_workshop"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if reason := no_redis():
        pytest.skip(reason)
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


def cache(bot: Bot, *arguments: str, url: str) -> tuple[int, str]:
    variables = {"VOICEBOT_DATA__DIR": str(bot.data_dir), "VOICEBOT_CACHE__URL": url, "VOICEBOT_CACHE__KEY": KEY}
    done = voicebot("cache", *arguments, variables=variables)
    return done.returncode, done.stdout + done.stderr


def figures(bot: Bot, *arguments: str, url: str) -> dict[str, Any]:
    code, text = cache(bot, "stats", "--json", *arguments, url=url)
    assert code == 0, text
    found: dict[str, Any] = json.loads(text)
    return found


def test_an_order_is_looked_up_once_and_forgotten_on_demand(start_bot: StartBot, server: RedisServer) -> None:
    changes = {"connectors": {"order_status": {"cache": CACHE}}}
    bot = start_bot(changes, VOICEBOT_CACHE__URL=server.url, VOICEBOT_CACHE__KEY=KEY)
    with caller(bot) as phone:
        for _ in range(2):
            phone.say(line("order_48213"))
            bot.await_spoken(phone, "Order four, eight, two, one, three")
            phone.wait_bot_quiet(500)
        phone.hang_up()

    def kept() -> dict[str, Any] | None:
        told = figures(bot, "--kind", "connectors", url=server.url)
        return told if told["caches"] and told["caches"][0]["hit"] else None

    told = eventually(kept, "the figures of the last second")
    (row,) = told["caches"]
    assert (row["tenant"], row["miss"], row["stored"], row["hit"], row["failed"]) == ("harbor-lane", 1, 1, 1, 0)
    assert told["shared"] == {"connectors": 1}
    assert bot.metric('voicebot_cache_events_total{kind="connectors",outcome="hit"}') == 1
    assert figures(bot, "--kind", "connectors", "--tenant", "nobody", url=server.url)["shared"] == {"connectors": 0}

    code, text = cache(bot, "clear", "--kind", "connectors", "--tenant", "harbor-lane", url=server.url)
    assert (code, text) == (0, "cleared connectors of harbor-lane: 0 entries in 1 workers, 1 shared\n")
    assert figures(bot, "--kind", "connectors", url=server.url)["shared"] == {"connectors": 0}

    code, text = cache(bot, "stats", url=server.url)
    assert code == 0
    assert text.splitlines()[0].split()[:3] == ["kind", "tenant", "hit"]

    server.stop()
    code, text = cache(bot, "clear", url=server.url)
    assert code == 1
    assert "the shared cache does not answer" in text
    code, text = cache(bot, "stats", url=server.url)
    assert code == 1
    assert "tts" in text
    with caller(bot) as phone:
        phone.say(line("order_48213"))
        bot.await_spoken(phone, "Order four, eight, two, one, three")
        phone.hang_up()


def test_without_a_bot_there_is_nothing_to_tell(tmp_path: Path) -> None:
    variables = {"VOICEBOT_DATA__DIR": str(tmp_path)}
    told = voicebot("cache", "stats", variables=variables)
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, f"no worker serves from {tmp_path}")
    cleared = voicebot("cache", "clear", "--tenant", "shop", variables=variables)
    assert cleared.returncode == 0
    assert "cleared all caches of shop: 0 entries in 0 workers, 0 shared" in cleared.stdout
    assert "rendered speech is no tenant's" in cleared.stdout
