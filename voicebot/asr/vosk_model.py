"""Vosk through its C library: samples in, text so far out.

Vosk would download a model that it is only given the name of, and end the process when it cannot. So a name is looked
up here, and Vosk is only ever given a folder.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import SAMPLE_RATE, Hints, Word
from voicebot.media.frames import Pcm

if TYPE_CHECKING:
    from vosk import KaldiRecognizer

REMEDY = "run scripts/setup --with vosk"

_PIECE = SAMPLE_RATE // 10
"""Samples between two looks at whether to stop: 100 ms."""


_UNKNOWN = "[unk]"
"""How a grammar names, and Vosk writes, whatever is not in it."""
_GRAMMARS = {
    "digits": "oh zero one two three four five six seven eight nine double triple",
    "yes_no": "yes yeah yep yup no nope sure okay right correct please thanks",
}


class SoFar(NamedTuple):
    """Text of everything taken so far, and the mean confidence of its words; 1.0 when there are none."""

    text: str
    confidence: float
    words: tuple[Word, ...] = ()

    @classmethod
    def of(cls, text: str, words: Sequence[Word]) -> SoFar:
        """Return a text with the mean confidence of its words."""
        mean = sum(word.confidence for word in words) / len(words) if words else 1.0
        return cls(text, mean, tuple(words))

    @property
    def within_grammar(self) -> bool:
        """Whether there are words, and no other ones than those of the grammar."""
        return bool(self.text) and _UNKNOWN not in self.text


def model_folder(model: str) -> Path:
    """Return the folder of a model that is named by its path, or by a name in one of Vosk's own places.

    Those are $VOSK_MODEL_PATH, /usr/share/vosk and ~/.cache/vosk. Raises EngineUnavailableError.
    """
    if not model:
        raise EngineUnavailableError("asr.model: vosk carries no model; name one of its folder or give its path")
    shared = os.environ.get("VOSK_MODEL_PATH")
    places = [Path(shared)] if shared else []
    places += [Path("/usr/share/vosk"), Path.home() / ".cache" / "vosk"]
    for folder in (Path(model), *(place / model for place in places)):
        if (folder / "am").is_dir() or (folder / "final.mdl").is_file():
            return folder
    raise EngineUnavailableError(
        f"asr.model: there is no Vosk model {model!r}; unpack one and give the path of its folder"
    )


@functools.cache
def load_model(folder: Path) -> VoskModel:
    """Load a model once a process. Raises EngineUnavailableError."""
    return VoskModel(folder)


# Freed any later, when the interpreter has taken the library away, a model complains on stderr.
atexit.register(load_model.cache_clear)


def grammar_for(hints: Hints) -> str:
    """Return the words that answer what was asked for, as Vosk wants them; "" when they are not known."""
    words = _GRAMMARS.get(hints.expects.partition(":")[0], "").split()
    return json.dumps([*words, _UNKNOWN]) if words else ""


def timed_word(word: Mapping[str, Any], from_ms: int = 0) -> Word:
    """Read a word of Vosk's results; its times are in seconds. Raises KeyError, TypeError or ValueError."""
    start_ms, end_ms = (from_ms + round(1000 * float(word[key])) for key in ("start", "end"))
    return Word(str(word["word"]), start_ms, end_ms, min(1.0, float(word["conf"])))


class VoskModel:
    """The model; its recognisers share it and may run on several threads."""

    def __init__(self, folder: Path) -> None:
        """Load the model, seconds of work. Raises EngineUnavailableError."""
        try:
            import vosk  # noqa: PLC0415 - an extra: the base install has none
        except ImportError as error:
            raise EngineUnavailableError(f"asr.engine vosk is not installed; {REMEDY}") from error
        # Vosk logs to stderr by itself; at its default level that holds every recognised word.
        vosk.SetLogLevel(-1)
        self._vosk = vosk
        try:
            self._model = vosk.Model(str(folder))
        # The library raises nothing more precise.
        except Exception as error:
            raise EngineUnavailableError(f"asr.model: {folder} is no model that Vosk can load") from error

    def listen(self, grammar: str = "") -> VoskUtterance:
        """Start an utterance; with a `grammar`, a JSON list of words, only these are heard."""
        options = (grammar,) if grammar else ()
        recogniser = self._vosk.KaldiRecognizer(self._model, SAMPLE_RATE, *options)
        recogniser.SetWords(True)  # noqa: FBT003 - the library's own signature
        return VoskUtterance(recogniser)


class VoskUtterance:
    """One utterance, decoded as it grows. Safe to call from several threads, one at a time does the work.

    The recogniser ends a segment at a pause of its own choosing and wherever `finish` asks for the text; what comes
    after is decoded afresh, and the text is that of all segments.
    """

    def __init__(self, recogniser: KaldiRecognizer) -> None:
        self._recogniser = recogniser
        self._busy = threading.Lock()
        self._taken = 0
        self._texts: list[str] = []
        self._words: list[Word] = []

    def advance(self, pcm: Pcm, stop: Callable[[], bool]) -> str | None:
        """Take what of the whole utterance `pcm` is new; return the text so far, None when `stop()` became true."""
        with self._busy:
            if not self._take(pcm, stop):
                return None
            return self._joined(json.loads(self._recogniser.PartialResult())["partial"])

    def finish(self, pcm: Pcm, stop: Callable[[], bool]) -> SoFar | None:
        """Take what is new and decide on all of it; None when `stop()` became true."""
        with self._busy:
            if not self._take(pcm, stop):
                return None
            self._settle(self._recogniser.FinalResult())
            return SoFar.of(self._joined(""), self._words)

    def _take(self, pcm: Pcm, stop: Callable[[], bool]) -> bool:
        while self._taken < len(pcm):
            if stop():
                return False
            piece = pcm[self._taken : self._taken + _PIECE]
            self._taken += len(piece)
            if self._recogniser.AcceptWaveform(piece.astype("<i2", copy=False).tobytes()):
                self._settle(self._recogniser.Result())
        return True

    def _settle(self, reply: str) -> None:
        """Keep a segment that is decided. Without a word boundary file a model gives the text, but no words."""
        segment = json.loads(reply)
        self._texts.append(segment["text"])
        self._words += [timed_word(word) for word in segment.get("result", ())]

    def _joined(self, undecided: str) -> str:
        return " ".join(text for text in (*self._texts, undecided) if text)
