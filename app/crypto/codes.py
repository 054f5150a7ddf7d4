"""Six-digit codes at rest: a keyed digest bound to what was asked: a bare hash of six digits is reversed in a second."""

import hmac
from uuid import UUID

from app.crypto.keys import KeyRing, SubKey


class Fingerprints:
    """HMAC-SHA-256 of a code, its purpose and the id of the challenge that asks for it."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def take(self, code: str, *, purpose: str, about: UUID) -> bytes:
        return _digest(self._ring.newest("codes"), code, purpose, about)

    def match(self, fingerprint: bytes, code: str, *, purpose: str, about: UUID) -> bool:
        """Compare under every key of the ring, so that a key rotation invalidates no code; in constant time."""
        found = [
            hmac.compare_digest(fingerprint, _digest(key, code, purpose, about)) for key in self._ring.all("codes")
        ]
        return any(found)


def _digest(key: SubKey, code: str, purpose: str, about: UUID) -> bytes:
    return hmac.digest(key.key, b"\0".join([purpose.encode(), about.bytes, code.encode()]), "sha256")
