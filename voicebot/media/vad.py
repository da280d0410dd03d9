"""When the caller starts and stops speaking, in call time.

Four judges, cheapest first: webrtcvad is the gate that lets Silero sleep through long silence; Silero decides what
is speech; a pitch must be heard before it counts, because Silero takes some coughs for speech; the level in 10 ms
blocks says exactly where the speech began and ended, because Silero lags by one to three windows of 32 ms. Where noise
covers the ends of words the level cannot tell, and Silero's own edge stands in for it. Speech far below the caller's
level is a voice in the background (`voicebot.media.foreground`): it starts no utterance and prolongs none.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import NamedTuple

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from voicebot.core.events import SpeechPaused, SpeechStarted
from voicebot.core.policy import TurnTaking
from voicebot.media.foreground import Foreground
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE, Pcm
from voicebot.media.levels import BLOCK_MS, VOICED_RANGE_DB, block_levels
from voicebot.media.silero import WINDOW_SAMPLES, SileroStream
from voicebot.media.voicing import SPAN_SAMPLES, periodicity

_SPEECH_ON = 0.5
_SPEECH_OFF = 0.35
_WINDOW_MS = 1000 * WINDOW_SAMPLES // SAMPLE_RATE
_SAMPLES_PER_MS = SAMPLE_RATE // 1000

_MIN_WINDOWS = 2
"""Windows that Silero must agree on before speech counts: one alone may be a click."""
_SAME_UTTERANCE_MS = 1_000
"""Speech after a shorter silence belongs to the utterance before it."""
_PITCHED = 0.6
"""Periodicity from which a frame has a pitch."""
_PITCH_FRAMES = 5
"""A pitch in one of so many newest frames is enough: a word may begin without."""
_WHISPER_MS = 350
"""What Silero calls speech for so long, without a break, is speech even without a pitch."""
_RESUME_MS = 60
"""Voiced time that is enough within an utterance, where speech is expected."""
_ONSET_SEARCH_MS = 160
"""How far before Silero's first window the beginning of the sound is sought."""
_ONSET_GAP_BLOCKS = 3
"""Quiet blocks that a beginning may hold: the closure of a plosive."""
_TAIL_MS = 120
"""How long sound that never broke off counts as voiced after Silero has let go: a final fricative."""
_NOISE_MARGIN_DB = 8.0
"""Above the noise floor by this much, a block is sound and not noise."""
_QUIETEST_FLOOR_DBFS = -78.0
_FLOOR_FALL = 0.3
_FLOOR_RISE = 0.05
_SILERO_HANGOVER_MS = 60
"""Silero's mean lag at the end of speech in noise."""
_SLEEP_AFTER_FRAMES = 15
"""Frames without a sign of speech after which Silero sleeps."""
_WAKE_FRAMES = 8
"""Frames that Silero hears again when it wakes: the onset that the gate was late for, and audio to settle on."""


class _Phase(Enum):
    QUIET = 1
    RISING = 2
    SPEAKING = 3


class _Block(NamedTuple):
    end_ms: int
    dbfs: float


class SpeechDetector:
    """Turns frames of 640 bytes into `SpeechStarted` and `SpeechPaused`. One a call, fed from one thread."""

    def __init__(self, turn_taking: TurnTaking) -> None:
        self._turn_taking = turn_taking
        self._gate = webrtcvad.Vad(0)
        self._silero = SileroStream()
        self._asleep = True
        self._unheard: deque[bytes] = deque(maxlen=_WAKE_FRAMES)
        self._idle_frames = 0
        self._pending: NDArray[np.float32] = np.empty(0, np.float32)
        self._probability = 0.0
        self._windows_on = 0
        self._silero_end_ms = 0
        self._blocks: deque[_Block] = deque(maxlen=(_ONSET_SEARCH_MS + 3 * _WINDOW_MS) // BLOCK_MS)
        self._floor = _QUIETEST_FLOOR_DBFS
        self._recent: Pcm = np.zeros(SPAN_SAMPLES, np.int16)
        self._pitches: deque[float] = deque(maxlen=_PITCH_FRAMES)
        self._phase = _Phase.QUIET
        self._onset_ms = 0
        self._loudest = _QUIETEST_FLOOR_DBFS
        self._last_voiced_ms = -1_000_000
        self._unbroken = False
        self._foreground = Foreground()
        self._soft = False
        """Whether what rises has been too soft for the caller so far."""

    def feed(self, frame: bytes, at_ms: int) -> SpeechStarted | SpeechPaused | None:
        """Take one frame that ended at `at_ms` of call time; return the edge that it revealed, if any.

        Raises ValueError when the frame is not 640 bytes long.
        """
        if len(frame) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, got {len(frame)}")
        pcm = np.frombuffer(frame, "<i2")
        first, second = block_levels(pcm)
        fresh = (_Block(at_ms - BLOCK_MS, float(first)), _Block(at_ms, float(second)))
        self._blocks.extend(fresh)
        self._hear(frame, at_ms)
        self._listen_for_pitch(pcm)
        for block in fresh:
            self._weigh(block)
        return self._edge(at_ms)

    # --- Silero and its gate

    def _hear(self, frame: bytes, at_ms: int) -> None:
        """Run Silero over the frame, or let it sleep while the gate hears nothing."""
        wanted = self._gate.is_speech(frame, SAMPLE_RATE)
        if self._asleep:
            self._unheard.append(frame)
            if not wanted:
                return
            self._asleep = False
            self._idle_frames = 0
            self._silero.reset()
            self._pending = np.empty(0, np.float32)
            frame = b"".join(self._unheard)
            self._unheard.clear()
        self._run_silero(frame, at_ms)
        idle = not wanted and self._phase is _Phase.QUIET and self._probability < _SPEECH_OFF
        self._idle_frames = self._idle_frames + 1 if idle else 0
        if self._idle_frames >= _SLEEP_AFTER_FRAMES:
            self._asleep = True
            self._probability = 0.0

    def _run_silero(self, audio: bytes, at_ms: int) -> None:
        samples = np.frombuffer(audio, "<i2").astype(np.float32) / 32768.0
        self._pending = np.concatenate((self._pending, samples))
        while len(self._pending) >= WINDOW_SAMPLES:
            window, self._pending = self._pending[:WINDOW_SAMPLES], self._pending[WINDOW_SAMPLES:]
            self._judge(self._silero.probability(window), at_ms - len(self._pending) // _SAMPLES_PER_MS)

    def _judge(self, probability: float, end_ms: int) -> None:
        """Follow Silero's decision on the window that ended at `end_ms`."""
        self._probability = probability
        if probability >= _SPEECH_ON:
            self._windows_on += 1
            self._silero_end_ms = end_ms
            if self._phase is _Phase.QUIET:
                self._phase = _Phase.RISING
                self._rise(end_ms)
        elif probability < _SPEECH_OFF:
            self._windows_on = 0
            if self._phase is _Phase.RISING:
                self._phase = _Phase.QUIET

    # --- levels

    @property
    def _resuming(self) -> bool:
        return self._onset_ms - self._last_voiced_ms < _SAME_UTTERANCE_MS

    def _listen_for_pitch(self, pcm: Pcm) -> None:
        """Follow the pitch while it may matter; asleep or in mid-speech it does not."""
        self._recent = np.concatenate((self._recent[len(pcm) :], pcm))
        if self._asleep or self._phase is _Phase.SPEAKING:
            self._pitches.clear()
        else:
            self._pitches.append(periodicity(self._recent))

    def _pitched(self) -> bool:
        return max(self._pitches, default=0.0) >= _PITCHED or self._windows_on * _WINDOW_MS >= _WHISPER_MS

    def _threshold(self) -> float:
        return max(self._loudest - VOICED_RANGE_DB, self._floor + _NOISE_MARGIN_DB)

    def _noisy(self) -> bool:
        """Tell whether noise covers what is 40 dB below the loudest block."""
        return self._floor + _NOISE_MARGIN_DB > self._loudest - VOICED_RANGE_DB

    def _rise(self, window_end_ms: int) -> None:
        """Find where the sound that Silero has just called speech began."""
        window_start_ms = window_end_ms - _WINDOW_MS
        recent = [block for block in self._blocks if block.end_ms <= window_end_ms]
        loudest = max((block.dbfs for block in recent if block.end_ms > window_start_ms), default=self._floor)
        threshold = max(loudest - VOICED_RANGE_DB, self._floor + _NOISE_MARGIN_DB)
        self._soft = False
        self._begin(recent, window_start_ms, threshold)
        if not self._resuming:
            self._loudest = loudest

    def _begin(self, recent: list[_Block], certain_ms: int, threshold: float) -> None:
        """Follow blocks at the threshold back from `certain_ms`, where there was speech already."""
        self._onset_ms = certain_ms
        quiet = 0
        for block in reversed(recent):
            if block.end_ms <= certain_ms - _ONSET_SEARCH_MS or quiet > _ONSET_GAP_BLOCKS:
                break
            if block.dbfs >= threshold:
                self._onset_ms = block.end_ms - BLOCK_MS
                quiet = 0
            else:
                quiet += 1
        self._onset_ms = max(self._onset_ms, self._last_voiced_ms)

    def _too_soft(self, at_ms: int) -> bool:
        """Tell whether what rises is somebody in the background. The caller may begin to speak over it."""
        bar = self._foreground.bar(at_ms)
        loudest = max((block for block in self._blocks if block.end_ms > self._onset_ms), key=lambda block: block.dbfs)
        if loudest.dbfs < bar:
            self._soft = True
            self._foreground.heard_background(loudest.dbfs, at_ms)
            return True
        if self._soft and loudest.end_ms - self._onset_ms > _ONSET_SEARCH_MS:
            self._begin(list(self._blocks), loudest.end_ms - BLOCK_MS, self._foreground.background(at_ms))
            self._windows_on = _MIN_WINDOWS
            self._loudest = loudest.dbfs if not self._resuming else max(self._loudest, loudest.dbfs)
        self._soft = False
        return False

    def _weigh(self, block: _Block) -> None:
        """Let one block move the noise floor, the loudest level and the end of what was voiced."""
        if self._phase is _Phase.QUIET:
            if self._probability < _SPEECH_OFF:
                rate = _FLOOR_FALL if block.dbfs < self._floor else _FLOOR_RISE
                self._floor = max(_QUIETEST_FLOOR_DBFS, self._floor + rate * (block.dbfs - self._floor))
            return
        silero_on = self._probability >= _SPEECH_OFF
        if silero_on:
            self._loudest = max(self._loudest, block.dbfs)
        if self._phase is not _Phase.SPEAKING:
            return
        loud = block.dbfs >= max(self._threshold(), self._foreground.background(block.end_ms))
        tail = self._unbroken and not self._noisy() and block.end_ms - self._silero_end_ms <= _TAIL_MS
        if loud and (silero_on or tail):
            self._last_voiced_ms = block.end_ms
        self._unbroken = loud and (silero_on or tail)
        if self._noisy():
            self._last_voiced_ms = max(self._last_voiced_ms, self._silero_end_ms - _SILERO_HANGOVER_MS)

    # --- edges

    def _edge(self, at_ms: int) -> SpeechStarted | SpeechPaused | None:
        if self._phase is _Phase.RISING:
            if self._too_soft(at_ms):
                return None
            needed_ms = min(_RESUME_MS, self._turn_taking.start_ms) if self._resuming else self._turn_taking.start_ms
            certain = self._windows_on >= _MIN_WINDOWS and (self._resuming or self._pitched())
            if certain and at_ms - self._onset_ms >= needed_ms:
                resumed = self._resuming
                self._phase = _Phase.SPEAKING
                self._unbroken = True
                self._last_voiced_ms = max(self._last_voiced_ms, self._silero_end_ms)
                return SpeechStarted(voiced_at_ms=max(0, self._onset_ms), resumed=resumed)
            return None
        quiet_ms = at_ms - self._last_voiced_ms
        over = self._probability < _SPEECH_ON or self._foreground.background(at_ms) > self._threshold()
        if self._phase is _Phase.SPEAKING and quiet_ms >= self._turn_taking.pause_ms and over:
            self._phase = _Phase.QUIET
            self._foreground.heard_caller(self._loudest, self._last_voiced_ms - self._onset_ms, at_ms)
            return SpeechPaused(last_voiced_ms=self._last_voiced_ms)
        return None
