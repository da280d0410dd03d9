"""Rendered speech that is said again and again: greetings, scaffolding, apologies.

Only phrases that a dialplan fixes are put here, by `warm`; what is said about a caller's own matter is rendered and
forgotten. So one cache serves all tenants, and its files hold nothing that is not in a dialplan.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from voicebot.cache.shelf import Kind, Outcome
from voicebot.cache.tally import Tally
from voicebot.media.frames import FRAME_BYTES, SAMPLE_RATE
from voicebot.tts.diction import PLAIN, Diction
from voicebot.tts.framing import levelled_frames, render
from voicebot.tts.protocol import TtsEngine

_LOG = logging.getLogger(__name__)
_SUFFIX = ".pcm"
_UNFINISHED = ".new"
_DIGEST_BYTES = hashlib.sha256().digest_size


def speech_key(engine: TtsEngine, text: str) -> str:
    """Name the audio of `text`, as it is spoken.

    SHA-256 over engine, voice, version, rate, speed and text, as hexadecimal.
    """
    parts = (engine.name, engine.voice, engine.version, str(SAMPLE_RATE), f"{engine.speed:g}", text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Wait until no other process or thread writes into a folder. The kernel frees it when its holder is killed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class SpeechCache:
    """Frames of int16 mono at 16 kHz by key, in memory and, if a folder is given, on disk. Thread-safe.

    Both are bounded in bytes; the entry that was used longest ago goes first and counts in `evicted`. The folder may
    be shared by processes: one writes at a time, a file appears whole or not at all, and one that does not match its
    digest is a miss. Room is made before it is taken, so that the folder never exceeds its bound; what a writer that
    was killed has left goes before the next entry is written.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        memory_bytes: int = 32 * 2**20,
        disk_bytes: int = 256 * 2**20,
        tally: Tally | None = None,
    ) -> None:
        """`tally` counts all that is counted here as well, beside the other caches."""
        self._tally = tally
        self.hits = 0
        self.misses = 0
        self.evicted = 0
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, bytes] = OrderedDict()
        self._held_bytes = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def in_memory(self, key: str) -> bytes | None:
        """Return the frames if no file must be read for them: for threads that may not wait."""
        with self._lock:
            frames = self._entries.get(key)
            if frames is not None:
                self._entries.move_to_end(key)
                self._count(Outcome.HIT)
            return frames

    def get(self, key: str) -> bytes | None:
        """Return the frames from memory, else from disk."""
        frames = self.in_memory(key)
        if frames is None:
            frames = self._read(key)
            if frames is not None:
                self._remember(key, frames)
            with self._lock:
                self._count(Outcome.MISS if frames is None else Outcome.HIT)
        return frames

    def put(self, key: str, frames: bytes) -> None:
        """Keep `frames`, whole ones of 640 bytes. A disk that is full costs a log line, not the entry in memory."""
        if len(frames) % FRAME_BYTES:
            raise ValueError(f"{len(frames)} bytes are not whole frames of {FRAME_BYTES}")
        self._remember(key, frames)
        if self._folder is None:
            return
        try:
            self._write(self._folder, key, hashlib.sha256(frames).digest() + frames)
        except OSError as error:
            _LOG.warning("speech cache cannot write", extra={"folder": str(self._folder), "error": str(error)})

    def warm(self, engine: TtsEngine, texts: Iterable[str], diction: Diction = PLAIN) -> int:
        """Render what is missing, on this thread, and return how many that were. Raises SpeakingFailed."""
        rendered = 0
        for text in dict.fromkeys(diction.spoken(text) for text in texts if diction.recorded(text) is None):
            key = speech_key(engine, text)
            if self.get(key) is None:
                self.put(key, levelled_frames(render(engine, text)))
                rendered += 1
        return rendered

    def clear(self) -> None:
        """Forget everything, on disk as well."""
        with self._lock:
            self._entries.clear()
            self._held_bytes = 0
        if self._folder is not None:
            with sole_writer(self._folder):
                for file in self._folder.iterdir():
                    file.unlink(missing_ok=True)

    def sizes(self) -> tuple[int, int]:
        """Return the bytes held in memory and on disk."""
        with self._lock:
            return self._held_bytes, sum(size for _, size, _ in self._by_age())

    def held(self) -> tuple[int, int]:
        """Return the entries and bytes in memory."""
        with self._lock:
            return len(self._entries), self._held_bytes

    def _count(self, outcome: Outcome) -> None:
        match outcome:
            case Outcome.HIT:
                self.hits += 1
            case Outcome.MISS:
                self.misses += 1
            case Outcome.EVICTED:
                self.evicted += 1
            case _:
                pass
        if self._tally is not None:
            self._tally.count(Kind.TTS, "", outcome)

    def _remember(self, key: str, frames: bytes) -> None:
        with self._lock:
            self._held_bytes += len(frames) - len(self._entries.pop(key, b""))
            self._entries[key] = frames
            while self._held_bytes > self._memory_bytes:
                _, dropped = self._entries.popitem(last=False)
                self._held_bytes -= len(dropped)
                self._count(Outcome.EVICTED)

    def _read(self, key: str) -> bytes | None:
        if self._folder is None:
            return None
        file = self._folder / f"{key}{_SUFFIX}"
        try:
            content = file.read_bytes()
            os.utime(file)
        except OSError:
            return None
        digest, frames = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(frames).digest() != digest:
            file.unlink(missing_ok=True)
            _LOG.warning("speech cache dropped a damaged file", extra={"file": file.name})
            return None
        return frames

    def _write(self, folder: Path, key: str, content: bytes) -> None:
        """Write beside and rename: readers of other processes see a whole file or none."""
        if len(content) > self._disk_bytes:
            return
        with sole_writer(folder):
            for left_behind in folder.glob(f"*{_UNFINISHED}"):
                left_behind.unlink(missing_ok=True)
            self._make_room(folder, len(content))
            beside = folder / f"{key}{_UNFINISHED}"
            try:
                beside.write_bytes(content)
                beside.replace(folder / f"{key}{_SUFFIX}")
            except OSError:
                beside.unlink(missing_ok=True)
                raise

    def _make_room(self, folder: Path, size: int) -> None:
        files = self._by_age()
        excess = sum(size for _, size, _ in files) + size - self._disk_bytes
        for _, freed, name in files:
            if excess <= 0:
                return
            (folder / name).unlink(missing_ok=True)
            excess -= freed
            self._count(Outcome.EVICTED)

    def _by_age(self) -> list[tuple[int, int, str]]:
        """List the files as (time of last use in ns, bytes, name), oldest first. Others may delete them meanwhile."""
        found = []
        for file in self._files():
            try:
                status = file.stat()
            except FileNotFoundError:
                continue
            found.append((status.st_mtime_ns, status.st_size, file.name))
        return sorted(found)

    def _files(self) -> list[Path]:
        return [] if self._folder is None else list(self._folder.glob(f"*{_SUFFIX}"))
