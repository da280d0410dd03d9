"""The bridge's end on our side: one 20 ms frame in, one 20 ms frame out, at 16 kHz.

Both callbacks run on pjsip's clock thread and need the GIL, so they copy and hand over, nothing else. The process
should set `sys.setswitchinterval(0.0002)`: with Python's 5 ms default one busy thread delays every frame.
`bytes(frame.buf)` goes through the wrapper byte by byte (about 300 us); reading the vector's storage directly takes
1.4 us. A std::vector begins with the pointer to its storage in every C++ library that CPython wheels are built with.
"""

from __future__ import annotations

from ctypes import c_void_p, memmove, string_at

import pjsua2 as pj

from voicebot.sip.legs import FRAME_BYTES, RATE, FrameSink, FrameSource

_FRAME_US = 20_000
_SAMPLE_BITS = 16
_SILENCE = bytes(FRAME_BYTES)


def _storage(vector: pj.ByteVector) -> int:
    return c_void_p.from_address(int(vector.this)).value or 0


class AudioPort(pj.AudioMediaPort):
    """A conference-bridge port that belongs to one leg. Create, connect and drop it on the SIP thread only."""

    def __init__(self, frames: FrameSink, playout: FrameSource) -> None:
        super().__init__()
        self._put = frames.put
        self._pop = playout.pop
        self._outgoing = pj.ByteVector(FRAME_BYTES, 0)
        self._outgoing_storage = _storage(self._outgoing)
        layout = pj.MediaFormatAudio()
        layout.init(pj.PJMEDIA_FORMAT_PCM, RATE, 1, _FRAME_US, _SAMPLE_BITS)
        self.createPort("bot", layout)

    def onFrameReceived(self, frame: pj.MediaFrame) -> None:
        """Hand the caller's frame over; a tick on which nothing could be decoded counts as silence."""
        heard = frame.size == FRAME_BYTES
        self._put(string_at(_storage(frame.buf), FRAME_BYTES) if heard else _SILENCE)

    def onFrameRequested(self, frame: pj.MediaFrame) -> None:
        """Give the bot's next frame. A frame of another size would overrun the buffer, so it plays as silence."""
        said = self._pop()
        if said is None or len(said) != FRAME_BYTES:
            said = _SILENCE
        memmove(self._outgoing_storage, said, FRAME_BYTES)
        frame.buf = self._outgoing
        frame.size = FRAME_BYTES
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
