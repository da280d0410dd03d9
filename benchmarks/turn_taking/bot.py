"""The bot as a process with its own engines, a telephone that calls it, and what the bot kept of each call."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from voicebot.core.commands import Layer, Note, Speak, StartBrain
from voicebot.journal.file import is_being_written, journal_paths, read_journal
from voicebot.journal.lines import Step
from voicebot.testing.bot_process import BotProcess
from voicebot.testing.phone import Phone
from voicebot.testing.speech import Pcm

DIALPLANS = Path("dialplans")
NUMBER = "100"
ANSWER_TIMEOUT_MS = 6_000
RECORD_S = 10.0
"""A call's journal is closed within this time after the call."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the bot kept of one call: its notes, its answers as it meant to say them, and the dialogue as heard."""

    notes: tuple[str, ...]
    meant: str
    heard: tuple[str, ...]
    """The bot's lines, the greeting first."""


@contextmanager
def running(dialplans: Path, environment: Mapping[str, str] | None = None) -> Iterator[BotProcess]:
    """Start a bot on `dialplans`, a folder of its own; stop it and leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="voicebot-bench-"))
    variables = {"VOICEBOT_DIALPLANS__PATH": str(dialplans), **(environment or {})}
    try:
        with BotProcess(folder, variables) as bot:
            yield bot
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(dialplans.parent, ignore_errors=True)


def playbook_dialplans() -> Path:
    """Return the demo's dialplans with a connector that takes its time."""
    return _dialplans(lambda text: text.replace("voicebot.tools.demo_orders", "benchmarks.turn_taking.slow_orders"))


def llm_dialplans() -> Path:
    """Return the demo's dialplan with a language model for a brain, which may say what it likes."""
    brain = "brain: {engine: openai, model: stub}\n"
    return _dialplans(lambda text: text.replace("\nphrases:\n", f"\n{brain}\nphrases:\n", 1))


def _dialplans(changed: Callable[[str], str]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="voicebot-bench-")) / "dialplans"
    shutil.copytree(DIALPLANS, folder)
    plan = folder / "harbor-lane.yaml"
    plan.write_text(changed(plan.read_text()))
    return folder


@contextmanager
def calling(bot: BotProcess) -> Iterator[Phone]:
    """Dial, and let the greeting pass."""
    with Phone() as phone:
        phone.dial(bot.uri(NUMBER))
        phone.wait_answered()
        phone.wait_bot_speaks(0.0, ANSWER_TIMEOUT_MS)
        phone.wait_bot_quiet(500)
        yield phone


def ask(phone: Phone, pcm: Pcm) -> None:
    """Ask and listen to the whole answer."""
    end_ms = phone.say(pcm).end_ms
    phone.wait_bot_speaks(end_ms, ANSWER_TIMEOUT_MS)
    phone.wait_bot_quiet(1_500)


def record_of(bot: BotProcess, sip_call_id: str) -> Record:
    """Read a call's journal once it is closed. Raises TimeoutError."""
    give_up = time.monotonic() + RECORD_S
    while time.monotonic() < give_up:
        for path in reversed(list(journal_paths(bot.data_dir))):
            if is_being_written(path):
                continue
            journal = read_journal(path)
            if journal.header.sip_call_id == sip_call_id:
                return _summed(tuple(entry for entry in journal.lines if isinstance(entry, Step)))
        time.sleep(0.1)
    raise TimeoutError(f"the bot has no journal of the call {sip_call_id}")


def _summed(steps: tuple[Step, ...]) -> Record:
    notes: list[str] = []
    meant: list[str] = []
    heard: tuple[str, ...] = ()
    for command in (command for step in steps for command in step.commands):
        if isinstance(command, Note):
            notes.append(command.mark)
        elif isinstance(command, Speak) and command.layer is Layer.ANSWER and "barge_in" not in notes:
            meant.append(command.text)
        elif isinstance(command, StartBrain):
            heard = tuple(entry.text for entry in command.history if entry.speaker == "bot")
    return Record(tuple(notes), " ".join(meant), heard)
