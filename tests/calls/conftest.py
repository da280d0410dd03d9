"""Bots for whole calls. Every call that a test makes is replayed when its bot is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.calls.scene import Bot, write_dialplans
from voicebot.dialplan.policy import Policy
from voicebot.journal.file import journal_paths, read_journal
from voicebot.journal.recording import policy_path
from voicebot.journal.replay import replay
from voicebot.testing.phone import AgentPhone

StartBot = Callable[..., Bot]


@pytest.fixture(scope="session")
def speech_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of rendered phrases for all bots, so that only the first has to render them."""
    return tmp_path_factory.mktemp("speech")


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentPhone]:
    with AgentPhone() as phone:
        yield phone


@pytest.fixture(scope="module")
def start_bot(tmp_path_factory: pytest.TempPathFactory, speech_cache: Path, agent: AgentPhone) -> Iterator[StartBot]:
    """Start a bot on the shop's dialplan with `changes` and the files of the folder `beside`.

    `variables` are added to its environment.
    """
    bots: list[Bot] = []
    with ExitStack() as running:

        def start(changes: Mapping[str, Any] | None = None, beside: Path | None = None, **variables: str) -> Bot:
            data_dir = tmp_path_factory.mktemp("bot") / "data"
            (data_dir / "cache").mkdir(parents=True)
            (data_dir / "cache" / "speech").symlink_to(speech_cache)
            folder = write_dialplans(data_dir.parent / "dialplans", changes)
            if beside is not None:
                shutil.copytree(beside, folder, dirs_exist_ok=True)
            settings = {
                "VOICEBOT_AGENT_URI": agent.uri,
                "VOICEBOT_DIALPLANS__PATH": str(folder),
                "VOICEBOT_DRAIN__LIMIT_S": "5",
            }
            bot = Bot(data_dir, {**settings, **variables})
            bots.append(bot)
            return running.enter_context(bot)

        yield start
    for bot in bots:
        assert_calls_replay(bot.data_dir)


@pytest.fixture(scope="module")
def bot(start_bot: StartBot) -> Bot:
    """The bot of a module whose tests leave it as it is."""
    return start_bot()


def assert_calls_replay(data_dir: Path) -> None:
    """Demand that every call of a bot does the same again, as far as its journal goes."""
    for path in journal_paths(data_dir):
        journal = read_journal(path)
        text = policy_path(data_dir, journal.header.policy_hash).read_text(encoding="utf-8")
        report = replay(journal, Policy.from_json(text).call)
        assert report.identical, str(report)
        assert journal.end is None or journal.end.replayable, f"{path} is marked as not replayable"
