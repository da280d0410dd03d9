"""Wiring: what each command of `voicebot` is made of.

Imports are inside the functions, so that each command pays only for its own.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voicebot.config import Settings

if TYPE_CHECKING:
    from voicebot.store.database import Store


class Problem(Exception):
    """Something that the user must mend; the message names it and the remedy."""


def serve(settings: Settings, arguments: argparse.Namespace) -> int:
    """Answer calls until SIGTERM."""
    from voicebot.telemetry import logs, multiprocess

    logs.configure(settings.log.level, settings.log.format)
    _prepare_data(settings)
    multiprocess.prepare(settings.data.dir)
    from voicebot.runtime.supervisor import AlreadyRunning, Supervisor

    config = () if arguments.config is None else ("--config", str(arguments.config))
    supervisor = Supervisor(
        data_dir=settings.data.dir,
        workers=[(*config, "worker", "--number", str(number)) for number in range(1, arguments.workers + 1)],
        web=(*config, "web"),
        drain_limit_s=settings.drain.limit_s,
    )
    try:
        return supervisor.run()
    except AlreadyRunning as error:
        raise Problem(str(error)) from error


def _prepare_data(settings: Settings) -> None:
    """Bring the database up to date and carry in what an earlier process left.

    A database that is gone is no reason not to answer the phone.
    """
    import logging
    import tempfile

    from voicebot.journal.reconcile import reconcile
    from voicebot.store.database import StoreUnavailable
    from voicebot.store.upgrade import prepare

    try:
        settings.data.dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.data.dir):
            pass
    except OSError as error:
        raise Problem(
            f"data.dir {settings.data.dir}: {error.strerror}: choose a directory that can be written"
        ) from error
    with _store(settings) as store:
        try:
            prepare(store)
            reconcile(settings.data.dir, store)
        except StoreUnavailable as error:
            logging.getLogger(__name__).warning(
                "store unavailable, calls are kept in their journals until it is back", extra={"reason": str(error)}
            )


def worker(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run one worker process."""
    from voicebot.telemetry import logs

    logs.configure(settings.log.level, settings.log.format)
    _end_with_parent()
    from voicebot.dialplan.registry import Dialplans
    from voicebot.journal.writer import JournalWriter
    from voicebot.runtime.engine_room import EngineUnavailable
    from voicebot.runtime.worker import Worker, WorkerPlace
    from voicebot.sip.user_agent import SipStartFailed
    from voicebot.store.database import Store

    dialplans, faults = Dialplans.load(settings.dialplans.path, settings.dialplans.default)
    if dialplans is None:
        raise Problem("\n".join(str(fault) for fault in faults))
    place = WorkerPlace(arguments.number, settings.sip.port and settings.sip.port + arguments.number - 1)
    store = Store(settings.store_url)
    _reconcile_aside(settings, store)
    journals = JournalWriter(settings.data.dir, store)
    try:
        Worker(settings, place, dialplans, journals).run()
    except (SipStartFailed, EngineUnavailable) as error:
        journals.close()
        raise Problem(str(error)) from error
    return 0


def _reconcile_aside(settings: Settings, store: Store) -> None:
    """Carry over the calls that a predecessor of this worker was killed in; no call waits for that."""
    import logging
    import threading

    from voicebot.journal.reconcile import reconcile
    from voicebot.store.database import StoreUnavailable

    def carry_over() -> None:
        try:
            reconcile(settings.data.dir, store)
        except StoreUnavailable as error:
            logging.getLogger(__name__).warning(
                "store unavailable, calls are kept in their journals until it is back", extra={"reason": str(error)}
            )

    threading.Thread(target=carry_over, name="reconcile", daemon=True).start()


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM when the parent dies: nobody would restart, drain or even find this process."""
    import ctypes

    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def web(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Serve HTTP."""
    from voicebot.telemetry import logs

    logs.configure(settings.log.level, settings.log.format)
    _end_with_parent()
    # A reload is the workers' affair; the default of SIGHUP would end this process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from voicebot.web.app import WebPortError, serve_web

    try:
        serve_web(settings.web.host, settings.web.port, settings.data.dir, settings.store_url)
    except WebPortError as error:
        raise Problem(str(error)) from error
    return 0


def drain(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Tell the running bot to finish and stop."""
    import time

    from voicebot.runtime.supervisor import serving_pid
    from voicebot.telemetry import status

    pid = serving_pid(settings.data.dir)
    if pid is None:
        raise Problem(f"no voicebot serves from {settings.data.dir}: is data.dir right?")
    workers = status.read_all(settings.data.dir / "run", time.monotonic())
    os.kill(pid, signal.SIGTERM)
    # The running bot's own limit: this command may have been given another configuration.
    limits_s = [worker.drain_limit_s for worker in workers if worker.state is not status.WorkerState.GONE]
    given = f"get {max(limits_s):g} s" if limits_s else "may finish"
    sys.stdout.write(f"draining: running calls {given}, new ones are refused\n")
    return 0


def db_upgrade(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Bring the tables to this version."""
    from voicebot.journal.console import upgrade_store

    settings.data.dir.mkdir(parents=True, exist_ok=True)
    with _store(settings) as store:
        return upgrade_store(store)


def demo(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Place one whole call."""
    from voicebot.testing.demo import run_demo

    return run_demo(settings)


def add_call_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `voicebot call`."""
    from voicebot.testing.call_command import add_call_arguments as declare

    declare(parser)


def call(_settings: Settings, arguments: argparse.Namespace) -> int:
    """Phone a SIP URI."""
    from voicebot.testing.call_command import call_command

    return call_command(arguments)


def check(settings: Settings, arguments: argparse.Namespace) -> int:
    """Check dialplans, and whether the engines that they choose are here."""
    from voicebot.dialplan.commands import check as check_path
    from voicebot.runtime.installed import findings

    return check_path(arguments.path or settings.dialplans.path, lambda plan: findings(plan, settings))


def simulate(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run scenarios without SIP."""
    from voicebot.testing.simulate_command import simulate as run_scenarios

    return run_scenarios(arguments.scenario, settings.dialplans.path, audio=arguments.audio)


def engines(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Try every engine of this machine."""
    from voicebot.dialplan.registry import load_folder
    from voicebot.runtime.survey import choices, survey

    policies = load_folder(settings.dialplans.path).policies
    return survey(choices(settings, [policy.dialplan for policy in policies.values()]))


def route(settings: Settings, arguments: argparse.Namespace) -> int:
    """Explain what a call to a number gets."""
    from voicebot.dialplan.commands import explain_route
    from voicebot.runtime.chains import described

    path, default = settings.dialplans.path, settings.dialplans.default
    return explain_route(path, arguments.number, lambda plan: described(plan, settings), default)


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    from voicebot.store.database import Store, StoreMisconfigured

    try:
        store = Store(settings.store_url)
    except StoreMisconfigured as error:
        raise Problem(str(error)) from error
    try:
        yield store
    finally:
        store.close()


def calls_list(settings: Settings, arguments: argparse.Namespace) -> int:
    """List calls."""
    from voicebot.journal.console import list_calls

    with _store(settings) as store:
        return list_calls(store, as_json=arguments.json, limit=arguments.limit)


def calls_show(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show one call."""
    from voicebot.journal.console import show_call

    with _store(settings) as store:
        return show_call(store, arguments.id, as_json=arguments.json)


def trace(settings: Settings, arguments: argparse.Namespace) -> int:
    """Draw one call's waterfall."""
    from rich.console import Console

    from voicebot.journal.console import trace as draw
    from voicebot.journal.picture import save_svg

    if arguments.svg is None:
        return draw(settings.data.dir, arguments.id)
    console = Console(record=True, width=110)
    code = draw(settings.data.dir, arguments.id, console)
    save_svg(console, arguments.svg, f"voicebot trace {arguments.id}")
    return code


def replay(settings: Settings, arguments: argparse.Namespace) -> int:
    """Replay one call."""
    from voicebot.dialplan.policy import Policy
    from voicebot.journal.console import replay_call

    return replay_call(
        settings.data.dir, arguments.id, lambda text: Policy.from_json(text).call, accept=arguments.accept
    )
