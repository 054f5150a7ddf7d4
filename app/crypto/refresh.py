"""Refresh tokens: session id, counter, MAC. The database holds the counter, so a dump of it holds no usable token."""

import hmac
from dataclasses import dataclass
from uuid import UUID

from app.crypto import base64url
from app.crypto.keys import KeyRing, SubKey

_PREFIX = "ghr_"
_SESSION_BYTES, _COUNTER_BYTES, _MAC_BYTES = 16, 4, 32
_LENGTH = _SESSION_BYTES + _COUNTER_BYTES + _MAC_BYTES


@dataclass(frozen=True, slots=True)
class RefreshClaim:
    """What a refresh token with a right MAC says: the session, how many rotations old, and the key it is under."""

    session_id: UUID
    counter: int
    key_id: bytes


class RefreshTokens:
    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    @property
    def key_id(self) -> bytes:
        """The key that new sessions are opened under, for life."""
        return self._ring.newest("refresh").id

    def mint(self, session_id: UUID, counter: int, *, key_id: bytes) -> str:
        """The one token of *counter*: minting it again gives the same text. LookupError when the key left the ring."""
        key = self._ring.find("refresh", key_id)
        if key is None:
            raise LookupError("the key of this session is no longer in GATEHOUSE_SECRET_KEYS")
        body = session_id.bytes + counter.to_bytes(_COUNTER_BYTES)
        return _PREFIX + base64url.encode(body + _mac(key, body))

    def read(self, token: str) -> RefreshClaim | None:
        """None for anything that this ring did not mint."""
        raw = _decode(token)
        body, mac = raw[: _SESSION_BYTES + _COUNTER_BYTES], raw[_SESSION_BYTES + _COUNTER_BYTES :]
        key = next((key for key in self._ring.all("refresh") if hmac.compare_digest(_mac(key, body), mac)), None)
        if key is None or len(raw) != _LENGTH:
            return None
        return RefreshClaim(UUID(bytes=body[:_SESSION_BYTES]), int.from_bytes(body[_SESSION_BYTES:]), key.id)


def _mac(key: SubKey, body: bytes) -> bytes:
    return hmac.digest(key.key, body, "sha256")


def _decode(token: str) -> bytes:
    if not token.startswith(_PREFIX) or not token.isascii():
        return b""
    text = token.removeprefix(_PREFIX)
    try:
        raw = base64url.decode(text)
    except ValueError:
        return b""
    return raw if base64url.encode(raw) == text else b""
