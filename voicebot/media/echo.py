"""The bot's own voice, as the caller's phone leaks it back, taken out of what the caller says.

A phone's leak is, to a good part, a delayed and filtered copy of what left the playout ring. Two steps find the copy:
a normalised cross-correlation over all delays up to 640 ms says where it lies, and least squares over the last second
fit the 10 ms of impulse response around that place. Each frame is predicted from what was learnt before it, so that a
caller's voice is never explained by a fit to itself. What the prediction cannot take away is judged by its share: a
frame that is mostly explained is echo and is quietened for the speech detector; one that is not, is the caller over
the echo, and passes.

The estimate works at 8 kHz, where a telephone's audio lies, and only while the bot speaks or has just spoken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import firwin

from voicebot.media.frames import FRAME_BYTES, FRAME_SAMPLES, Pcm

_Signal = NDArray[np.float32]

_HALF = FRAME_SAMPLES // 2
"""Samples of a frame at 8 kHz."""
_FRAMES_KEPT = 64
"""1.28 s: the longest delay, the search window, and a driver that is late."""
_MAX_DELAY = 32 * _HALF
"""640 ms, in samples at 8 kHz."""
_SEARCH_FRAMES = 10
_SEARCH = _SEARCH_FRAMES * _HALF
_TAPS = 80
_TAPS_BEFORE = 24
"""Taps ahead of the peak: the line's low-pass filters ring both ways."""
_FORGET = 0.98
"""A frame's weight fades to a third in 1 s."""
_LOAD = 1e-3
"""Added to the diagonal, as a part of the mean power: keeps quiet bands from being fitted to noise."""
_SOLVE_EVERY = 2
_PARTS = 4
"""The products of a frame are made in so many parts: BLAS starts threads of its own for larger ones."""

_FOUND = 0.35
"""Part of the window's energy that one delayed copy must explain before a delay is believed."""
_SEARCH_EVERY = 2
_AUDIBLE = 32_768.0 * 10.0 ** (-62.0 / 20.0)
"""Quieter frames (RMS) can be neither echo nor speech that matters."""
_ECHO_SHARE, _SPEECH_SHARE = 0.3, 0.6
"""A frame whose unexplained part is below the first is echo, above the second is not."""
_ECHO_GAIN = 0.03
"""What is left of a residual echo for the speech detector: 30 dB less."""
_TRUST_FRAMES = 5
_TRUST_LOST = -20
_IDLE_FRAMES = 25 + 32
"""500 ms, and the longest delay: so long after the bot's last frame its echo may come."""

_DECIMATE = firwin(31, 0.46, window=("kaiser", 5.0)).astype(np.float32)
_INTERPOLATE = (2 * firwin(31, 0.5, window=("kaiser", 5.0))).astype(np.float32)


class Cleaned(NamedTuple):
    """A frame of the caller's audio (640 bytes) without the bot's."""

    speech: bytes
    """The prediction of the echo is subtracted: for the recogniser."""
    gated: bytes
    """Frames that are mostly echo are quietened as well: for the speech detector."""
    explained: bool
    """Whether the frame was mostly echo."""


class _Track:
    """The newest `_FRAMES_KEPT` frames of a stream, at 16 kHz and at 8 kHz."""

    def __init__(self) -> None:
        self.full: _Signal = np.zeros(_FRAMES_KEPT * FRAME_SAMPLES, np.float32)
        self.half: _Signal = np.zeros(_FRAMES_KEPT * _HALF, np.float32)

    def push(self, frame: _Signal) -> None:
        """Append a frame."""
        for kept in (self.full, self.half):
            size = len(kept) // _FRAMES_KEPT
            kept[:-size] = kept[size:]
        self.full[-FRAME_SAMPLES:] = frame
        recent = self.full[-FRAME_SAMPLES - len(_DECIMATE) + 1 :]
        self.half[-_HALF:] = np.convolve(recent, _DECIMATE, "valid")[::2]


class EchoGate:
    """Used on one thread. `played` is told what left the playout ring, `clean` what the caller's side sent."""

    def __init__(self) -> None:
        self.searches = 0
        self._played = _Track()
        self._heard = _Track()
        self._tick = 0
        self._spoke_tick = -_IDLE_FRAMES
        self._unexplained = 0
        self._forget_path()

    def played(self, tick: int, frame: bytes) -> None:
        """Take the frame that left with pop number `tick`; ticks ascend, missing ones were silence."""
        self._silence_until(tick)
        self._played.push(_samples(frame))
        self._tick = tick + 1
        self._spoke_tick = tick

    def clean(self, frame: bytes, tick: int) -> Cleaned:
        """Take a frame of the caller's audio that came after `tick` pops; return it without the bot's echo.

        Raises ValueError when the frame is not 640 bytes long.
        """
        if len(frame) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, got {len(frame)}")
        if tick - self._spoke_tick > _IDLE_FRAMES:
            return Cleaned(frame, frame, explained=False)
        self._silence_until(tick)
        heard = _samples(frame)
        self._heard.push(heard)
        behind = self._tick - tick
        if behind >= _FRAMES_KEPT // 4:
            return Cleaned(frame, frame, explained=False)
        return self._judge(frame, heard, behind)

    def _silence_until(self, tick: int) -> None:
        for _ in range(min(tick - self._tick, _FRAMES_KEPT)):
            self._played.push(np.zeros(FRAME_SAMPLES, np.float32))
        self._tick = max(self._tick, tick)

    def _forget_path(self) -> None:
        self._delay: int | None = None
        self._covariance = np.zeros((_TAPS, _TAPS), np.float32)
        self._correlation = np.zeros(_TAPS, np.float32)
        self._weights = np.zeros(_TAPS, np.float32)
        self._response = np.zeros(1, np.float32)
        self._trust = 0
        self._learnt = 0

    # --- one frame

    def _judge(self, frame: bytes, heard: _Signal, behind: int) -> Cleaned:
        target = self._heard.half[-_HALF:]
        power = float(target @ target)
        if power < _HALF * _AUDIBLE * _AUDIBLE:
            return Cleaned(frame, frame, explained=False)
        if self._delay is None:
            self._search(behind)
            return Cleaned(frame, frame, explained=False)
        past = self._past(_HALF, behind)
        rest = target - past @ self._weights
        share = float(rest @ rest) / power
        self._learn(past, target, share)
        if share > _SPEECH_SHARE:
            self._unexplained += 1
            if self._unexplained % _SEARCH_EVERY == 0:
                self._search(behind)
        else:
            self._unexplained = 0
        return self._take_out(frame, heard, share, behind)

    def _take_out(self, frame: bytes, heard: _Signal, share: float, behind: int) -> Cleaned:
        trusted = self._trust >= _TRUST_FRAMES
        if not trusted and share > _SPEECH_SHARE:
            return Cleaned(frame, frame, explained=False)
        residual = heard - self._predicted(behind)
        passed = (share - _ECHO_SHARE) / (_SPEECH_SHARE - _ECHO_SHARE)
        gain = _ECHO_GAIN + (1.0 - _ECHO_GAIN) * min(1.0, max(0.0, passed))
        return Cleaned(_frame(residual) if trusted else frame, _frame(residual * gain), explained=share < _ECHO_SHARE)

    def _predicted(self, behind: int) -> _Signal:
        """Return the echo in the newest frame at 16 kHz: the 8 kHz response, interpolated, over the full-rate audio."""
        end = len(self._played.full) - behind * FRAME_SAMPLES - 2 * ((self._delay or 0) - _TAPS_BEFORE)
        centre = len(_INTERPOLATE) // 2
        start = end - FRAME_SAMPLES - len(self._response) + 1 + centre
        missing = max(0, end + centre - len(self._played.full))
        source = self._played.full[start : end + centre]
        if missing:
            source = np.concatenate((source, np.zeros(missing, np.float32)))
        return np.convolve(source, self._response, "valid")

    def _past(self, rows: int, behind: int) -> _Signal:
        """Return for each of the newest `rows` samples heard the `_TAPS` samples played before it, newest first."""
        end = len(self._played.half) - behind * _HALF - ((self._delay or 0) - _TAPS_BEFORE)
        played = self._played.half[end - rows - _TAPS + 1 : end]
        return np.lib.stride_tricks.sliding_window_view(played, _TAPS)[:, ::-1]

    # --- learning

    def _learn(self, past: _Signal, target: _Signal, share: float) -> None:
        """Take a frame that was mostly explained into the fit; a caller's voice would spoil it."""
        if share > _SPEECH_SHARE:
            self._trust = max(_TRUST_LOST, self._trust - 1) if self._trust < _TRUST_FRAMES else self._trust
            if self._trust == _TRUST_LOST:
                self._forget_path()
            return
        self._trust = min(_TRUST_FRAMES, max(self._trust, 0) + 1)
        self._covariance *= _FORGET
        self._correlation *= _FORGET
        self._add(past, target)
        self._learnt += 1
        if self._learnt % _SOLVE_EVERY == 0:
            self._solve()

    def _add(self, past: _Signal, target: _Signal) -> None:
        parts = past.reshape(-1, _HALF // _PARTS, _TAPS)
        self._covariance += (parts.transpose(0, 2, 1) @ parts).sum(axis=0)
        self._correlation += past.T @ target

    def _solve(self) -> None:
        load = _LOAD * float(np.trace(self._covariance)) / _TAPS + 1.0
        loaded = self._covariance + load * np.eye(_TAPS, dtype=np.float32)
        self._weights = np.linalg.solve(loaded, self._correlation).astype(np.float32)
        spread = np.zeros(2 * _TAPS - 1, np.float32)
        spread[::2] = self._weights
        self._response = (np.convolve(spread, _INTERPOLATE) / 2).astype(np.float32)

    def _search(self, behind: int) -> None:
        """Look for a delay at which one copy of what was played explains most of the newest 200 ms."""
        self.searches += 1
        heard = _whitened(self._heard.half[-_SEARCH:])
        end = len(self._played.half) - behind * _HALF
        played = _whitened(self._played.half[end - _SEARCH - _MAX_DELAY : end])
        size = fft.next_fast_len(len(played), real=True)
        spectrum = fft.rfft(played, size) * np.conj(fft.rfft(heard, size))
        products = fft.irfft(spectrum, size)[: _MAX_DELAY + 1]
        energy = np.concatenate((np.zeros(1), np.cumsum(played.astype(np.float64) ** 2)))
        energies = energy[_SEARCH:] - energy[: _MAX_DELAY + 1]
        explained = products**2 / (np.maximum(energies, 1.0) * max(1.0, float(heard @ heard)))
        best = int(np.argmax(explained))
        delay = _MAX_DELAY - best
        if explained[best] < _FOUND or (self._delay is not None and abs(delay - self._delay) < _TAPS_BEFORE // 2):
            return
        self._forget_path()
        self._delay = max(delay, _TAPS_BEFORE)
        self._add(self._past(_SEARCH, behind), self._heard.half[-_SEARCH:])
        self._solve()


def _samples(frame: bytes) -> _Signal:
    return np.frombuffer(frame, "<i2").astype(np.float32)


def _frame(samples: _Signal) -> bytes:
    audio: Pcm = np.clip(np.rint(samples), -32_768, 32_767).astype("<i2")
    return audio.tobytes()


def _whitened(samples: _Signal) -> _Signal:
    """Flatten a voice's spectrum, so that its delay shows as one peak and not one a pitch period."""
    flat = samples.copy()
    flat[1:] -= 0.9 * samples[:-1]
    return flat
