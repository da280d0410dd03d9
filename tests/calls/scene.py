"""What whole calls need: a bot of one's own, its records, and waiting for things without sleeping for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from ruamel.yaml import YAML

from voicebot.core.commands import Command, Speak
from voicebot.core.events import Event, Played, Transcribed
from voicebot.journal.file import Journal, journal_paths, read_journal
from voicebot.journal.lines import Playout, Step
from voicebot.media.playout import PlayoutEntry
from voicebot.store.database import Store
from voicebot.store.records import ACTIVE, CallRecord, TurnRecord
from voicebot.testing.bot_process import BotProcess
from voicebot.testing.phone import Phone, ReferPolicy
from voicebot.testing.speech import Pcm, as_int16, read_wav

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 40.0
LOOK_S = 0.05
LEVEL = 3277.0
"""RMS of rendered speech: -20 dBFS."""

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], what: str, patience_s: float = PATIENCE_S) -> Found:
    """Look until something is there."""
    end = time.monotonic() + patience_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"did not come to pass: {what}"
        time.sleep(LOOK_S)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    text: str


class Bot(BotProcess):
    """A bot and everything that it leaves behind."""

    def dial(self, phone: Phone, number: str = "100") -> None:
        phone.dial(self.uri(number))
        phone.wait_answered()

    def journal(self, phone: Phone) -> Journal:
        """Return the journal of a phone's call as far as it is written."""
        return eventually(lambda: self._journal(phone.call_id), "a journal")

    def _journal(self, sip_call_id: str) -> Journal | None:
        for path in journal_paths(self.data_dir):
            if path.stat().st_size and (journal := read_journal(path)).header.sip_call_id == sip_call_id:
                return journal
        return None

    def steps(self, phone: Phone) -> list[Step]:
        return [line for line in self.journal(phone).lines if isinstance(line, Step)]

    def events(self, phone: Phone) -> list[Event]:
        return [step.event for step in self.steps(phone)]

    def commands(self, phone: Phone) -> list[Command]:
        return [command for step in self.steps(phone) for command in step.commands]

    def ring(self, phone: Phone) -> list[PlayoutEntry]:
        """Return what happened in the playout ring, in order."""
        logs = (line.entries for line in self.journal(phone).lines if isinstance(line, Playout))
        return [entry for entries in logs for entry in entries]

    def heard(self, phone: Phone) -> str:
        """Return all that the recogniser gave as a final text."""
        return " | ".join(e.text for e in self.events(phone) if isinstance(e, Transcribed) and e.decode)

    def began(self, phone: Phone) -> list[str]:
        """Return the texts of which at least a frame has left."""
        played = {event.speech for event in self.events(phone) if isinstance(event, Played) and event.frames}
        return [c.text for c in self.commands(phone) if isinstance(c, Speak) and c.speech in played]

    def await_spoken(self, phone: Phone, words: str, count: int = 1) -> None:
        """Wait until the bot has begun to say something that holds `words`."""
        what = f"the bot says {words!r}"
        try:
            eventually(lambda: sum(words in text for text in self.began(phone)) >= count, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said {self.began(phone)}, it heard {self.heard(phone)}") from None

    def record(self, phone: Phone) -> tuple[CallRecord, tuple[TurnRecord, ...]]:
        """Wait for the finished record of a call."""
        call_id = self.journal(phone).header.call_id
        store = Store(f"sqlite:///{self.data_dir / 'voicebot.sqlite'}")

        def finished() -> tuple[CallRecord, tuple[TurnRecord, ...]] | None:
            found = store.call(call_id)
            return found if found is not None and found[0].disposition != ACTIVE else None

        try:
            return eventually(finished, "a finished record")
        finally:
            store.close()

    def listed(self) -> list[dict[str, Any]]:
        """Return what `voicebot calls list --json` prints."""
        done = self.command("calls", "list", "--json")
        assert done.returncode == 0, done.stderr
        listed: list[dict[str, Any]] = json.loads(done.stdout)
        return listed

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `voicebot` on this bot's data."""
        return voicebot(*arguments, variables={"VOICEBOT_DATA__DIR": str(self.data_dir)})

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def await_log(self, words: str, count: int = 1) -> list[str]:
        """Wait until that many lines of the log hold `words` and return them."""

        def lines() -> list[str] | None:
            found = [line for line in self.log.read_text(errors="replace").splitlines() if words in line]
            return found if len(found) >= count else None

        return eventually(lines, f"{words!r} in the log")

    def get(self, path: str) -> Reply:
        try:
            with urllib.request.urlopen(self.web + path, timeout=10) as answer:
                return Reply(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(refused.code, refused.headers, refused.read().decode())
        except OSError as error:
            return Reply(0, Message(), str(error))

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels; `name` may give some of them."""
        lines = (line.rsplit(" ", 1) for line in self.get("/metrics").text.splitlines() if line.startswith(name))
        return sum(float(value) for _, value in lines)


def voicebot(*arguments: str, variables: Mapping[str, str], timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "voicebot", *arguments],
        env={**os.environ, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def worker_of(bot: Bot) -> int:
    (pid,) = eventually(bot.worker_pids, "a worker that takes calls")
    return pid


@contextmanager
def caller(bot: Bot, refer_policy: ReferPolicy = ReferPolicy.FOLLOW) -> Iterator[Phone]:
    """A phone whose call was answered and greeted."""
    with Phone(refer_policy=refer_policy) as phone:
        bot.dial(phone)
        assert phone.wait_bot_speaks(after_ms=0, timeout_ms=15_000) is not None
        assert phone.wait_bot_quiet(400)
        yield phone


def write_dialplans(folder: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """Write the shop's dialplan with a short greeting and `changes`, which are merged key by key."""
    yaml = YAML(typ="safe")
    plan = yaml.load(ROOT / "dialplans" / "harbor-lane.yaml")
    short = {"phrases": {"greeting": "Harbor Lane Bicycles."}}
    for change in (short, changes or {}):
        plan = _merged(plan, change)
    folder.mkdir(parents=True, exist_ok=True)
    for included in ("phrases", "policies"):
        shutil.copytree(ROOT / "dialplans" / included, folder / included, dirs_exist_ok=True)
    yaml.dump(plan, folder / "harbor-lane.yaml")
    yaml.dump({"version": 1, "routes": [], "default": "harbor-lane"}, folder / "routes.yaml")
    return folder


def _merged(below: Any, above: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    if not isinstance(below, dict) or not isinstance(above, Mapping):
        return above
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}


def rendered(program: str, voice: str, text: str, folder: Path) -> Pcm:
    """Speak a text with a voice of another program, as int16 at 8 kHz."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is missing: apt install {program}")
    spoken = folder / f"{voice}.wav"
    said = ["-t", text, "-o", str(spoken)] if program == "flite" else ["-s", "140", "-w", str(spoken), text]
    subprocess.run([program, "-voice" if program == "flite" else "-v", voice, *said], check=True)
    return levelled(read_wav(spoken))


def levelled(pcm: Pcm) -> Pcm:
    """Bring speech to a usual level on the telephone."""
    whole = pcm.astype(np.float64)
    return as_int16(whole * LEVEL / np.sqrt(np.square(whole).mean()))


def noise_burst(length_ms: int, seed: int = 1) -> Pcm:
    """A cough: noise with a sharp attack and a short decay, at most -12 dBFS."""
    samples = np.arange(length_ms * 8)
    burst = np.random.default_rng(seed).standard_normal(len(samples)) * np.exp(-samples / (len(samples) / 3))
    return as_int16(burst * 6000)
