"""What leaves the process is sealed: entries by AES-256-GCM, the names of their subjects by HMAC-SHA256.

Both keys are derived from one secret (HKDF, RFC 5869). The name of an entry is authenticated with it, so that a sealed
entry opens under its own name only. Another secret gives other names: after a rotation old entries are not found, and
run out.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LEAST_SECRET: Final = 32
"""Characters."""

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12


class Tampered(Exception):
    """An entry was not written under this name with this secret."""


class Seal:
    """The keys of one secret. Its representation shows none of them."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESGCM(_derived(secret, b"voicebot cache entries"))
        self._name_key = _derived(secret, b"voicebot cache names")

    def __repr__(self) -> str:
        return "Seal()"

    def name(self, subject: bytes) -> str:
        """Return 64 hexadecimal digits that say nothing about the subject to whoever has no key."""
        return hmac.new(self._name_key, subject, hashlib.sha256).hexdigest()

    def close(self, plain: bytes, name: bytes) -> bytes:
        """Encrypt an entry for the place `name`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, name)

    def open(self, sealed: bytes, name: bytes) -> bytes:
        """Decrypt the entry that was found at `name`. Raises Tampered."""
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION or len(nonce) < _NONCE_BYTES:
            raise Tampered
        try:
            return self._cipher.decrypt(nonce, rest, name)
        except InvalidTag:
            raise Tampered from None


def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
