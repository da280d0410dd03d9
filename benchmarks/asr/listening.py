"""A recogniser as the bot uses it: frames in, then the text is asked for."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass

from voicebot.asr.protocol import NO_HINTS, AsrEngine, AsrResult, AsrStream, HearingFailed, Hints
from voicebot.core.events import FRAME_MS
from voicebot.media.frames import FRAME_BYTES, Pcm, whole_frames

_ANSWER_S = 60.0


class NothingHeard(Exception):
    """The recogniser failed."""


@dataclass(frozen=True, slots=True)
class Timing:
    """`final_ms` is from asking to the text; `cpu_s` what the process used for `audio_s` of speech in real time."""

    final_ms: float
    cpu_s: float
    audio_s: float


def text_of(engine: AsrEngine, pcm: Pcm, hints: Hints = NO_HINTS) -> str:
    """Return the text of an utterance that is there at once. Raises NothingHeard."""
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    stream = engine.open(results.put, hints)
    for frame in _frames(pcm):
        stream.feed(frame)
    return _asked(stream, results)


def timed(engine: AsrEngine, pcm: Pcm, hints: Hints = NO_HINTS) -> Timing:
    """Speak an utterance in real time, so that what an engine does meanwhile is done. Raises NothingHeard."""
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    stream = engine.open(results.put, hints)
    used, due = time.process_time(), time.monotonic()
    frames = _frames(pcm)
    for frame in frames:
        stream.feed(frame)
        due += FRAME_MS / 1000
        time.sleep(max(0.0, due - time.monotonic()))
    began = time.monotonic()
    _asked(stream, results)
    final_ms = 1000 * (time.monotonic() - began)
    return Timing(final_ms, time.process_time() - used, len(frames) * FRAME_MS / 1000)


def _frames(pcm: Pcm) -> list[bytes]:
    audio = whole_frames(pcm)
    return [audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)]


def _asked(stream: AsrStream, results: queue.SimpleQueue[AsrResult]) -> str:
    stream.decode(1)
    while (result := results.get(timeout=_ANSWER_S)).decode != 1:
        pass
    stream.close()
    if isinstance(result, HearingFailed):
        raise NothingHeard(f"{result.category}: {result.detail}")
    return result.text
