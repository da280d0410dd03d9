"""Collects DTMF digits into runs, so that they are redacted as a whole and never one by one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from voicebot.safety.vault import Vault

INTER_DIGIT_MS: Final = 3_000
"""Quiet time that ends a run."""
SETTLED_MS: Final = 1_000
"""The same once the run is as long as a number that the dialplan asks for."""
MAX_DIGITS: Final = 24
"""A longer run is given out in parts: longer than any card number, short enough to bound what a stuck key can do."""


class DtmfRun:
    """The run that is open. `#` or a full slot ends it, `*` starts it over. Times are in ms on the call's clock."""

    def __init__(self, vault: Vault, lengths: Collection[int] = ()) -> None:
        """Redact through `vault`; `lengths` are those of the numbers that the dialplan asks for."""
        self._vault = vault
        self._lengths = frozenset(lengths)
        self._digits = ""
        self._due_ms: int | None = None

    @property
    def due_ms(self) -> int | None:
        """When the run ends if no key follows; None when no run is open."""
        return self._due_ms

    def digit(self, key: str, now_ms: int, wanted: int = 0) -> None:
        """Take one key. Keys that are none (A to D, flash) are ignored.

        `wanted` is how many keys answer what the bot has asked, 0 when that is not known: as many end the run at once.
        """
        if key == "*":
            self._digits, self._due_ms = "", None
        elif key == "#":
            self._due_ms = now_ms if self._digits else None
        elif len(key) == 1 and key in "0123456789":
            self._digits += key
            quiet_ms = SETTLED_MS if len(self._digits) in self._lengths else INTER_DIGIT_MS
            full = len(self._digits) >= (wanted or MAX_DIGITS)
            self._due_ms = now_ms if full else now_ms + quiet_ms

    def take(self, now_ms: int) -> str:
        """Return the run, redacted, when it is over, else an empty text."""
        if self._due_ms is None or now_ms < self._due_ms:
            return ""
        digits, self._digits, self._due_ms = self._digits, "", None
        return self._vault.redact(digits)
