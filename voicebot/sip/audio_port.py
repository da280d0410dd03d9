"""The bridge's end on our side: one 20 ms frame in, one 20 ms frame out, at 16 kHz.

Both callbacks run on pjsip's clock thread and need the GIL, so they copy and hand over, nothing else. The process
should set `sys.setswitchinterval(0.0002)`: with Python's 5 ms default one busy thread delays every frame.
`bytes(frame.buf)` goes through the wrapper byte by byte (about 300 us); reading the vector's storage directly takes
1.4 us. A std::vector begins with the pointer to its storage in every C++ library that CPython wheels are built with.

A port that is freed while the clock thread is inside one of its callbacks takes the process with it, and the bridge
takes a port out later than it is told to. So ports are never freed while the clock runs: a leg borrows one.
"""

from __future__ import annotations

import logging
from ctypes import c_void_p, memmove, string_at

import pjsua2 as pj

from voicebot.sip.legs import FRAME_BYTES, RATE, FrameSink, FrameSource

_LOG = logging.getLogger(__name__)
_FRAME_US = 20_000
_SAMPLE_BITS = 16
_SILENCE = bytes(FRAME_BYTES)


def _storage(vector: pj.ByteVector) -> int:
    return c_void_p.from_address(int(vector.this)).value or 0


class _Nobody:
    """Hears and says nothing: the owner of a port that no leg has borrowed."""

    def put(self, frame: bytes) -> None:
        pass

    def pop(self) -> bytes | None:
        return None


class AudioPort(pj.AudioMediaPort):
    """A conference-bridge port. Created and freed on the SIP thread, by `AudioPorts` only."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._failed = False
        self.belong_to(_Nobody(), _Nobody())
        self._outgoing = pj.ByteVector(FRAME_BYTES, 0)
        self._outgoing_storage = _storage(self._outgoing)
        layout = pj.MediaFormatAudio()
        layout.init(pj.PJMEDIA_FORMAT_PCM, RATE, 1, _FRAME_US, _SAMPLE_BITS)
        self.createPort(f"bot{number}", layout)

    def belong_to(self, frames: FrameSink, playout: FrameSource) -> None:
        """Give what is heard to `frames` and say what `playout` gives, from the next tick on."""
        self._put, self._pop = frames.put, playout.pop

    def onFrameReceived(self, frame: pj.MediaFrame) -> None:
        """Hand the caller's frame over; a tick on which nothing could be decoded counts as silence."""
        try:
            heard = frame.size == FRAME_BYTES
            self._put(string_at(_storage(frame.buf), FRAME_BYTES) if heard else _SILENCE)
        except Exception:  # noqa: BLE001 - the wrapper would keep the traceback, and with it this port
            self._report()

    def onFrameRequested(self, frame: pj.MediaFrame) -> None:
        """Give the bot's next frame. A frame of another size would overrun the buffer, so it plays as silence."""
        said = None
        try:
            said = self._pop()
        except Exception:  # noqa: BLE001 - as above
            self._report()
        if said is None or len(said) != FRAME_BYTES:
            said = _SILENCE
        memmove(self._outgoing_storage, said, FRAME_BYTES)
        frame.buf = self._outgoing
        frame.size = FRAME_BYTES
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO

    def _report(self) -> None:
        if not self._failed:
            self._failed = True
            _LOG.exception("audio callback failed")


class AudioPorts:
    """Lends ports to legs. Used on the SIP thread; dropped there, after the library's clock was stopped."""

    def __init__(self) -> None:
        self._free: list[AudioPort] = []
        self._made = 0

    def lend(self, frames: FrameSink, playout: FrameSource) -> AudioPort:
        """Return a port that speaks and hears for these two."""
        if not self._free:
            self._made += 1
            self._free.append(AudioPort(self._made))
        port = self._free.pop()
        port.belong_to(frames, playout)
        return port

    def take_back(self, port: AudioPort) -> None:
        """Take a port whose leg is gone."""
        port.belong_to(_Nobody(), _Nobody())
        self._free.append(port)
