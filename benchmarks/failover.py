"""An engine fails in mid-call: `scripts/bench failover [--trials N] [--only ROLE,...] [--faults NAME,...]`.

A bot whose first engine in each role is a server on loopback, with the embedded ones behind it. In each trial a caller
is greeted, the server's part in one role starts to misbehave, and the caller asks a question. What counts is the
caller's ear: the silence until the bot speaks, the longest hole inside what it says, and whether the trace names the
engine that failed and the one that took over. The breakers are kept from helping: every trial meets the fault anew.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from benchmarks.turn_taking.stimuli import spoken
from voicebot.journal.file import is_being_written, journal_paths, read_journal
from voicebot.journal.turn_taking import turn_taking_of
from voicebot.testing.bot_process import BotProcess
from voicebot.testing.openai_server import Fault, OpenAiServer, Reply, Service
from voicebot.testing.phone import Phone, ReferPolicy

AT_ONCE = 3
"""Calls that meet a fault together: as many as one worker holds."""
QUESTION = "How much does express shipping cost?"
VOICES = ("rms", "slt", "awb")
ANSWER = "Express shipping costs fourteen dollars, and it comes to your door on the next working day."
TARGET_MS = 2_500
ANSWER_TIMEOUT_MS = 10_000
FAULTS = {
    Service.ASR: (Fault.STALL, Fault.ERR500, Fault.RESET),
    Service.CHAT: (Fault.STALL, Fault.ERR500, Fault.RESET, Fault.MIDSTALL, Fault.MIDRESET),
    Service.SPEECH: (Fault.STALL, Fault.ERR500, Fault.RESET, Fault.MIDSTALL, Fault.MIDRESET),
}
ROLES = {Service.ASR: "asr", Service.CHAT: "brain", Service.SPEECH: "tts"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What one caller met. Times in ms; `silence_ms` is None when the bot said nothing more."""

    silence_ms: float | None
    gap_ms: float
    call_id: str


def main() -> int:
    """Run the faults that were asked for; 1 when a caller waited longer than the target or a trace is silent."""
    arguments = _arguments()
    good = True
    with OpenAiServer(replies=[Reply(ANSWER)], transcript=QUESTION, speech_ms=1_000) as server, _bot(server) as bot:
        print(
            f"{'role':<6} {'fault':<9} {'trials':>6} {'silence p50':>12} {'worst':>7} {'worst gap':>10}  in the trace"
        )
        for service in (service for service in FAULTS if ROLES[service] in arguments.only):
            for fault in (fault for fault in FAULTS[service] if fault in arguments.faults):
                good = _fault(bot, server, service, fault, arguments.trials) and good
    return 0 if good else 1


def _fault(bot: BotProcess, server: OpenAiServer, service: Service, fault: Fault, count: int) -> bool:
    trials: list[Trial] = []
    while len(trials) < count:
        trials += _together(bot, server, service, fault, min(AT_ONCE, count - len(trials)))
    told = sum(_is_told(bot, trial.call_id, ROLES[service]) for trial in trials)
    heard = [trial.silence_ms for trial in trials if trial.silence_ms is not None]
    worst_ms, gap_ms = max(heard, default=float("inf")), max(trial.gap_ms for trial in trials)
    print(
        f"{ROLES[service]:<6} {fault:<9} {len(trials):>6} {np.median(heard or [np.inf]):>9.0f} ms {worst_ms:>4.0f} ms"
        f" {gap_ms:>7.0f} ms  {told} of {len(trials)}",
        flush=True,
    )
    return len(heard) == len(trials) == told and max(worst_ms, gap_ms) <= TARGET_MS


def _together(bot: BotProcess, server: OpenAiServer, service: Service, fault: Fault, count: int) -> list[Trial]:
    """Let some callers meet the fault at the same time."""
    greeted = threading.Barrier(count, lambda: server.fault(service, fault))
    with ThreadPoolExecutor(count) as callers:
        running = [callers.submit(_call, bot, greeted, VOICES[number]) for number in range(count)]
        trials = [call.result() for call in running]
    server.fault(service, Fault.NONE)
    return trials


def _call(bot: BotProcess, greeted: threading.Barrier, voice: str) -> Trial:
    with Phone(refer_policy=ReferPolicy.DECLINE) as phone:
        phone.dial(bot.uri("100"))
        phone.wait_answered()
        phone.wait_bot_speaks(0.0, ANSWER_TIMEOUT_MS)
        phone.wait_bot_quiet(500)
        greeted.wait(60)
        end_ms = phone.say(spoken(voice, QUESTION).pcm).end_ms
        phone.wait_bot_speaks(end_ms, ANSWER_TIMEOUT_MS)
        phone.wait_bot_quiet(TARGET_MS)
        phone.hang_up()
        turn = phone.turns()[-1]
        return Trial(turn.silence_ms, max(turn.gaps_ms, default=0.0), phone.call_id)


def _is_told(bot: BotProcess, sip_call_id: str, role: str) -> bool:
    """Whether the call's trace names the engine that failed and the one that took over."""
    for path in reversed(list(journal_paths(bot.data_dir))):
        if is_being_written(path) or (journal := read_journal(path)).header.sip_call_id != sip_call_id:
            continue
        told = [text for turn in turn_taking_of(journal.lines).values() for text in turn.engines]
        return any(text.startswith(f"{role} openai failed") for text in told) and any(
            text.startswith(f"{role} ") and text.endswith("took over") for text in told
        )
    return False


@contextmanager
def _bot(server: OpenAiServer) -> Iterator[BotProcess]:
    folder = Path(tempfile.mkdtemp(prefix="voicebot-bench-"))
    plans = folder / "dialplans"
    shutil.copytree("dialplans", plans)
    yaml = YAML()
    plan = yaml.load(plans / "harbor-lane.yaml")
    plan["phrases"]["greeting"] = "Harbor Lane Bicycles."
    plan |= {role: {"engine": "openai", "model": "any"} for role in ROLES.values()}
    yaml.dump(plan, plans / "harbor-lane.yaml")
    variables = {
        "VOICEBOT_DIALPLANS__PATH": str(plans),
        "VOICEBOT_FAILOVER__FAILURES": "100",
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": "none",
    }
    try:
        with BotProcess(folder / "data", variables) as bot:
            yield bot
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench failover", description=__doc__)
    parser.add_argument("--trials", type=int, default=20, help="of each fault")
    faults = tuple(dict.fromkeys(fault for faults in FAULTS.values() for fault in faults))
    parser.add_argument("--faults", type=lambda text: tuple(text.split(",")), default=faults)
    parser.add_argument("--only", type=lambda text: tuple(text.split(",")), default=tuple(ROLES.values()))
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
