"""Journal files: where they lie, how they are written and how they are read back.

`DATA_DIR/journals/YYYY-MM-DD/ID.jsonl` holds the lines, `ID.ulaw` beside it the bot's audio. While a call is recorded
its process holds a lock on the first (flock, which the kernel drops with the process), so that others can tell a
running call from one that was killed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import voicebot.core
from voicebot.journal.codec import CodecError
from voicebot.journal.lines import FORMAT, LINES, Audio, End, Header, Line, Playout, Step

_CALL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


class JournalError(Exception):
    """A journal that is missing or cannot be understood; the message names the file, the line and the remedy."""


@cache
def core_version() -> str:
    """Return the SHA-256, in hex, over the names and contents of the core's sources."""
    digest = hashlib.sha256()
    for folder in voicebot.core.__path__:
        for source in sorted(Path(folder).glob("*.py")):
            content = source.read_bytes()
            digest.update(f"{source.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def journal_path(data_dir: Path, call_id: str, started_at: str) -> Path:
    """Return where the journal of a call lies that started at `started_at` (ISO 8601)."""
    if not _CALL_ID.fullmatch(call_id):
        raise JournalError(f"{call_id!r} is not a call id")
    return data_dir / "journals" / started_at[:10] / f"{call_id}.jsonl"


def recording_path(data_dir: Path, call_id: str, started_at: str) -> Path:
    """Return where the recording of that call lies, if its dialplan wants one: by day, as journals do."""
    if not _CALL_ID.fullmatch(call_id):
        raise JournalError(f"{call_id!r} is not a call id")
    return data_dir / "recordings" / started_at[:10] / f"{call_id}.wav"


def journal_paths(data_dir: Path) -> Iterator[Path]:
    """Yield every journal below `data_dir`, oldest day first."""
    return iter(sorted((data_dir / "journals").glob("*/*.jsonl")))


def find_journal(data_dir: Path, call_id: str) -> Path:
    """Return the journal of a call. Raises JournalError when there is none."""
    if _CALL_ID.fullmatch(call_id):
        for path in (data_dir / "journals").glob(f"*/{call_id}.jsonl"):
            return path
    raise JournalError(f"no journal of a call {call_id!r} below {data_dir / 'journals'}; see `voicebot calls list`")


class JournalFile:
    """The writing side. Its methods raise OSError; the caller decides what a full disk means."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lines = path.open("xb")
        self._audio = path.with_suffix(".ulaw").open("xb")
        self._offset = 0
        # Nobody else holds it for longer than a look (`is_being_written`).
        fcntl.flock(self._lines, fcntl.LOCK_EX)

    def write(self, line: Line) -> None:
        """Append a line; it reaches the file with the next `flush`. Raises CodecError for a line that is ill-formed."""
        self._lines.write(LINES.encode(line).encode("ascii") + b"\n")

    def write_audio(self, speech: int, ulaw: bytes) -> Audio:
        """Append audio and the line that refers to it; return the line."""
        line = Audio(speech, self._offset, len(ulaw))
        self._audio.write(ulaw)
        self._offset += len(ulaw)
        self.write(line)
        return line

    def flush(self) -> None:
        """Hand everything to the kernel, audio first: a line never refers to audio that is not there."""
        self._audio.flush()
        self._lines.flush()

    def sync(self) -> None:
        """Put everything on the disk."""
        self.flush()
        os.fsync(self._audio.fileno())
        os.fsync(self._lines.fileno())

    def close(self) -> None:
        """Release the files and the lock. Buffers that the disk refuses are lost, and OSError is raised."""
        try:
            self._audio.close()
        finally:
            self._lines.close()


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal as it was read. `end` is None when the call was killed; `torn`: its last line was cut short."""

    path: Path
    header: Header
    lines: tuple[Step | Audio | Playout, ...]
    end: End | None
    torn: bool

    def audio(self) -> dict[int, bytes]:
        """Return the mu-law of each speech, end to end. Audio that never reached the file is missing."""
        blob = self.path.with_suffix(".ulaw")
        return speech_audio(self.lines, blob.read_bytes() if blob.exists() else b"")


def speech_audio(
    lines: tuple[Step | Audio | Playout, ...] | list[Step | Audio | Playout], blob: bytes
) -> dict[int, bytes]:
    """Cut the audio file of a call into its speeches."""
    pieces: dict[int, list[bytes]] = {}
    for line in lines:
        if isinstance(line, Audio):
            pieces.setdefault(line.speech, []).append(blob[line.offset : line.offset + line.length])
    return {speech: b"".join(parts) for speech, parts in pieces.items()}


def is_being_written(path: Path) -> bool:
    """Tell whether the process that records this journal still lives."""
    with path.open("rb") as lines:
        try:
            fcntl.flock(lines, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def read_journal(path: Path) -> Journal:
    """Read a journal, a killed call's too. Raises JournalError."""
    try:
        raw = path.read_bytes().split(b"\n")
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}") from error
    # A complete file ends in a line break, so what follows the last one is a line that was cut short.
    torn = raw.pop() != b""
    records = [_decode(path, number, text) for number, text in enumerate(raw, start=1)]
    header, rest = records[0] if records else None, records[1:]
    if not isinstance(header, Header):
        raise JournalError(f"{path}:1: not a journal: it must begin with a header")
    if header.format != FORMAT:
        raise JournalError(f"{path}:1: format {header.format}, but this version of voicebot reads format {FORMAT}")
    end = rest.pop() if rest and isinstance(rest[-1], End) else None
    lines = tuple(line for line in rest if isinstance(line, Step | Audio | Playout))
    if len(lines) != len(rest):
        raise JournalError(f"{path}: a header or an end stands in the middle; the file is damaged")
    return Journal(path, header, lines, end if isinstance(end, End) else None, torn)


def _decode(path: Path, number: int, text: bytes) -> Line:
    try:
        line = LINES.decode(text)
    except CodecError as error:
        raise JournalError(f"{path}:{number}: {error}; the file is damaged or of another version") from error
    if not isinstance(line, Line):
        raise JournalError(f"{path}:{number}: {type(line).__name__} is no line of a journal")
    return line
