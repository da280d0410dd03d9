"""Recordings of calls, off their hot threads: one thread a process takes what the tapes hold and writes it to WAVs.

The caller is on the left, the bot on the right, 16 kHz, int16. A killed process loses at most WAKE_S of a recording; a
disk that refuses is reported once a call, and the call goes on without.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from voicebot.journal.file import recording_path
from voicebot.media.frames import FRAME_SAMPLES
from voicebot.media.wav import CHANNELS, StereoWav
from voicebot.runtime.tape import Tape, Tick
from voicebot.telemetry import metrics

_LOG = logging.getLogger(__name__)

WAKE_S = 0.5
"""How often running recordings are written."""

_RUN_TICKS = 50
"""Ticks that are laid side by side at once: 64 kB."""


class Recorder:
    """The recordings of all calls of this process."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._wake = threading.Condition()
        self._begun: list[_Recording] = []
        self._ended = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def begin(self, tape: Tape, call_id: str, started_at: str) -> None:
        """Start a tape and record it until it is stopped. `started_at` is that of the call's journal."""
        tape.start()
        with self._wake:
            self._begun.append(_Recording(tape, call_id, recording_path(self._data_dir, call_id, started_at)))
            self._wake.notify()

    def end(self, tape: Tape) -> None:
        """Stop a tape; what it holds is still written."""
        tape.stop()
        with self._wake:
            self._ended = True
            self._wake.notify()

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what the tapes hold and stop; tell whether that was done in time."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        running: list[_Recording] = []
        closing = False
        while not closing:
            with self._wake:
                if not (self._begun or self._ended or self._closing):
                    self._wake.wait(WAKE_S if running else None)
                running += self._begun
                self._begun, self._ended = [], False
                closing = self._closing
            for recording in running:
                over = recording.tape.over or closing
                try:
                    recording.go_on(over=over)
                except Exception:  # noqa: BLE001 - the thread's root
                    # One recording's failure is no reason to lose the others.
                    _LOG.exception("recording failed", extra={"call_id": recording.call_id})
                    recording.give_up()
            running = [recording for recording in running if not recording.over]


class _Recording:
    """One call's. Used on the recorder's thread only, after `begin`."""

    def __init__(self, tape: Tape, call_id: str, path: Path) -> None:
        self.tape = tape
        self.call_id = call_id
        self.over = False
        self._path = path
        self._wav: StereoWav | None = None
        self._refused = False
        self._dropped = 0

    def go_on(self, *, over: bool) -> None:
        """Write what the tape holds; with `over`, which was read before, that is all of it."""
        ticks = self.tape.take()
        self._count_dropped()
        self.over = over
        if self._refused:
            return
        try:
            wav = self._wav = self._wav or StereoWav(self._path)
            for start in range(0, len(ticks), _RUN_TICKS):
                _lay(wav, ticks[start : start + _RUN_TICKS])
            wav.close() if over else wav.settle()
        except OSError as error:
            _LOG.error(
                "recording cannot be written; the call goes on without: free space or make the directory writable",
                extra={"call_id": self.call_id, "path": str(self._path), "error": error.strerror},
            )
            self._abandon()

    def give_up(self) -> None:
        """Stop recording this call."""
        self.over = True
        self._abandon()

    def _abandon(self) -> None:
        self._refused = True
        if self._wav is not None:
            with suppress(OSError):
                self._wav.abandon()

    def _count_dropped(self) -> None:
        dropped = self.tape.dropped
        if dropped > self._dropped:
            metrics.queue_overflowed("recording", "drop_newest", dropped - self._dropped)
            self._dropped = dropped


def _lay(wav: StereoWav, ticks: list[Tick]) -> None:
    """Write runs of consecutive ticks; between runs is silence."""
    start = 0
    for end in range(1, len(ticks) + 1):
        if end == len(ticks) or ticks[end].number != ticks[end - 1].number + 1:
            samples = np.zeros((end - start, FRAME_SAMPLES, CHANNELS), "<i2")
            for row, tick in zip(samples, ticks[start:end], strict=True):
                for channel, frame in enumerate((tick.heard, tick.said)):
                    if frame is not None:
                        row[:, channel] = np.frombuffer(frame, "<i2")
            wav.write(ticks[start].number * FRAME_SAMPLES, samples.tobytes())
            start = end
