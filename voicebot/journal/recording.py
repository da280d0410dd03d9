"""One call being recorded: the half of the journal that only the writer's thread touches."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicebot.journal.codec import CodecError
from voicebot.journal.file import Journal, JournalError, JournalFile, journal_path, speech_audio
from voicebot.journal.lines import Audio, End, Header, Playout, Step
from voicebot.journal.outgoing import OutgoingAudioError, logged_ticks, outgoing_sha256, playout_entries
from voicebot.journal.summary import Summary, summarise
from voicebot.media import g711
from voicebot.store.records import CallRecord

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended."""

    disposition: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio that the playout ring accepted: 16 kHz, int16, mono, whole frames."""

    speech: int
    pcm: bytes


Item = Step | Sound | Playout


class Recording:
    """Writes one journal. A disk that refuses is reported once; the call and its record go on without the journal."""

    def __init__(self, data_dir: Path, header: Header, policy_json: str) -> None:
        self._data_dir = data_dir
        self._header = header
        self._lines: list[Step | Audio | Playout] = []
        self._path = journal_path(data_dir, header.call_id, header.started_at)
        self._file: JournalFile | None = None
        self._whole = True
        try:
            keep_policy(data_dir, header.policy_hash, policy_json)
            self._file = JournalFile(self._path)
            self._file.write(header)
            self._file.flush()
        except OSError as error:
            self._give_up(error)

    @property
    def started(self) -> CallRecord:
        """The record of the call as it begins."""
        return self._summary(None, {})[0]

    def take(self, item: Item) -> None:
        """Append an item."""
        try:
            self._append(item)
        except CodecError:
            if self._whole:
                logger.exception("journal entry cannot be encoded", extra={"call_id": self._header.call_id})
            self._whole = False
        except OSError as error:
            self._give_up(error)

    def flush(self) -> None:
        """Hand what was appended to the kernel, so that it survives the process."""
        try:
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            self._give_up(error)

    def finish(self, ending: Ending, *, complete: bool) -> Summary:
        """Write the last line, put the journal on the disk and return what the store keeps of the call.

        `complete` tells that no entry was dropped on the way here.
        """
        self.flush()
        audio = self._audio()
        log = playout_entries(self._lines)
        replayable, ticks, sha256 = complete and self._whole, logged_ticks(log), ""
        if replayable:
            try:
                sha256 = outgoing_sha256(log, audio, ticks)
            except OutgoingAudioError as error:
                replayable = False
                logger.warning(
                    "outgoing audio is not replayable", extra={"call_id": self._header.call_id, "reason": str(error)}
                )
        end = End(ending.disposition, ending.reason_code, ticks, sha256, replayable)
        try:
            if self._file is not None:
                self._file.write(end)
                self._file.sync()
                self._file.close()
        except OSError as error:
            self._give_up(error)
            end = End(ending.disposition, ending.reason_code, ticks, sha256, replayable=False)
        return self._summary(end, audio)

    def abandon(self) -> None:
        """Close the files of a call that never ended here; it counts as interrupted."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _summary(self, end: End | None, audio: dict[int, bytes]) -> Summary:
        journal = Journal(self._path, self._header, tuple(self._lines), end, torn=False)
        return summarise(self._data_dir, journal, audio)

    def _append(self, item: Item) -> None:
        if isinstance(item, Sound):
            if self._file is not None:
                ulaw = g711.mulaw_encode(np.frombuffer(item.pcm, dtype="<i2"))
                self._lines.append(self._file.write_audio(item.speech, ulaw))
            return
        self._lines.append(item)
        if self._file is not None:
            self._file.write(item)

    def _audio(self) -> dict[int, bytes]:
        blob = self._path.with_suffix(".ulaw")
        try:
            return speech_audio(self._lines, blob.read_bytes())
        except OSError:
            return {}

    def _give_up(self, error: OSError) -> None:
        self._whole = False
        logger.error(
            "journal cannot be written; the call goes on unrecorded: free space or make the directory writable",
            extra={"call_id": self._header.call_id, "path": str(self._path), "error": error.strerror},
        )
        self.abandon()
        self._file = None


def keep_policy(data_dir: Path, sha256: str, policy_json: str) -> None:
    """Keep a resolved policy beside the journals under its hash, so that no replay depends on the database.

    Raises OSError.
    """
    path = policy_path(data_dir, sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(policy_json)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def policy_path(data_dir: Path, sha256: str) -> Path:
    """Return where the resolved policy of that hash is kept. Raises JournalError for what is no hash."""
    if not sha256.isalnum():
        raise JournalError(f"{sha256!r} is not the hash of a policy")
    return data_dir / "policies" / f"{sha256}.json"
