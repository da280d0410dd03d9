"""What `voicebot simulate` tells. Exit codes as of every command: 0 done, 1 something is wrong."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.rules import nearest
from voicebot.dialplan.source import Fault, Mark
from voicebot.testing.scenario import Scenario, load_scenario
from voicebot.testing.simulation import Outcome, run, text_call
from voicebot.testing.text_call import NoAnswer
from voicebot.tools.toolbox import DialplanToolbox

DONE, BAD = 0, 1

CALENDAR = "VOICEBOT_DEMO_CALENDAR"
"""Where the demo shop keeps its appointments: each scenario begins with a calendar of its own."""


def simulate(files: Iterable[Path], dialplans: Path, *, audio: bool) -> int:
    """Run scenarios, print each dialogue and what is wrong with it."""
    wrong = [file for file in files if not _right(file, dialplans, audio=audio)]
    return BAD if wrong else DONE


def _right(file: Path, dialplans: Path, *, audio: bool) -> bool:
    scenario, faults = load_scenario(file)
    policy = None
    if scenario is not None:
        policy, faults = load_policy(scenario, file, dialplans)
    if scenario is None or policy is None:
        for fault in faults:
            sys.stderr.write(f"{fault}\n")
        return False
    sys.stdout.write(f"{file}: {scenario.about or scenario.dialplan}\n")
    try:
        outcome = simulated(scenario, policy, audio=audio)
    except NoAnswer as error:
        outcome = Outcome(wrong=[str(error)])
    for line in outcome.lines:
        sys.stdout.write(f"  {line}\n")
    for what in outcome.wrong:
        sys.stderr.write(f"{file}: {what}\n")
    return not outcome.wrong


def load_policy(scenario: Scenario, file: Path, dialplans: Path) -> tuple[Policy | None, tuple[Fault, ...]]:
    """Read the dialplan that a scenario names, or tell what is wrong."""
    path = dialplans / f"{scenario.dialplan}.yaml"
    if path.is_file():
        return load_dialplan(path)
    known = sorted(each.stem for each in dialplans.glob("*.yaml"))
    message = f"there is no dialplan {scenario.dialplan!r} in {dialplans}"
    return None, (Fault(Mark(str(file)), "dialplan", message, nearest(scenario.dialplan, known)),)


def simulated(scenario: Scenario, policy: Policy, *, audio: bool = False) -> Outcome:
    """Run one scenario with the playbook, in text or with voices."""
    with own_calendar(), closing(DialplanToolbox(policy)) as toolbox:
        if audio:
            from voicebot.testing.audio_call import audio_call  # noqa: PLC0415 - it loads engines that text does not need

            with audio_call(scenario, policy, toolbox) as spoken:
                return run(scenario, policy, spoken)
        with text_call(scenario, policy, toolbox) as written:
            return run(scenario, policy, written)


@contextmanager
def own_calendar() -> Iterator[None]:
    """Let the demo shop's connectors keep their appointments in a file that is gone afterwards."""
    before = os.environ.get(CALENDAR)
    with tempfile.TemporaryDirectory(prefix="voicebot-simulate-") as folder:
        os.environ[CALENDAR] = str(Path(folder) / "calendar.sqlite")
        try:
            yield
        finally:
            if before is None:
                del os.environ[CALENDAR]
            else:
                os.environ[CALENDAR] = before
