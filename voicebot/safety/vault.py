"""Where a call keeps what must not be written down: in memory, until the call is over.

Text that leaves the vault carries tokens such as `[CARD#1]`; one value has one token throughout the call, so that a
repetition is recognised without being known. Used on the call's driver thread only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Final

from voicebot.safety.redaction import Sensitive, open_subject, sensitive

_TOKEN: Final = re.compile(r"\[[A-Z]+#[0-9]+\]")


class Vault:
    """The sensitive values of one call. Its representation shows none of them."""

    def __init__(self, plain_lengths: Collection[int] = ()) -> None:
        """Begin empty; runs of digits of `plain_lengths` are order numbers and the like, and stay as they are."""
        self._plain_lengths = frozenset(plain_lengths)
        self._tokens: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._subject = ""

    def __repr__(self) -> str:
        return f"Vault({len(self._values)} values)"

    def redact(self, text: str) -> str:
        """Return what the caller said or typed with tokens for what is sensitive.

        Remembers a subject that was named without its digits: after `my pin is`, digits are a PIN until another subject
        is named. Partials of one utterance may be redacted one after the other.
        """
        redacted = self._replaced(text, sensitive(text, self._subject, self._plain_lengths))
        subject = open_subject(text)
        if subject is not None:
            self._subject = subject
        return redacted

    def redact_json(self, text: str) -> str:
        """Return a connector's JSON result with tokens in it; it stays JSON. Other text is redacted as a whole."""
        try:
            value = json.loads(text)
        except ValueError:
            return self.redact(text)
        return json.dumps(self._redacted(value), ensure_ascii=False, separators=(",", ":"))

    def reveal(self, text: str) -> str:
        """Return a text with the values in place of their tokens, for a connector that needs them.

        Values hold digits and the characters of addresses only, so a JSON text stays JSON. Unknown tokens stay.
        """
        return _TOKEN.sub(lambda match: self._values.get(match.group(), match.group()), text)

    def counts(self) -> Mapping[str, int]:
        """Return how many values of each kind are kept, for the call's record."""
        counts: dict[str, int] = {}
        for kind, _ in self._tokens:
            counts[kind] = counts.get(kind, 0) + 1
        return counts

    def _redacted(self, value: object) -> object:
        match value:
            case dict():
                return {key: self._redacted(inner) for key, inner in value.items()}
            case list():
                return [self._redacted(inner) for inner in value]
            case str():
                return self._replaced(value, sensitive(value, plain_lengths=self._plain_lengths))
            case bool() | None:
                return value
            case int():
                shown = str(value)
                redacted = self._replaced(shown, sensitive(shown, plain_lengths=self._plain_lengths))
                return value if redacted == shown else redacted
            case _:
                return value

    def _replaced(self, text: str, found: tuple[Sensitive, ...]) -> str:
        parts, end = [], 0
        for one in found:
            parts += [text[end : one.start], self._token(one.kind, one.value)]
            end = one.end
        return "".join([*parts, text[end:]])

    def _token(self, kind: str, value: str) -> str:
        token = self._tokens.get((kind, value))
        if token is None:
            number = 1 + sum(1 for other, _ in self._tokens if other == kind)
            token = self._tokens[kind, value] = f"[{kind}#{number}]"
            self._values[token] = value
        return token
