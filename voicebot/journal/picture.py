"""The waterfall of a call in a terminal: each turn, its silence, and the stages that it was made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from voicebot.journal.connectors import Moved
from voicebot.journal.turn_taking import TurnTaking
from voicebot.store.records import CallRecord, TurnRecord

BAR_WIDTH = 48
"""Characters that stand for the longest silence of the call, or for `BAR_MS` if all were shorter."""

BAR_MS = 800

STAGES = (
    ("endpointing", "bright_black"),
    ("asr", "cyan"),
    ("brain", "magenta"),
    ("tts", "blue"),
    ("playout", "green"),
)

GOOD_MS, SLOW_MS = 800, 1200
"""Silence up to the first is shown green, above the second red."""

_WEB_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""What rich puts into every picture to fetch a font from the net; the fallback is any monospaced one."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


def printable(value: object) -> str:
    """Return a value for a terminal: a number or a name that came with a call must not steer it."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value))


def save_svg(console: Console, file: Path, title: str) -> None:
    """Write what a recording console printed as a picture that needs nothing from elsewhere. Raises OSError."""
    svg = console.export_svg(title=title)
    file.write_text(_WEB_FONT.sub("", svg), encoding="utf-8")


def draw_call(
    console: Console, record: CallRecord, turns: tuple[TurnRecord, ...], taking: Mapping[int, TurnTaking]
) -> None:
    """Print the heading, a waterfall for each turn with how it was taken, and a summary."""
    caller, called, reason = (escape(printable(part)) for part in (record.caller, record.called, record.reason_code))
    console.print(
        f"[bold]call {escape(record.id)}[/]  {caller} → {called}  {record.started_at}  "
        f"{record.duration_ms / 1000:.1f} s  [bold]{escape(record.disposition)}[/] {reason}",
        soft_wrap=True,
    )
    scale = max([BAR_MS, *(turn.silence_ms or 0 for turn in turns)])
    for turn in turns:
        console.print()
        _draw_turn(console, turn, scale, taking.get(turn.number, TurnTaking()))
    silences = [turn.silence_ms for turn in turns if turn.silence_ms is not None]
    console.print()
    if silences:
        console.print(
            f"{len(turns)} turns, silence median [bold]{median(silences):.0f} ms[/], longest {max(silences)} ms"
        )
    else:
        console.print(f"{len(turns)} turns, no reply was heard")
    saved = [turn.saved_ms for turn in taking.values() if turn.saved_ms is not None]
    wasted = [spent_ms for turn in taking.values() for spent_ms in turn.wasted_ms]
    if saved or wasted:
        console.print(
            f"asked ahead: {len(saved)} times of use, {sum(saved)} ms ahead; "
            f"{len(wasted)} times for nothing, {sum(wasted)} ms",
            highlight=False,
        )


def _draw_turn(console: Console, turn: TurnRecord, scale: int, taking: TurnTaking) -> None:
    console.print(
        Text.assemble((f"{turn.number:2}  ", "bold"), ("caller  ", "dim"), printable(turn.caller_text) or "(nothing)"),
        soft_wrap=True,
    )
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=15)
    grid.add_column(width=BAR_WIDTH)
    grid.add_column(justify="right", width=8)
    start_ms = 0
    for (name, colour), spent_ms in zip(STAGES, _stages(turn), strict=True):
        grid.add_row(Text(f"    {name}", "dim"), Text(_bar(start_ms, spent_ms, scale), colour), f"{spent_ms} ms")
        start_ms += spent_ms
    console.print(grid)
    console.print(Text.assemble("    ", *_verdict(turn)))
    how = ", ".join(_how_it_was_taken(taking))
    if how:
        console.print(Text(f"    {how}", "dim"), soft_wrap=True)
    if turn.bot_text:
        console.print(Text.assemble(("    bot     ", "dim"), printable(turn.bot_text)), soft_wrap=True)


def _verdict(turn: TurnRecord) -> Iterator[str | tuple[str, str]]:
    if turn.silence_ms is None:
        yield ("no reply was heard", "yellow")
    else:
        colour = "green" if turn.silence_ms <= GOOD_MS else "yellow" if turn.silence_ms <= SLOW_MS else "red"
        yield (f"silence {turn.silence_ms} ms", f"bold {colour}")
        yield (f" until the first {turn.layer}", "dim")
    for gap_ms in turn.gaps_ms:
        yield (f", gap of {gap_ms} ms inside", "red")
    if turn.barge_in_stop_ms is not None:
        yield (f", interrupted: silent after {turn.barge_in_stop_ms} ms", "yellow")


def _how_it_was_taken(taking: TurnTaking) -> Iterator[str]:
    if taking.waited_ms is not None:
        yield f"pause taken as {taking.judged or 'over before its text came'}, waited {taking.waited_ms} ms"
    if taking.saved_ms is not None:
        yield f"brain asked {taking.saved_ms} ms ahead"
    if taking.wasted_ms:
        yield f"asked ahead for nothing: {' + '.join(map(str, taking.wasted_ms))} ms"
    yield from taking.engines


def _stages(turn: TurnRecord) -> tuple[int, ...]:
    return (turn.endpointing_ms, turn.asr_ms, turn.brain_ms, turn.tts_ms, turn.playout_ms)


def _bar(start_ms: int, spent_ms: int, scale: int) -> str:
    """Return a bar in eighths of a character, set off by what went before."""
    before = start_ms * BAR_WIDTH // scale
    eighths = max(1, spent_ms * BAR_WIDTH * 8 // scale) if spent_ms else 0
    return " " * before + "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def draw_connectors(console: Console, moves: Iterable[Moved]) -> None:
    """Print each connector call of a phone call with its steps and their times."""
    calls: dict[int, list[Moved]] = {}
    for move in moves:
        calls.setdefault(move.call, []).append(move)
    for number, steps in calls.items():
        name = next((step.name for step in steps if step.name), "unknown")
        told = ", ".join(f"{step.what} at {step.now_ms / 1000:.2f} s" for step in steps)
        console.print(Text(f"connector call {number}, {printable(name)}: {printable(told)}"), soft_wrap=True)
