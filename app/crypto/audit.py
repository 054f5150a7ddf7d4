"""The proofs of the audit log: a MAC for each row, a link for each row of the chain, and personal fields sealed per user.

A MAC covers the sealed bytes of a personal field: it proves them even when nobody can open them any more.
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TypeAlias
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.crypto.chance import random_bytes

Part: TypeAlias = bytes | str | int | UUID | datetime | None

HOUSE_ID = UUID(int=0)
"""The id of the service's own key (the house's), of which there is one."""
GENESIS = bytes(32)
"""The link before the first one."""
_KEY_BYTES, _NONCE_BYTES, _LENGTH_BYTES = 32, 12, 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it is stored, without its MAC and the database's own time."""

    id: UUID
    at: datetime
    event: str
    user_id: UUID | None
    session_id: UUID | None
    request_id: str | None
    facts: Mapping[str, str]
    personal: bytes | None
    key_id: UUID | None


class AuditKey:
    """A key of the log: of a user, or the house's own, which also proves rows and links. It never prints itself."""

    def __init__(self, key_id: UUID, secret: bytes) -> None:
        self.id = key_id
        self.secret = secret
        self._personal = AESGCM(_derive(secret, "personal"))

    @classmethod
    def new(cls, key_id: UUID) -> "AuditKey":
        return cls(key_id, random_bytes(_KEY_BYTES))

    @cached_property
    def proofs(self) -> "Proofs":
        """The MACs under this key, if it is the house's own."""
        return Proofs(self)

    def seal(self, personal: Mapping[str, str], *, event_id: UUID) -> bytes:
        nonce = random_bytes(_NONCE_BYTES)
        return nonce + self._personal.encrypt(nonce, _canonical(personal), self._place(event_id))

    def open(self, sealed: bytes, *, event_id: UUID) -> dict[str, str] | None:
        """What was sealed for this event; None when it was changed, moved, or sealed by another key."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            opened: dict[str, str] = json.loads(self._personal.decrypt(nonce, body, self._place(event_id)))
        except (InvalidTag, ValueError):
            return None
        return opened

    def _place(self, event_id: UUID) -> bytes:
        return self.id.bytes + event_id.bytes


class Proofs:
    """MACs under the house's key; whoever does not have it can neither make nor alter a row, a link or a checkpoint."""

    def __init__(self, house: AuditKey) -> None:
        self._row, self._link, self._checkpoint = (
            _derive(house.secret, purpose) for purpose in ("row", "link", "checkpoint")
        )

    def mac(self, row: Row) -> bytes:
        columns: list[Part] = [row.id, row.at, row.event, row.user_id, row.session_id, row.request_id]
        return _mac(self._row, [*columns, _canonical(row.facts), row.personal, row.key_id])

    def holds(self, row: Row, mac: bytes) -> bool:
        """Whether *mac* proves *row*, whatever somebody else may have put into it."""
        try:
            return same(mac, self.mac(row))
        except (TypeError, ValueError, OverflowError, RecursionError):
            return False

    def link(
        self, before: bytes, *, seq: int, sealed_at: datetime, event_id: UUID, event_at: datetime, event_mac: bytes
    ) -> bytes:
        """The MAC of link number *seq*, over the link *before* it and the event."""
        return _mac(self._link, [before, seq, sealed_at, event_id, event_at, event_mac])

    def vouch(self, *parts: Part) -> bytes:
        return _mac(self._checkpoint, parts)


def same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def _mac(key: bytes, parts: Iterable[Part]) -> bytes:
    return hmac.digest(key, b"".join(map(_prefixed, parts)), "sha256")


def _prefixed(part: Part) -> bytes:
    """Prefix *part* with its length, so that no two lists of parts give the same bytes; None is not an empty text."""
    if part is None:
        return b"\0"
    raw = _bytes(part)
    return b"\1" + len(raw).to_bytes(_LENGTH_BYTES, "big") + raw


def _bytes(part: bytes | str | int | UUID | datetime) -> bytes:
    if isinstance(part, bytes):
        return part
    if isinstance(part, UUID):
        return part.bytes
    if isinstance(part, datetime):
        part = (part - _EPOCH) // _MICROSECOND
    return str(part).encode()


def _canonical(facts: Mapping[str, str]) -> bytes:
    """The same bytes whatever order the database gives the names back in (RFC 8785, of texts alone)."""
    return _ENCODER.encode(dict(facts)).encode()


def _derive(secret: bytes, purpose: str) -> bytes:
    info = f"gatehouse audit {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(secret)
