"""Running a journal through the core again: the same events must give the same commands and the same outgoing audio.

Commands are compared byte for byte, as the codec writes them. The audio is rebuilt from what was queued and from the
pauses, resumptions and flushes that the *replayed* commands ask for, each at the tick at which the recorded one took
effect; what leaves must be what was popped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicebot.core.call import begin, step
from voicebot.core.commands import Command, FlushPlayout, PausePlayout, ResumePlayout, Speak
from voicebot.core.policy import CallPolicy
from voicebot.journal.file import Journal, core_version
from voicebot.journal.lines import COMMANDS, EVENTS, ULAW_SILENCE, Step
from voicebot.journal.outgoing import logged_ticks, playout_entries
from voicebot.media.playout import (
    Flushed,
    Paused,
    PlayoutEntry,
    Popped,
    Queued,
    ReplayMismatchError,
    Resumed,
    replay_playout,
)

Expected = Mapping[int, tuple[Command, ...]]
"""The commands that each step, by its number, must give."""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """The outcome. `difference` is empty when everything is identical; `remarks` explain without judging."""

    call_id: str
    steps: int
    commands: tuple[tuple[Command, ...], ...]
    difference: str
    remarks: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether the core and the audio did the same again."""
        return not self.difference

    def __str__(self) -> str:
        verdict = f"differs\n{self.difference}" if self.difference else f"identical, {self.steps} steps and the audio"
        return "\n".join((f"call {self.call_id}: {verdict}", *(f"note: {remark}" for remark in self.remarks)))


def replay(journal: Journal, policy: CallPolicy, golden: Expected | None = None) -> ReplayReport:
    """Replay a call under the policy that it pinned. `golden` stands in for the commands that were recorded."""
    steps = [line for line in journal.lines if isinstance(line, Step)]
    expected = {line.seq: line.commands for line in steps} if golden is None else golden
    given: list[tuple[Command, ...]] = []
    difference = "" if steps else "the journal holds no step"
    state = begin(policy)
    for number, line in enumerate(steps, start=1):
        if line.seq != number:
            difference = f"step {number} is missing: the journal lost entries, so the call cannot be replayed"
            break
        state, commands = step(state, line.event, line.now_ms)
        given.append(commands)
        difference = _difference(line, expected.get(line.seq), commands)
        if difference:
            break
    if not difference:
        difference = _audio_difference(journal, [command for commands in given for command in commands])
    return ReplayReport(journal.header.call_id, len(given), tuple(given), difference, _remarks(journal))


def commands_of(journal: Journal, policy: CallPolicy) -> dict[int, tuple[Command, ...]]:
    """Return what the core asks for at each step now, whatever was recorded."""
    given = {}
    state = begin(policy)
    for line in journal.lines:
        if isinstance(line, Step):
            state, given[line.seq] = step(state, line.event, line.now_ms)
    return given


def _difference(line: Step, expected: Sequence[Command] | None, commands: Sequence[Command]) -> str:
    if expected is None:
        return f"step {line.seq}: nothing is recorded to compare with"
    was, now = ([COMMANDS.encode(command) for command in each] for each in (expected, commands))
    if was == now:
        return ""
    differs = next((at for at, pair in enumerate(zip(was, now, strict=False)) if pair[0] != pair[1]), len(was))
    differs = min(differs, len(now))
    return "\n".join(
        (
            f"step {line.seq} at {line.now_ms} ms, command {differs + 1} of {max(len(was), len(now))}",
            f"  event     {EVENTS.encode(line.event)}",
            f"  recorded  {was[differs] if differs < len(was) else '(none)'}",
            f"  replayed  {now[differs] if differs < len(now) else '(none)'}",
        )
    )


def _audio_difference(journal: Journal, commands: Sequence[Command]) -> str:
    log = playout_entries(journal.lines)
    spoken = {command.speech for command in commands if isinstance(command, Speak)}
    strange = next((e.speech for e in log if isinstance(e, Queued) and e.speech not in spoken), None)
    if strange is not None:
        return f"audio of speech {strange} was queued, but the replayed commands never asked for it"
    try:
        controlled = tuple(_controlled(log, _controls(commands), killed=journal.end is None))
        audio = replay_playout(controlled, journal.audio(), logged_ticks(log), ULAW_SILENCE)
    except ReplayMismatchError as mismatch:
        return f"outgoing audio: {mismatch}"
    sha256 = hashlib.sha256(audio).hexdigest()
    if journal.end is not None and journal.end.audio_sha256 != sha256:
        return f"outgoing audio: its SHA-256 is {sha256}, recorded was {journal.end.audio_sha256 or 'none'}"
    return ""


def _controls(commands: Iterable[Command]) -> Iterator[PausePlayout | ResumePlayout | FlushPlayout]:
    """Yield the commands that change the ring. A pause of a paused ring changes nothing and is in no log."""
    paused = False
    for command in commands:
        match command:
            case PausePlayout() if not paused:
                paused = True
                yield command
            case ResumePlayout() if paused:
                paused = False
                yield command
            case FlushPlayout():
                paused = False
                yield command
            case _:
                pass


def _controlled(
    log: Iterable[PlayoutEntry], controls: Iterator[PausePlayout | ResumePlayout | FlushPlayout], *, killed: bool
) -> Iterator[PlayoutEntry]:
    """Put the replayed commands in the places of the recorded operations. Raises ReplayMismatchError."""
    for entry in log:
        if isinstance(entry, Queued | Popped):
            yield entry
            continue
        match next(controls, None):
            case PausePlayout():
                yield Paused(entry.tick)
            case ResumePlayout():
                yield Resumed(entry.tick)
            case FlushPlayout(epoch):
                yield Flushed(entry.tick, epoch)
            case None:
                raise ReplayMismatchError(f"{entry} was recorded, but no replayed command asks for it")
    left = next(controls, None)
    # The log of a killed call may end before the commands do.
    if left is not None and not killed:
        raise ReplayMismatchError(f"{left} was replayed, but the recorded ring never did it")


def _remarks(journal: Journal) -> tuple[str, ...]:
    remarks = []
    if journal.header.core != core_version():
        remarks.append("recorded by another version of the core")
    if journal.end is None:
        remarks.append(
            "no end is recorded: the call still runs, or its process died; replayed as far as the journal goes"
        )
    elif not journal.end.replayable:
        remarks.append("marked as not replayable when it was recorded: entries were lost")
    if journal.torn:
        remarks.append("the last line was cut short and left out")
    return tuple(remarks)
