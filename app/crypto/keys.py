"""The ring of secret keys: the first one writes, all of them read, and no key serves two purposes.

Each purpose has its own sub-key of each ring key, by HKDF-SHA-256 (RFC 5869).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from app.crypto import base64url
from app.crypto.chance import random_bytes

KEY_BYTES = 32
ID_BYTES = 4


def new_secret_key() -> str:
    """32 random bytes as base64url without padding: one word of GATEHOUSE_SECRET_KEYS."""
    return base64url.encode(random_bytes(KEY_BYTES))


@dataclass(frozen=True, slots=True)
class SubKey:
    """`id` tells ring keys apart in rows and sealed values; it says nothing about the key."""

    id: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"SubKey({self.id.hex()})"


class KeyRing:
    """Raises ValueError, with a sentence that names the variable and never a key, for a ring that cannot be used."""

    def __init__(self, secret_keys: Sequence[SecretStr]) -> None:
        if not secret_keys:
            raise ValueError("GATEHOUSE_SECRET_KEYS is not set: make a key with `gatehouse keys new`.")
        self._keys = [_read(secret.get_secret_value()) for secret in secret_keys]
        self._known: dict[str, tuple[SubKey, ...]] = {}

    def all(self, purpose: str) -> tuple[SubKey, ...]:
        """The sub-keys that may have written something for *purpose*; the first one is the one that writes."""
        if purpose not in self._known:
            self._known[purpose] = tuple(_derive(key, purpose) for key in self._keys)
        return self._known[purpose]

    def newest(self, purpose: str) -> SubKey:
        return self.all(purpose)[0]

    def find(self, purpose: str, key_id: bytes) -> SubKey | None:
        return next((key for key in self.all(purpose) if key.id == key_id), None)


def _read(text: str) -> bytes:
    try:
        key = base64url.decode(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or len(set(key)) < KEY_BYTES // 2:
        raise ValueError(
            "GATEHOUSE_SECRET_KEYS: each key is 32 random bytes in base64url. `gatehouse keys new` makes one."
        )
    return key


def _derive(key: bytes, purpose: str) -> SubKey:
    def expand(info: str, length: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info.encode()).derive(key)

    return SubKey(id=expand("gatehouse key id", ID_BYTES), key=expand(f"gatehouse {purpose}", KEY_BYTES))
