"""A connector that takes ten seconds: what the caller hears of it, when it is given up, and what it leads to."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from voicebot.asr.moonshine import MoonshineEngine
from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.core.commands import CallTool, Command, Note
from voicebot.dialplan.loading import load_dialplan
from voicebot.journal.file import is_being_written, journal_paths, read_journal
from voicebot.journal.lines import Step
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, whole_frames
from voicebot.media.resample import Resampler
from voicebot.testing.bot_process import BotProcess
from voicebot.testing.fake_tts import FakeTts
from voicebot.testing.phone import Phone, ReferPolicy
from voicebot.testing.shop_server import Fault, ShopServer, shop_server
from voicebot.testing.speech import line
from voicebot.testing.stepped_asr import Decoder
from voicebot.testing.stepped_call import Latencies, Parts, SteppedCall, Voice

PLAN = Path("dialplans/harbor-lane.yaml")
QUESTION = "order_48213"
CONNECTOR_MS = 10_000
TURNS = 3
"""As many as it takes until repeated violations have consequences."""
FIRST_AUDIO_MS = 700
LATE_MS = 50
"""How much later than the hard deadline a call may be given up."""
REASON = "BUDGET_VIOLATIONS"
PATIENCE_MS = 15_000
QUIET_MS = 3_500
"""Silence that is longer than any inside a turn: the bot is done."""


@dataclass(frozen=True, slots=True)
class Found:
    """What some calls came to. Times in ms."""

    first_audio_ms: Sequence[float]
    """From the last voiced sample of each turn to the first sound of the bot."""
    given_up_ms: Sequence[int]
    """From each connector call to its end, less its hard deadline."""
    reasons: Sequence[str]
    """Why each phone call was handed over."""

    def told(self, name: str) -> bool:
        """Print it; tell whether it is good enough."""
        worst, late = max(self.first_audio_ms), max(map(abs, self.given_up_ms))
        print(
            f"{name:<8} {len(self.reasons)} calls, {len(self.first_audio_ms)} turns with a connector of 10 s:"
            f" first audio p50 {np.median(self.first_audio_ms):.0f} ms, worst {worst:.0f} ms;"
            f" given up within {late} ms of the hard deadline; handed over for {', '.join(sorted(set(self.reasons)))}"
        )
        return worst <= FIRST_AUDIO_MS and late <= LATE_MS and set(self.reasons) == {REASON}


def stepped() -> bool:
    """A call in stepped time, with the real detector, recogniser, playbook and core."""
    policy, faults = load_dialplan(PLAN)
    if policy is None:
        raise SystemExit("\n".join(map(str, faults)))
    brain = PlaybookBrain(policy)
    brain.warm_up()
    engine = MoonshineEngine()
    phrases = replace(policy.call.phrases, greeting="")
    transfer = replace(policy.call.transfer, target="sip:agents@example.org")
    rules = replace(policy.call, phrases=phrases, transfer=transfer)
    latencies = Latencies(tool_ms=CONNECTOR_MS)
    call = SteppedCall(Parts(policy, Decoder(engine), brain, Voice(FakeTts()), latencies=latencies, rules=rules))
    call.start()
    first_audio_ms = []
    for _ in range(TURNS):
        spoke_ms = _ask(call)
        _, turn = call.notes("turn")[-1]
        ended_ms = int(dict(turn.fields)["ended_ms"])
        first_audio_ms.append(next(at_ms for at_ms in spoke_ms if at_ms > ended_ms) - ended_ms)
    engine.close()
    return Found(first_audio_ms, *_course(call.commands)).told("stepped")


def _ask(call: SteppedCall) -> list[int]:
    """Ask for an order and listen until the bot is done; return when it was heard."""
    noise = np.random.default_rng(3).integers(-8, 9, 8 * (CONNECTOR_MS + QUIET_MS)).astype(np.int16)
    audio = whole_frames(Resampler(8_000, SAMPLE_RATE).process(np.concatenate((line(QUESTION), noise))))
    heard = []
    for at in range(0, len(audio), FRAME_BYTES):
        if call.tick(audio[at : at + FRAME_BYTES]) is not None:
            heard.append(call.now_ms)
        elif heard and call.now_ms - heard[-1] > QUIET_MS:
            break
    return heard


def _course(commands: Sequence[tuple[int, Command]]) -> tuple[list[int], list[str]]:
    """Return how far from its hard deadline each connector call was given up, and the reasons for handoffs."""
    due_ms = {command.call: command.deadline_ms for _, command in commands if isinstance(command, CallTool)}
    notes = [(at_ms, note.mark, dict(note.fields)) for at_ms, note in commands if isinstance(note, Note)]
    given_up_ms = [at_ms - due_ms[int(fields["call"])] for at_ms, mark, fields in notes if mark == "tool_failed"]
    return given_up_ms, [str(fields["reason"]) for _, mark, fields in notes if mark == "handoff_started"]


def on_the_wire(calls: int) -> bool:
    """Some calls to the real bot, whose connector is an HTTP service that takes ten seconds."""
    first_audio_ms: list[float] = []
    with shop_server() as service, _bot(service) as bot:
        service.slow_s = CONNECTOR_MS / 1000
        service.faults = deque([Fault.SLOW] * calls * TURNS * 2)
        for _ in range(calls):
            first_audio_ms += _phone(bot)
        courses = [_course(commands) for commands in _journals(bot)]
    given_up_ms = [late for course, _ in courses for late in course]
    reasons = [reason for _, course in courses for reason in course]
    return Found(first_audio_ms, given_up_ms, reasons).told("wire") and len(reasons) == calls


def _phone(bot: BotProcess) -> list[float]:
    with Phone(refer_policy=ReferPolicy.DECLINE) as phone:
        phone.dial(bot.uri("100"))
        phone.wait_answered()
        phone.wait_bot_speaks(0.0, PATIENCE_MS)
        phone.wait_bot_quiet(500)
        for _ in range(TURNS):
            end_ms = phone.say(line(QUESTION)).end_ms
            phone.wait_bot_speaks(end_ms, PATIENCE_MS)
            phone.wait_bot_quiet(QUIET_MS)
        phone.hang_up()
        return [float(turn.silence_ms or PATIENCE_MS) for turn in phone.turns()[-TURNS:]]


def _journals(bot: BotProcess) -> Iterator[list[tuple[int, Command]]]:
    for path in journal_paths(bot.data_dir):
        if not is_being_written(path):
            steps = (step for step in read_journal(path).lines if isinstance(step, Step))
            yield [(step.now_ms, command) for step in steps for command in step.commands]


@contextmanager
def _bot(service: ShopServer) -> Iterator[BotProcess]:
    folder = Path(tempfile.mkdtemp(prefix="voicebot-bench-"))
    plans = folder / "dialplans"
    shutil.copytree("dialplans", plans)
    yaml = YAML()
    plan = yaml.load(plans / "harbor-lane.yaml")
    plan["phrases"]["greeting"] = "Harbor Lane Bicycles."
    plan["transfer"]["target"] = "sip:agents@127.0.0.1"
    connector = plan["connectors"]["order_status"]
    del connector["entry"]
    connector["http"] = {"url": f"{service.url}/orders/{{order_number}}"}
    connector["breaker"] = {"failures": 100}
    yaml.dump(plan, plans / "harbor-lane.yaml")
    try:
        with BotProcess(folder / "data", {"VOICEBOT_DIALPLANS__PATH": str(plans)}) as bot:
            yield bot
    finally:
        shutil.rmtree(folder, ignore_errors=True)
