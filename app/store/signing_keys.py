"""Signing keys, sealed: per role one that signs, one that is next, and former ones. Replicas agree on them here.

Whoever changes any of them holds the advisory lock; two partial unique indexes enforce the same.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, insert, select, text, update

from app.store.database import Tx
from app.store.records import columns, read_all, values
from app.store.tables import signing_keys

_LOCK = 0x6761_7465  # any number that no other advisory lock here uses
_DELETED = b""


class Role(StrEnum):
    """`access` keys are published; `internal` ones, for what only this service reads, never are."""

    ACCESS = "access"
    INTERNAL = "internal"


class KeyState(StrEnum):
    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """`private` is sealed, and empty once nothing that it signed can still be valid."""

    kid: str
    role: str
    alg: str
    private: bytes
    created_at: datetime
    activated_at: datetime | None = None
    retired_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def state(self) -> KeyState:
        if self.revoked_at:
            return KeyState.REVOKED
        if self.retired_at:
            return KeyState.RETIRED
        return KeyState.CURRENT if self.activated_at else KeyState.NEXT

    @property
    def since(self) -> datetime:
        """When the key came into its current state."""
        return self.revoked_at or self.retired_at or self.activated_at or self.created_at


async def all_keys(tx: Tx) -> list[StoredKey]:
    """Every key there ever was, the newest first; all replicas read them in one order."""
    newest_first = (signing_keys.c.created_at.desc(), signing_keys.c.kid)
    rows = await tx.execute(select(*columns(signing_keys, StoredKey)).order_by(*newest_first))
    return read_all(StoredKey, rows)


async def one_at_a_time(tx: Tx) -> None:
    """Wait until no other transaction changes keys; the lock ends with this one, so it works behind PgBouncer."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def add(tx: Tx, key: StoredKey) -> None:
    await tx.execute(insert(signing_keys).values(**values(key)))


async def activate(tx: Tx, kid: str, *, at: datetime) -> None:
    await tx.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(activated_at=at))


async def retire(tx: Tx, kid: str, *, at: datetime) -> None:
    await tx.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(retired_at=at))


async def revoke(tx: Tx, kid: str, *, at: datetime) -> None:
    """Revoke the key, and delete its private half."""
    statement = update(signing_keys).where(signing_keys.c.kid == kid)
    await tx.execute(statement.values(revoked_at=at, private=_DELETED))


async def withdraw(tx: Tx, kids: Collection[str], *, at: datetime) -> None:
    """Delete the private halves of keys that retired, or that never signed and now retire."""
    retired_at = func.coalesce(signing_keys.c.retired_at, at)
    statement = update(signing_keys).where(signing_keys.c.kid.in_(kids))
    await tx.execute(statement.values(retired_at=retired_at, private=_DELETED))
