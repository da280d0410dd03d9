"""What one call costs without SIP and engines: voice detection, core, playout ring. Prints CPU per second of call."""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time

from examples.offline_call import CALLER, OfflineCall, caller_line
from voicebot.core.events import FRAME_MS
from voicebot.media.frames import FRAME_BYTES

ROUNDS = 10


def cpu_of_one_call() -> tuple[float, float]:
    """Hold the example's call; return its CPU time and its length, both in ms."""
    call = OfflineCall([caller_line(name) for name in CALLER])
    begun = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        call.start()
        while not call.over:
            call.tick()
    spent_ms = (time.process_time() - begun) * 1000
    return spent_ms, len(call.outgoing) / FRAME_BYTES * FRAME_MS


def main() -> int:
    """Print the median over some calls."""
    measured = [cpu_of_one_call() for _ in range(ROUNDS)]
    per_second = [1000 * spent / length for spent, length in measured]
    print(f"calls: {ROUNDS}, each {measured[0][1] / 1000:.1f} s long")
    print(f"CPU per second of call: {statistics.median(per_second):.2f} ms median, {max(per_second):.2f} ms worst")
    return 0


if __name__ == "__main__":
    sys.exit(main())
