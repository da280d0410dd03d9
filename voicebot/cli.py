"""The `voicebot` command. Each command imports what it needs, so that `--help` and `check` start at once.

Exit codes: 0 done, 1 the checked thing is bad, 2 bad usage. Errors go to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from voicebot import app
from voicebot.config import ConfigError, Settings, load_settings

if TYPE_CHECKING:
    # The type has no public name, and can be subscripted by type checkers only.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

DONE, BAD, USAGE = 0, 1, 2

Command = Callable[[Settings, argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        settings = load_settings(arguments.config, os.environ)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    run: Command = arguments.run
    try:
        return run(settings, arguments)
    except app.Problem as problem:
        sys.stderr.write(f"voicebot: {problem}\n")
        return BAD
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return DONE


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="voicebot", description="A telephone voice bot on SIP.")
    top.add_argument("--config", type=Path, default=_config_from_environment(), metavar="FILE", help="configuration")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _serving(commands)
    _calling(commands)
    _dialplans(commands)
    _records(commands)
    return top


def _config_from_environment() -> Path | None:
    named = os.environ.get("VOICEBOT_CONFIG")
    return Path(named) if named else None


def _serving(commands: Subparsers) -> None:
    serve = commands.add_parser("serve", help="answer calls until SIGTERM, which drains; SIGHUP reloads the dialplans")
    # Also after the command, as one writes it. Without a default, or it would undo what stands before.
    serve.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="configuration")
    serve.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes on neighbouring ports")
    serve.set_defaults(run=app.serve)
    worker = commands.add_parser("worker", help="one worker process; started by serve")
    worker.add_argument("--number", type=_positive, default=1)
    worker.set_defaults(run=app.worker)
    web = commands.add_parser("web", help="health and metrics over HTTP; started by serve")
    web.set_defaults(run=app.web)
    drain = commands.add_parser("drain", help="let the running bot finish its calls and stop")
    drain.set_defaults(run=app.drain)
    db = commands.add_parser("db", help="the database").add_subparsers(dest="db", required=True, metavar="COMMAND")
    upgrade = db.add_parser("upgrade", help="bring the tables to this version")
    upgrade.set_defaults(run=app.db_upgrade)


def _calling(commands: Subparsers) -> None:
    demo = commands.add_parser("demo", help="a scripted caller phones the bot, interrupts it, is handed to a human")
    demo.set_defaults(run=app.demo)
    call = commands.add_parser("call", help="phone a SIP URI and say, play or press things in the order given")
    app.add_call_arguments(call)
    call.set_defaults(run=app.call)


def _dialplans(commands: Subparsers) -> None:
    check = commands.add_parser("check", help="check dialplans: file:line:column of every error")
    check.add_argument("path", type=Path, nargs="?", help="a folder or a file; default: dialplans.path")
    check.set_defaults(run=app.check)
    simulate = commands.add_parser(
        "simulate", help="run a scenario in text, without SIP; 0 only if all went as it says"
    )
    simulate.add_argument("scenario", type=Path, nargs="+", help="a YAML file; see docs/admin.md")
    simulate.add_argument("--audio", action="store_true", help="with voices and the recogniser, in virtual time")
    simulate.set_defaults(run=app.simulate)
    engines = commands.add_parser("engines", help="which engines are here, and how fast each is on this machine")
    engines.set_defaults(run=app.engines)
    route = commands.add_parser("route", help="which dialplan, policy and engines a call to NUMBER gets, and why")
    route.add_argument("number")
    route.set_defaults(run=app.route)


def _records(commands: Subparsers) -> None:
    calls = commands.add_parser("calls", help="the calls on record")
    which = calls.add_subparsers(dest="calls", required=True, metavar="COMMAND")
    listing = which.add_parser("list", help="newest first")
    listing.add_argument("--json", action="store_true", help="as a JSON array")
    listing.add_argument("--limit", type=_positive, default=50, metavar="N")
    listing.set_defaults(run=app.calls_list)
    show = which.add_parser("show", help="one call, its turns and what was said")
    show.add_argument("id")
    show.add_argument("--json", action="store_true", help="as a JSON object")
    show.set_defaults(run=app.calls_show)
    trace = commands.add_parser("trace", help="where each turn's silence went")
    trace.add_argument("id")
    trace.add_argument("--svg", type=Path, metavar="FILE", help="also draw it into a file")
    trace.set_defaults(run=app.trace)
    replay = commands.add_parser("replay", help="run a call's journal through the core again; 0 only if identical")
    replay.add_argument("id", help="the id of a call, or the path of a journal")
    replay.add_argument("--accept", action="store_true", help="take the commands of this run as the golden ones")
    replay.set_defaults(run=app.replay)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number
