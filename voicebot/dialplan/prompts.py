"""The recorded prompts of a dialplan: which file says which phrase, and what is wrong with those that cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from voicebot.dialplan.engines import ALL_OF_A_FOLDER
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.rules import Finding
from voicebot.dialplan.source import Path_
from voicebot.media.recordings import UnusableRecording, phrase_key, read_recording

_HERE: Path_ = ("tts", "prompts")


class Prompt(NamedTuple):
    """One recording: its place in the dialplan, the phrase as it is written there, and the file."""

    path: Path_
    phrase: str
    file: Path


def prompts(plan: Dialplan, folder: Path) -> Iterator[Prompt]:
    """Yield the recordings of a dialplan that lies in `folder`. A phrase that is named goes before a folder's."""
    named = plan.tts.prompts
    for phrase, file in named.items():
        if phrase != ALL_OF_A_FOLDER:
            yield Prompt((*_HERE, phrase), phrase, folder / file)
    if ALL_OF_A_FOLDER in named:
        known = {phrase_key(phrase) for phrase in named}
        for found in sorted((folder / named[ALL_OF_A_FOLDER]).glob("*.wav")):
            if phrase_key(found.stem) not in known:
                yield Prompt(_HERE, found.stem, found)


def findings(plan: Dialplan, folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with the recordings of a dialplan that lies in `folder`."""
    for phrase, file in plan.tts.prompts.items():
        relative = PurePosixPath(file)
        if relative.is_absolute() or ".." in relative.parts:
            path = _HERE if phrase == ALL_OF_A_FOLDER else (*_HERE, phrase)
            yield path, f"{file!r} leaves the folder of the dialplans", "name a file or folder below it"
            return
    whole = plan.tts.prompts.get(ALL_OF_A_FOLDER)
    if whole is not None and not any((folder / whole).glob("*.wav")):
        yield _HERE, f"there is no folder {whole!r} with WAVs beside the dialplan", "create it or correct the name"
    said: dict[str, str] = {}
    for prompt in prompts(plan, folder):
        key = phrase_key(prompt.phrase)
        if not key:
            yield prompt.path, f"{prompt.phrase!r} holds no word", "write the phrase that is spoken in it"
        elif key in said:
            yield prompt.path, f"has the same words as {said[key]!r}", "keep one of them"
        said[key] = prompt.phrase
        try:
            read_recording(prompt.file)
        except UnusableRecording as unusable:
            shown = prompt.file.relative_to(folder).as_posix()
            yield prompt.path, f"the recording {shown!r} {unusable}", "put a WAV of 16-bit PCM there, 8 kHz or more"
