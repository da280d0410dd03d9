"""Collects DTMF digits into runs, so that they are redacted as a whole and never one by one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from voicebot.core.policy import Dtmf
from voicebot.safety.vault import Vault

MAX_DIGITS: Final = 24
"""A longer run is given out in parts: longer than any card number, short enough to bound what a stuck key can do."""


class DtmfRun:
    """The run that is open. `#` or a full slot ends it, `*` starts it over. Times are in ms on the call's clock."""

    def __init__(self, vault: Vault, lengths: Collection[int] = (), rules: Dtmf | None = None) -> None:
        """Redact through `vault`; `lengths` are those of the numbers that the dialplan asks for."""
        self._vault = vault
        self._lengths = frozenset(lengths)
        self._rules = rules or Dtmf()
        self._digits = ""
        self._due_ms: int | None = None

    @property
    def due_ms(self) -> int | None:
        """When the run ends if no key follows; None when no run is open."""
        return self._due_ms

    def digit(self, key: str, now_ms: int, wanted: int = 0, *, at_menu: bool = False) -> None:
        """Take one key. Keys that are none (A to D, flash) are ignored.

        `wanted` is how many keys answer what the bot has asked, 0 when that is not known: as many end the run at once.
        `at_menu`: nothing was asked, so that a key of the menu is a whole run if it is the first.
        """
        if key == "*":
            self._digits, self._due_ms = "", None
        elif key == "#":
            self._due_ms = now_ms if self._digits else None
        elif len(key) == 1 and key in "0123456789":
            self._digits += key
            settled = len(self._digits) in self._lengths
            quiet_ms = self._rules.settled_ms if settled else self._rules.inter_digit_ms
            whole = at_menu and self._digits in self._rules.menu and len(self._digits) == 1
            full = whole or len(self._digits) >= (wanted or MAX_DIGITS)
            self._due_ms = now_ms if full else now_ms + quiet_ms

    def asked(self, wanted: int, now_ms: int) -> None:
        """End a run that was typed ahead of the question once `wanted` of its keys are known to answer it."""
        if self._due_ms is not None and 0 < wanted <= len(self._digits):
            self._due_ms = min(self._due_ms, now_ms)

    def take(self, now_ms: int) -> str:
        """Return the run, redacted, when it is over, else an empty text."""
        if self._due_ms is None or now_ms < self._due_ms:
            return ""
        digits, self._digits, self._due_ms = self._digits, "", None
        return self._vault.redact(digits)
