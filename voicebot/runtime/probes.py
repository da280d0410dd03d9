"""Trying an engine that is not well, the way a call would use it, but off every call's path.

A server's list of models answers long before its models do, so each probe asks for a small piece of the real work, and
wants all of it: the text of half a second of silence, the answer to a greeting, the audio of a word.
"""

from __future__ import annotations

import queue
from typing import Final

from voicebot.asr.protocol import AsrEngine, AsrResult, HearingFailed
from voicebot.brain.protocol import Brain, BrainResult
from voicebot.core.commands import StartBrain
from voicebot.core.events import Attempt, BrainClause, BrainToolWanted, EngineFailed
from voicebot.media.frames import FRAME_BYTES
from voicebot.runtime.health import ProbeFailed
from voicebot.tts.protocol import SpeakingFailed, TtsEngine

PATIENCE_S: Final = 3.0
"""An engine that takes longer for so little is not well."""

_SILENCE_FRAMES: Final = 25
_WORD: Final = "Yes."


def try_asr(engine: AsrEngine) -> None:
    """Let a recogniser hear silence. Raises ProbeFailed."""
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    stream = engine.open(results.put)
    try:
        for _ in range(_SILENCE_FRAMES):
            stream.feed(bytes(FRAME_BYTES))
        stream.decode(1)
        while (result := results.get(timeout=PATIENCE_S)).decode != 1:
            pass
    except queue.Empty:
        raise ProbeFailed("no text") from None
    finally:
        stream.close()
    if isinstance(result, HearingFailed):
        raise ProbeFailed(result.detail)


def try_brain(brain: Brain) -> None:
    """Let a brain answer. Raises ProbeFailed."""
    results: queue.SimpleQueue[BrainResult] = queue.SimpleQueue()
    request = StartBrain(Attempt(0, 0), 0, "Hello.", (), (), "", int(PATIENCE_S * 1000))
    run = brain.start(request, results.put)
    try:
        while isinstance(result := results.get(timeout=PATIENCE_S), BrainClause | BrainToolWanted):
            pass
    except queue.Empty:
        raise ProbeFailed("no answer") from None
    finally:
        run.cancel()
    if isinstance(result, EngineFailed):
        raise ProbeFailed(result.category)


def try_tts(engine: TtsEngine) -> None:
    """Let a synthesiser say a word. Raises ProbeFailed. The engine's own deadlines bound it."""
    stream = engine.open(_WORD)
    try:
        samples = sum(len(chunk) for chunk in stream.chunks())
    except SpeakingFailed as error:
        raise ProbeFailed(str(error)) from error
    finally:
        stream.cancel()
    if not samples:
        raise ProbeFailed("no audio")
