"""What `voicebot check` and `voicebot route` tell. Each returns the exit code: 0 done, 1 something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from voicebot.dialplan.loading import Rule, load_dialplan
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.dialplan.registry import Dialplans, load_folder
from voicebot.dialplan.source import Fault


def check(path: Path, *more: Rule, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Check a folder of dialplans, or one of them, under `more` rules than their own.

    Print each fault as `file:line:column: key: message (remedy)`.
    """
    if path.is_dir() or not path.exists():
        loaded = load_folder(path, "", *more)
        return _verdict(loaded.faults, [*sorted(loaded.policies)], out, err)
    policy, faults = load_dialplan(path, *more)
    return _verdict(faults, [policy.name] if policy else [], out, err)


def _verdict(faults: tuple[Fault, ...], names: list[str], out: TextIO | None, err: TextIO | None) -> int:
    for fault in faults:
        print(fault, file=err or sys.stderr)
    if faults:
        return 1
    verdict = "1 dialplan is right" if len(names) == 1 else f"{len(names)} dialplans are right"
    print(f"{verdict}: {', '.join(names)}", file=out or sys.stdout)
    return 0


def explain_route(
    path: Path,
    number: str,
    engines: Callable[[Dialplan], Mapping[str, str]],
    default: str = "",
    more: Callable[[Policy], Mapping[str, str]] = lambda _policy: {},
) -> int:
    """Print which dialplan a call to `number` gets, its policy hash and `engines` by role, and why; then `more`."""
    dialplans, faults = Dialplans.load(path, default)
    if dialplans is None:
        return _verdict(faults, [], None, None)
    routed = dialplans.route(number)
    if routed is None:
        sys.stderr.write(f"{number}: no rule takes it and there is no default; such a call is refused with 404\n")
        return 1
    plan = routed.policy.dialplan
    told = {
        "number": number,
        "dialplan": routed.dialplan,
        "rule": f"{routed.rule} ({routed.why})",
        "policy": routed.policy.sha256,
        "tenant": plan.tenant,
        **engines(plan),
        "transfer": plan.transfer.target or "nobody",
        **more(routed.policy),
    }
    for name, value in told.items():
        sys.stdout.write(f"{name:<10}{value}\n")
    return 0
