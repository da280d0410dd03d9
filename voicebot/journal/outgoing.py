"""The audio that left towards the caller, rebuilt from what was queued and what was popped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from voicebot.journal.lines import ULAW_FRAME, ULAW_SILENCE, Playout
from voicebot.media.playout import PlayoutEntry, Popped


class OutgoingAudioError(Exception):
    """The log of the playout ring and the audio beside it do not fit together."""


def playout_entries(lines: Iterable[object]) -> tuple[PlayoutEntry, ...]:
    """Return the whole log of the playout ring of a call, in order."""
    return tuple(entry for line in lines if isinstance(line, Playout) for entry in line.entries)


def logged_ticks(log: Iterable[PlayoutEntry]) -> int:
    """Return the tick up to which a log is whole: the end of its last entry."""
    return max((e.tick_from + e.frames if isinstance(e, Popped) else e.tick for e in log), default=0)


def outgoing_sha256(log: Iterable[PlayoutEntry], audio: Mapping[int, bytes], ticks: int) -> str:
    """Return the SHA-256, in hex, over `ticks` frames of mu-law: what was popped, silence elsewhere.

    `audio` maps a speech to its mu-law. Raises OutgoingAudioError.
    """
    digest = hashlib.sha256()
    tick = 0
    for run in log:
        if not isinstance(run, Popped):
            continue
        if run.tick_from < tick or run.tick_from + run.frames > ticks:
            raise OutgoingAudioError(f"frames of speech {run.speech} left at tick {run.tick_from}, out of order")
        start = run.first_frame * ULAW_FRAME
        heard = audio.get(run.speech, b"")[start : start + run.frames * ULAW_FRAME]
        if len(heard) != run.frames * ULAW_FRAME:
            raise OutgoingAudioError(f"audio of speech {run.speech} is missing from frame {run.first_frame} on")
        digest.update(ULAW_SILENCE * (run.tick_from - tick))
        digest.update(heard)
        tick = run.tick_from + run.frames
    digest.update(ULAW_SILENCE * (ticks - tick))
    return digest.hexdigest()
