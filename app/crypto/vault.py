"""Secrets at rest (law 6): sealed with AES-256-GCM, bound to the row and column they are stored in.

A sealed value moved to another row, column or table does not open. A blind index makes a sealed value findable
without revealing it: an HMAC-SHA-256 under its own key.
"""

import hmac
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.crypto.chance import random_bytes
from app.crypto.keys import ID_BYTES, KeyRing

_VERSION = b"\x01"
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + ID_BYTES


class CannotOpen(Exception):  # noqa: N818  reads as the sentence it is
    """A sealed value that was changed, moved, or sealed under a key that is not in the ring."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value is stored: the associated data it is bound to."""

    table: str
    column: str
    row: UUID | str

    def __bytes__(self) -> bytes:
        return "\0".join([self.table, self.column, str(self.row)]).encode()


class Vault:
    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    @property
    def head(self) -> bytes:
        """The prefix of everything that is sealed under the newest key, and of nothing else."""
        return _VERSION + self._ring.newest("vault").id

    def seal(self, plain: bytes, *, place: Place) -> bytes:
        """Version, key id, nonce, ciphertext and tag. A random nonce is safe for 2^32 values a key (NIST SP 800-38D)."""
        key, head = self._ring.newest("vault"), self.head
        nonce = random_bytes(_NONCE_BYTES)
        return head + nonce + AESGCM(key.key).encrypt(nonce, plain, head + bytes(place))

    def open(self, sealed: bytes, *, place: Place) -> bytes:
        head, nonce, body = (
            sealed[:_HEAD_BYTES],
            sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES],
            sealed[_HEAD_BYTES + _NONCE_BYTES :],
        )
        key = self._ring.find("vault", head[len(_VERSION) :])
        if key is None or not head.startswith(_VERSION):
            raise CannotOpen
        try:
            return AESGCM(key.key).decrypt(nonce, body, head + bytes(place))
        except (InvalidTag, ValueError):
            raise CannotOpen from None

    def reseal(self, sealed: bytes, *, place: Place) -> bytes:
        """The same plaintext, sealed under the newest key."""
        return self.seal(self.open(sealed, place=place), place=place)

    def index(self, value: str, *, of: str) -> bytes:
        """The blind index to write for *value*, a value of the kind *of* (`phone`)."""
        return self.indexes(value, of=of)[0]

    def indexes(self, value: str, *, of: str) -> list[bytes]:
        """The blind indexes under which *value* may be found: one a key of the ring."""
        return [hmac.digest(key.key, value.encode(), "sha256") for key in self._ring.all(f"index {of}")]
