"""Signing keys, one a role, sealed. Whoever needs the first one makes it; replicas that start together agree on one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, text

from app.store.database import Tx
from app.store.records import columns, values
from app.store.tables import signing_keys

_FIRST_KEY_LOCK = 0x6761_7465  # any number that nothing else here locks by


@dataclass(frozen=True, slots=True)
class StoredKey:
    """`role` is `access` (published) or `internal` (never); `private` is sealed."""

    kid: str
    role: str
    alg: str
    private: bytes
    created_at: datetime


async def all_keys(tx: Tx) -> list[StoredKey]:
    rows = await tx.execute(select(*columns(signing_keys, StoredKey)).order_by(signing_keys.c.created_at))
    return [StoredKey(**row._mapping) for row in rows]  # noqa: SLF001  its public name


async def one_at_a_time(tx: Tx) -> None:
    """Wait until no other transaction adds keys; the lock ends with this one, so PgBouncer does not mind."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FIRST_KEY_LOCK})


async def add(tx: Tx, key: StoredKey) -> None:
    await tx.execute(insert(signing_keys).values(**values(key)))
