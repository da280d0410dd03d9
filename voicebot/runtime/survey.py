"""What `voicebot engines` tells: which engines are here, and how fast each one is on this machine.

Each is loaded in turn and tried on one sentence. Of a recogniser the first result counts from the moment when the
sentence, fed as fast as one speaks, is asked for; its real-time factor is the processor time that a second of speech
takes. Of a synthesiser the first result is its first audio, and the factor is time over length.
"""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self, TextIO

import numpy as np
from rich.console import Console

from voicebot.asr.catalogue import build as build_asr
from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import AsrEngine, AsrResult, HearingFailed
from voicebot.config import Settings
from voicebot.core.events import FRAME_MS
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import SecretMissingError
from voicebot.media.frames import FRAME_BYTES
from voicebot.remote.link import Endpoint
from voicebot.runtime.chains import Chosen, asr_chain, tts_chain
from voicebot.runtime.installed import missing_for_asr, missing_for_tts
from voicebot.tts.catalogue import TtsUnavailable, build_tts
from voicebot.tts.framing import render
from voicebot.tts.protocol import SpeakingFailed, TtsEngine

LOCAL_ASR = ("moonshine", "vosk", "whisper")
LOCAL_TTS = ("piper", "coqui")

_SENTENCE = "On Saturday we are open from nine in the morning until five."
_ANSWER_S = 30.0
_COLUMNS = "{:<4}  {:<12}  {:>7}  {:>12}  {:>9}  {}"


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine as somebody has chosen it, or might. `role` is `asr` or `tts`."""

    role: str
    engine: str
    model: str = ""
    voice: str = ""
    url: str = ""
    api_key: str = ""

    @classmethod
    def of(cls, role: str, chosen: Chosen) -> Self:
        """Return the choice of an engine in a chain."""
        return cls(role, chosen.engine, chosen.model, chosen.voice, chosen.url, chosen.api_key)

    def endpoint(self) -> Endpoint | None:
        """Return where a remote engine is, None for where the environment says. Raises SecretMissingError."""
        return Chosen(self.engine, url=self.url, api_key=self.api_key).endpoint()


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured: seconds to load, ms to the first result, and the real-time factor."""

    load_s: float
    first_ms: float
    factor: float


def choices(settings: Settings, plans: Iterable[Dialplan]) -> tuple[Choice, ...]:
    """Return what the configuration and the dialplans choose, and every engine of this machine that they do not."""
    asr, tts = settings.asr, settings.tts
    chosen = [
        Choice("asr", asr.engine, asr.model, url=asr.url, api_key=asr.api_key),
        Choice("tts", tts.engine, tts.model, tts.voice, tts.url, tts.api_key),
    ]
    for plan in plans:
        chosen += [Choice.of("asr", each) for each in asr_chain(plan, settings)]
        chosen += [Choice.of("tts", each) for each in tts_chain(plan, settings)]
    named = {(choice.role, choice.engine) for choice in chosen}
    others = [Choice("asr", name) for name in LOCAL_ASR] + [Choice("tts", name) for name in LOCAL_TTS]
    chosen += [choice for choice in others if (choice.role, choice.engine) not in named]
    return tuple(sorted(dict.fromkeys(chosen), key=lambda choice: choice.role))


def survey(wanted: Iterable[Choice], out: TextIO | None = None) -> int:
    """Try each engine and print a line for it. The exit code is 1 when none of a role can be used."""
    out = out or sys.stdout
    print(_COLUMNS.format("", "engine", "load", "first result", "real time", ""), file=out)
    usable = set()
    progress = Console(stderr=True)
    for choice in wanted:
        with progress.status(f"{choice.role} {choice.engine}: loading and trying it"):
            told = _tried(choice)
        if isinstance(told, Speed):
            usable.add(choice.role)
            numbers = (f"{told.load_s:.1f} s", f"{told.first_ms:.0f} ms", f"{told.factor:.2f}")
            print(_COLUMNS.format(choice.role, choice.engine, *numbers, choice.model), file=out, flush=True)
        else:
            print(_COLUMNS.format(choice.role, choice.engine, "-", "-", "-", told), file=out, flush=True)
    return 0 if usable == {"asr", "tts"} else 1


def _tried(choice: Choice) -> Speed | str:
    """Return how fast an engine is, or why it cannot be used."""
    look = missing_for_asr if choice.role == "asr" else missing_for_tts
    missing = look(choice.engine, choice.model)
    if missing is not None:
        return f"{missing.message}: {missing.remedy}"
    try:
        return _try_asr(choice) if choice.role == "asr" else _try_tts(choice)
    except (EngineUnavailableError, TtsUnavailable, SpeakingFailed, SecretMissingError) as error:
        return str(error)


def _try_asr(choice: Choice) -> Speed:
    frames = list(_frames(render(build_tts("piper"), _SENTENCE)))
    began = time.monotonic()
    engine = build_asr(choice.engine, choice.model, choice.endpoint())
    try:
        engine.warm_up()
        loaded = time.monotonic()
        used = time.process_time()
        first_ms = _final_ms(engine, frames)
        return Speed(loaded - began, first_ms, (time.process_time() - used) * 1000 / (len(frames) * FRAME_MS))
    finally:
        engine.close()


def _frames(pcm: bytes) -> Iterator[bytes]:
    return (pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES))


def _final_ms(engine: AsrEngine, frames: list[bytes]) -> float:
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    stream = engine.open(results.put)
    due = time.monotonic()
    for frame in frames:
        stream.feed(frame)
        due += FRAME_MS / 1000
        time.sleep(max(0.0, due - time.monotonic()))
    asked = time.monotonic()
    stream.decode(1)
    try:
        while (result := results.get(timeout=_ANSWER_S)).decode != 1:
            pass
    except queue.Empty:
        raise EngineUnavailableError(f"{engine.name} did not answer within {_ANSWER_S:g} s") from None
    finally:
        stream.close()
    if isinstance(result, HearingFailed):
        raise EngineUnavailableError(f"{engine.name} could not answer: {result.category}, {result.detail}")
    return (time.monotonic() - asked) * 1000


def _try_tts(choice: Choice) -> Speed:
    began = time.monotonic()
    engine: TtsEngine = build_tts(choice.engine, choice.voice, choice.model, choice.endpoint())
    try:
        engine.warm_up()
        loaded = time.monotonic()
        chunks = engine.open(_SENTENCE).chunks()
        first = next(chunks, np.empty(0, np.int16))
        first_ms = (time.monotonic() - loaded) * 1000
        samples = len(first) + sum(len(chunk) for chunk in chunks)
        return Speed(loaded - began, first_ms, (time.monotonic() - loaded) * engine.rate / max(1, samples))
    finally:
        engine.close()
