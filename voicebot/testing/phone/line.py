"""The audio of one leg: a socket, and a thread that paces frames of 20 ms by the monotonic clock.

Between utterances the line carries a faint noise (about -77 dBFS), as a live microphone does, not digital silence.
Arrivals carry the kernel's time stamps, so that a busy interpreter does not show up as the bot's lateness.
"""

from __future__ import annotations

import logging
import queue
import secrets
import select
import socket
import struct
import threading
import time
from typing import NamedTuple

import numpy as np

from voicebot.testing.link import Link
from voicebot.testing.phone import g711, rtp
from voicebot.testing.phone.message import Address
from voicebot.testing.phone.recording import Frame, Pcm, Recording
from voicebot.testing.phone.sdp import Media
from voicebot.testing.wire import Stretch, voiced_bounds

logger = logging.getLogger(__name__)

_SO_TIMESTAMPNS = 35
"""Linux; not among the constants of `socket`."""
_TIMESPEC = struct.Struct("@qq")
_NOISE_PEAK = 8
_PAUSE_AFTER_KEY: tuple[list[rtp.TelephoneEvent], ...] = ([],) * 4
"""80 ms without a report."""
_WAITING_KEY_FRAMES = 1000
_WAITING_UTTERANCES = 16
_DATAGRAM = 2048


class LineClosed(Exception):
    """The call ended before the utterance was out."""


class Leak(NamedTuple):
    """How the phone sends back what it plays: `gain_db` below it, `delay_ms` late."""

    gain_db: float
    delay_ms: int


class _KeyFrame(NamedTuple):
    """What a key press sends in one frame; `done` marks the end of a run."""

    reports: list[rtp.TelephoneEvent]
    done: threading.Event | None = None


class Utterance:
    """Speech on its way to the line. `wait` returns its voiced stretch as it left."""

    def __init__(self, pcm: Pcm) -> None:
        silence = np.zeros(-len(pcm) % rtp.SAMPLES_PER_FRAME, np.int16)
        self.frames = list(np.concatenate([pcm, silence]).reshape(-1, rtp.SAMPLES_PER_FRAME))
        self.bounds = voiced_bounds(pcm) or (0, len(pcm))
        self.sent_at_ms: list[float] = []
        self.stretch: Stretch | None = None
        self.done = threading.Event()

    def wait(self) -> Stretch:
        """Wait until the last frame has left. Raises LineClosed."""
        self.done.wait()
        if self.stretch is None:
            raise LineClosed
        return self.stretch

    def finish(self) -> Stretch:
        """Date the voiced samples by the frames that carried them."""
        first, last = (divmod(sample, rtp.SAMPLES_PER_FRAME) for sample in (self.bounds[0], self.bounds[1] - 1))
        self.stretch = Stretch(self.sent_at_ms[first[0]] + first[1] / 8, self.sent_at_ms[last[0]] + (last[1] + 1) / 8)
        self.done.set()
        return self.stretch


class AudioLine:
    """One leg's RTP. `media` says where we listen; `connect` tells where the other side does and starts the clock."""

    def __init__(self, local_ip: str, recording: Recording, leg: int) -> None:
        family = socket.AF_INET6 if ":" in local_ip else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((local_ip, 0))
        self._socket.setblocking(False)  # noqa: FBT003  the standard library takes it by position
        self.address = Address(*self._socket.getsockname()[:2])
        self.late_frames = 0
        """Frames that left more than 10 ms after their time."""
        self.strange_packets = 0
        """Packets that were not RTP of the codec or the events agreed on, or came from another host."""
        self.muted = False
        self.leak: Leak | None = None
        self.link: Link | None = None
        """What our packets go through on their way out."""
        self._recording = recording
        self._leg = leg
        self._remote: Media | None = None
        self._utterances: queue.Queue[Utterance] = queue.Queue(_WAITING_UTTERANCES)
        self._speaking: Utterance | None = None
        self._keys: queue.Queue[_KeyFrame] = queue.Queue(_WAITING_KEY_FRAMES)
        self._key_started = 0
        self._last_key_heard = (-1, "")
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(31)
        noise = np.random.default_rng(7).integers(-_NOISE_PEAK, _NOISE_PEAK + 1, 50 * rtp.SAMPLES_PER_FRAME)
        self._noise = noise.astype(np.int16).reshape(50, rtp.SAMPLES_PER_FRAME)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="phone-rtp", daemon=True)

    def connect(self, remote: Media) -> None:
        """Send to `remote` from now on, in its first codec; while it does not receive, nothing is sent."""
        self._remote = remote
        if not self._thread.is_alive() and not self._closing.is_set():
            self._thread.start()

    def say(self, pcm: Pcm) -> Utterance:
        """Queue speech (int16, 8 kHz) behind what is queued. Raises queue.Full beyond 16 utterances, and LineClosed."""
        if self._closing.is_set():
            raise LineClosed
        utterance = Utterance(pcm)
        self._utterances.put_nowait(utterance)
        return utterance

    def press(self, keys: str) -> threading.Event:
        """Queue key presses of 100 ms (RFC 4733); the event is set when all have left or the line was closed.

        Raises ValueError for what is no key, queue.Full beyond 100 keys, and LineClosed.
        """
        if not keys or any(key not in rtp.KEYS for key in keys):
            raise ValueError(f"keys are among {rtp.KEYS}")
        if self._closing.is_set():
            raise LineClosed
        done = threading.Event()
        frames = [_KeyFrame(reports) for key in keys for reports in (*rtp.key_press(key), *_PAUSE_AFTER_KEY)]
        for frame in (*frames, _KeyFrame([], done)):
            self._keys.put_nowait(frame)
        return done

    def change_source(self) -> None:
        """Go on as a new source: another SSRC, sequence and timestamp (RFC 3550 8.2), as after a gateway's switch."""
        self._ssrc, self._sequence, self._timestamp = secrets.randbits(32), secrets.randbits(16), secrets.randbits(31)

    def close(self) -> None:
        """Stop the thread and free the port. Whoever waits for an utterance gets LineClosed."""
        self._closing.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        self._socket.close()
        while not self._utterances.empty():
            self._utterances.get_nowait().done.set()
        while not self._keys.empty():
            if done := self._keys.get_nowait().done:
                done.set()
        if self._speaking is not None:
            self._speaking.done.set()

    def _run(self) -> None:
        due = time.monotonic()
        frame = 0
        while not self._closing.is_set():
            delivery_s = self._deliver()
            wait_s = due - time.monotonic()
            if wait_s > 0:
                if select.select([self._socket], [], [], min(wait_s, delivery_s))[0]:
                    self._receive()
                continue
            self.late_frames += wait_s < -0.01  # noqa: PLR2004  half a frame
            self._tick(self._noise[frame % len(self._noise)])
            frame += 1
            due += rtp.FRAME_MS / 1000

    def _tick(self, noise: Pcm) -> None:
        if not self._keys.empty():
            self._send_key(self._keys.get_nowait())
        else:
            self._send_audio(noise)
        self._timestamp = (self._timestamp + rtp.SAMPLES_PER_FRAME) % (1 << 32)

    def _send_audio(self, noise: Pcm) -> None:
        if self._speaking is None and not self._utterances.empty():
            self._speaking = self._utterances.get_nowait()
        speaking = self._speaking
        pcm = noise if speaking is None else speaking.frames[len(speaking.sent_at_ms)]
        if self.leak is not None:
            pcm = self._leaking(pcm, self.leak)
        remote = self._remote
        at_ms = time.monotonic() * 1000
        if remote is not None and remote.receives and not self.muted:
            codec = remote.codecs[0]
            self._send(
                codec, g711.encode(pcm, codec), self._timestamp, marker=speaking is not None and not speaking.sent_at_ms
            )
            self._recording.keep_sent(Frame(at_ms, self._leg, self._timestamp, pcm))
        if speaking is not None:
            speaking.sent_at_ms.append(at_ms)
            if len(speaking.sent_at_ms) == len(speaking.frames):
                self._speaking = None
                self._recording.spoken.append(speaking.finish())

    def _leaking(self, pcm: Pcm, leak: Leak) -> Pcm:
        heard, back = self._recording.heard, leak.delay_ms // rtp.FRAME_MS
        if len(heard) <= back or len(heard[-1 - back].pcm) != len(pcm):
            return pcm
        echo = heard[-1 - back].pcm.astype(np.float64) * 10 ** (leak.gain_db / 20)
        return np.clip(np.rint(pcm + echo), -32768, 32767).astype(np.int16)

    def _send_key(self, frame: _KeyFrame) -> None:
        if frame.done is not None:
            self._recording.pressed_ms.append(time.monotonic() * 1000)
            frame.done.set()
        remote = self._remote
        if remote is None or remote.event_type is None:
            return
        for report in frame.reports:
            first = report.duration == rtp.SAMPLES_PER_FRAME
            if first:
                self._key_started = self._timestamp
            self._send(remote.event_type, report.encode(), self._key_started, marker=first)

    def _send(self, payload_type: int, payload: bytes, timestamp: int, *, marker: bool) -> None:
        packet = rtp.RtpPacket(payload_type, self._sequence, timestamp, self._ssrc, payload, marker)
        self._sequence = (self._sequence + 1) % (1 << 16)
        if self.link is None:
            self._put_out(packet.encode())
        else:
            self.link.send(packet.encode(), time.monotonic() * 1000)

    def _deliver(self) -> float:
        """Let out what has passed the link; return the seconds until the next packet has."""
        if self.link is None:
            return rtp.FRAME_MS / 1000
        now_ms = time.monotonic() * 1000
        for datagram in self.link.take(now_ms):
            self._put_out(datagram)
        next_ms = self.link.next_ms
        return rtp.FRAME_MS / 1000 if next_ms is None else (next_ms - now_ms) / 1000

    def _put_out(self, datagram: bytes) -> None:
        try:
            self._socket.sendto(datagram, self._remote.address if self._remote else self.address)
        except OSError as error:  # the other side's port is gone; the BYE will tell
            logger.debug("RTP not sent", extra={"errno": error.errno})

    def _receive(self) -> None:
        while True:
            try:
                datagram, stamps, _, source = self._socket.recvmsg(_DATAGRAM, 128)
            except OSError:  # nothing more, or an ICMP error of an earlier send
                return
            try:
                self._take(rtp.RtpPacket.parse(datagram), _arrival_ms(stamps), source[0])
            except rtp.MalformedPacket:
                self.strange_packets += 1

    def _take(self, packet: rtp.RtpPacket, at_ms: float, host: str) -> None:
        remote = self._remote
        if remote is None or host != remote.address.host:
            self.strange_packets += 1
        elif packet.payload_type in remote.codecs:
            pcm = g711.decode(packet.payload, packet.payload_type)
            self._recording.keep_heard(Frame(at_ms, self._leg, packet.timestamp, pcm))
        elif packet.payload_type == remote.event_type:
            event = rtp.TelephoneEvent.parse(packet.payload)
            if (packet.timestamp, event.key) != self._last_key_heard:
                self._last_key_heard = (packet.timestamp, event.key)
                self._recording.keys.append(event.key)
        else:
            self.strange_packets += 1


def _arrival_ms(stamps: list[tuple[int, int, bytes]]) -> float:
    """Return the kernel's time of arrival, moved from the wall clock to the monotonic one."""
    now_ms = time.monotonic() * 1000
    for level, kind, value in stamps:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            age_ms: float = time.time() * 1000 - (seconds * 1000 + nanoseconds / 1e6)
            return now_ms - max(0.0, age_ms)
    return now_ms
