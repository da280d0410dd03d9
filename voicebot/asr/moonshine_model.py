"""Moonshine tiny through onnxruntime: samples in, text and confidence out.

The weights are those inside the `moonshine-voice` wheel. The package itself is never imported: its VAD cuts words off.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.moonshine_decoder import END, START, Cache, Decoder, Encoded, Logits
from voicebot.asr.moonshine_digits import WORD_START, Beginning, DigitSearch, DigitsHeard, length_bonus
from voicebot.asr.moonshine_sentences import SentenceSearch
from voicebot.asr.protocol import NO_HINTS, Hints
from voicebot.core.digits import digit_runs

_MIN_SAMPLES = 4_000
"""Shorter input leaves the encoder without a single step."""
_TOKENS_PER_SECOND = 6.5
_EXTRA_TOKENS = 4
_REPEATS = 3
"""A run of tokens that follows itself this often is a loop of the decoder, not speech."""
_LONGEST_LOOP = 12
_WORD_START = WORD_START.encode()

_ENDING = frozenset({b".", b"?", b"!"})
_PUNCTUATION = _ENDING | {b",", b";", b":", b"-", b"--", b"...", b"\xe2\x80\xa6"}

_END_WEIGHT, _PRIOR_COMMA_WEIGHT, _HEARD_COMMA_WEIGHT, _FINALITY_BIAS = 0.61, 0.45, -0.70, -0.20
"""A logistic fit, in log odds, to 1100 pauses at the ends and inside of 60 sentences in seven voices over G.711."""
_LEAST = 1e-5

_DIGIT_MARGIN = 1.8
"""Nats a digit by which a row of digits may fit the audio worse than the text that the model would choose. In six
voices over G.711, 164 rows were 1.72 worse at most, 220 sentences without digits at least 2.1."""
_USUAL_DIGITS = 10
"""A search is given up when no row of so many digits could fit well enough."""
_LEAD = re.compile(r"\b(?:it'?s|is|that'?s|number|yes|yeah|okay|sure|so|well|um|uh)\W*$", re.IGNORECASE)
"""What people say before they read a number out."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Text, and the mean probability of its tokens.

    `words` are the tokens without the punctuation that ends the text; `comma` is the probability, as heard, of a comma
    after them.
    """

    text: str
    confidence: float
    words: tuple[int, ...] = ()
    comma: float = 0.0


class _Spelt(NamedTuple):
    """Tokens as the decoder chose them, and the log probability of each choice."""

    tokens: tuple[int, ...]
    log_ps: tuple[float, ...]
    comma: float

    @property
    def log_p(self) -> float:
        """The log probability of the whole text."""
        return sum(self.log_ps)


class MoonshineModel:
    """Two onnxruntime sessions, safe to run from several threads at once."""

    def __init__(self) -> None:
        """Load the weights. Raises EngineUnavailableError."""
        folder = weights_folder()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self._encoder = onnxruntime.InferenceSession(str(folder / "encoder_model.ort"), options, providers)
        self._decoder = Decoder(
            onnxruntime.InferenceSession(str(folder / "decoder_model_merged.ort"), options, providers)
        )
        self._vocabulary = read_vocabulary((folder / "tokenizer.bin").read_bytes())
        self._ending = [*self._tokens_of(_ENDING), END]
        self._comma = self._tokens_of({b","})
        self._punctuation = frozenset(self._tokens_of(_PUNCTUATION))
        self._digits = DigitSearch(self._decoder, self._vocabulary, self._encoded(np.zeros(16_000, np.float32)))
        self._sentences = SentenceSearch(self._decoder, self._vocabulary)
        self._unheard: Encoded | None = None

    def transcribe(
        self, audio: NDArray[np.float32], stop: Callable[[], bool], hints: Hints = NO_HINTS
    ) -> Recognised | None:
        """Return the text of 16 kHz mono samples in [-1, 1]; None when `stop()` became true between two tokens.

        Where the hints expect digits, a row of them is the text if it fits the audio about as well as the text that
        the model would choose; otherwise the same holds for the sentences that callers are known to say.
        """
        encoded = self._encoded(audio)
        begun = self._decoder.begin(encoded)
        spelt = self._spelt(encoded, *begun, stop)
        if spelt is None:
            return None
        heard = self._recognised(spelt)
        if not spelt.tokens:
            return heard
        if hints.digits is not None:
            row = self._row_of_digits(encoded, begun, spelt, hints.digits, stop)
            found = None if row is None else (row.tokens, row.confidence)
        else:
            found = self._known_sentence(encoded, begun, (heard.text, spelt.log_p), hints.sentences, stop)
        if stop():
            return None
        if found is None:
            return heard
        tokens, confidence = found
        return Recognised(self._text(tokens), confidence, self._without_ending(tokens), spelt.comma)

    def learn(self, sentences: tuple[str, ...]) -> None:
        """Make ready for what callers are known to say."""
        self._sentences.learn(sentences)

    def _known_sentence(
        self,
        encoded: Encoded,
        begun: tuple[Logits, Cache],
        heard: tuple[str, float],
        sentences: tuple[str, ...],
        stop: Callable[[], bool],
    ) -> tuple[tuple[int, ...], float] | None:
        """Return the tokens and the confidence of a known sentence that fits the audio, unless it was heard as such."""
        found = self._sentences.likeliest(encoded, begun, sentences, heard, stop) if sentences else None
        return None if found is None else (found.tokens, math.exp(found.log_p / (len(found.tokens) + 1)))

    def _row_of_digits(
        self, encoded: Encoded, begun: tuple[Logits, Cache], spelt: _Spelt, length: int, stop: Callable[[], bool]
    ) -> DigitsHeard | None:
        """Return a row of digits that fits the audio, alone or after what the decoder heard before the first digit."""
        floor = spelt.log_p - _DIGIT_MARGIN * max(length, _USUAL_DIGITS)

        def hopeless(log_p: float) -> bool:
            return log_p < floor or stop()

        beginnings = [Beginning(*begun)]
        if lead := self._before_digits(spelt.tokens):
            log_p = sum(spelt.log_ps[: len(lead)])
            beginnings.append(Beginning(*self._decoder.begin(encoded, (START, *lead)), lead, log_p))
        rows = [self._digits.likeliest(encoded, each, length, hopeless) for each in beginnings]
        fitting = [
            row
            for row in rows
            # One digit alone is too easily any short word.
            if row and (len(row.digits) > 1 or length == 1)
            if row.log_p >= spelt.log_p - _DIGIT_MARGIN * len(row.digits)
        ]
        return max(fitting, key=lambda row: row.log_p + length_bonus(row.digits, length), default=None)

    def _before_digits(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """Return the tokens of "It's" or "The number is" before the first digit of a text, if it begins so."""
        runs = digit_runs(self._text(tokens))
        lead: tuple[int, ...] = ()
        before = ""
        for end in range(1, len(tokens)) if runs else ():
            text = self._text(tokens[:end])
            if len(text) >= runs[0].start + 1:
                break
            if text != before:
                before, lead = text, tuple(tokens[:end]) if _LEAD.search(text) else ()
        return lead

    def _spelt(self, encoded: Encoded, logits: Logits, cache: Cache, stop: Callable[[], bool]) -> _Spelt | None:
        limit = int(encoded.mask.shape[1] / 16_000 * _TOKENS_PER_SECOND) + _EXTRA_TOKENS
        tokens: list[int] = []
        log_ps: list[float] = []
        comma = 0.0
        while not stop():
            token, log_p = _best(logits)
            log_ps.append(log_p)
            if not tokens or tokens[-1] not in self._punctuation:
                comma = _probability(logits, self._comma)
            if token == END:
                return _Spelt(tuple(tokens), tuple(log_ps), comma)
            tokens.append(token)
            taken = len(tokens)
            if loop := _loop_length(tokens):
                del tokens[-loop * (_REPEATS - 1) :]
            if loop or taken == limit:
                return _Spelt(tuple(tokens), tuple(log_ps), comma)
            rows, cache = self._decoder.advance(encoded, cache, [token])
            logits = rows[0]
        return None

    def _recognised(self, spelt: _Spelt) -> Recognised:
        confidence = math.exp(spelt.log_p / (len(spelt.tokens) + 1))
        return Recognised(self._text(spelt.tokens), confidence, self._without_ending(spelt.tokens), spelt.comma)

    def finality(self, recognised: Recognised) -> float:
        """Return the probability, 0..1, that the sentence is over; about 7 ms.

        After a pause the model ends every text with a full stop, "I would like to." too. So the decoder is asked once
        more what follows these words, with silence for audio: then it is a language model, and knows that "to" does not
        end a sentence. A comma that it hears in the audio's own melody speaks against the end.
        """
        if not recognised.words:
            return 0.5
        self._unheard = self._unheard or self._encoded(np.zeros(_MIN_SAMPLES, np.float32))
        logits, _ = self._decoder.begin(self._unheard, (START, *recognised.words))
        comma = _probability(logits, self._comma)
        score = (
            _FINALITY_BIAS
            + _END_WEIGHT * _log_odds(_probability(logits, self._ending))
            + _PRIOR_COMMA_WEIGHT * _log_odds(comma)
            + _HEARD_COMMA_WEIGHT * _log_odds(recognised.comma)
        )
        return 1.0 / (1.0 + math.exp(-score))

    def _encoded(self, audio: NDArray[np.float32]) -> Encoded:
        samples = np.pad(audio, (0, max(0, _MIN_SAMPLES - len(audio))))[np.newaxis]
        mask = np.ones(samples.shape, np.int64)
        return Encoded(self._encoder.run(None, {"input_values": samples, "attention_mask": mask})[0], mask)

    def _tokens_of(self, texts: Collection[bytes]) -> list[int]:
        return [
            token for token, piece in enumerate(self._vocabulary) if piece.replace(_WORD_START, b"").strip() in texts
        ]

    def _without_ending(self, tokens: Sequence[int]) -> tuple[int, ...]:
        end = len(tokens)
        while end and tokens[end - 1] in self._punctuation:
            end -= 1
        return tuple(tokens[:end])

    def _text(self, tokens: Sequence[int]) -> str:
        pieces = b"".join(self._vocabulary[token] for token in tokens if not _is_special(self._vocabulary[token]))
        return pieces.replace(_WORD_START, b" ").decode("utf-8", "replace").strip()


def weights_folder() -> Path:
    """Return the folder of the weights. Raises EngineUnavailableError."""
    spec = importlib.util.find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        raise EngineUnavailableError("asr.engine moonshine needs the package moonshine-voice==0.1.0: run scripts/setup")
    folder = Path(spec.origin).parent / "assets" / "tiny-en"
    if not (folder / "encoder_model.ort").is_file():
        raise EngineUnavailableError(
            "the installed moonshine-voice holds no weights (assets/tiny-en); only 0.1.0 does: run scripts/setup"
        )
    return folder


def read_vocabulary(data: bytes) -> list[bytes]:
    """Parse `tokenizer.bin`: each token is its length (one byte, or two from 128 on) and its bytes."""
    vocabulary = []
    at = 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:  # noqa: PLR2004 - the length's continuation bit
            length = length - 128 + data[at] * 128
            at += 1
        vocabulary.append(data[at : at + length])
        at += length
    return vocabulary


def _best(logits: NDArray[np.float32]) -> tuple[int, float]:
    token = int(logits.argmax())
    return token, -math.log(float(np.exp(logits - logits[token]).sum()))


def _probability(logits: NDArray[np.float32], tokens: list[int]) -> float:
    likelihoods = np.exp(logits - logits.max())
    return float(likelihoods[tokens].sum() / likelihoods.sum())


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(bounded / (1 - bounded))


def _is_special(piece: bytes) -> bool:
    return piece.startswith(b"<") and piece.endswith(b">")


def _loop_length(tokens: list[int]) -> int:
    """Return the length of the run of tokens that the text ends with `_REPEATS` times, 0 for none.

    A single token may come three times ("no, no, no" or digits), so it must come twice as often.
    """
    for length in range(1, _LONGEST_LOOP + 1):
        repeats = 2 * _REPEATS if length == 1 else _REPEATS
        tail = tokens[-length * repeats :]
        if len(tail) < length * repeats:
            continue
        if tail[length:] == tail[:-length]:
            return length
    return 0
