"""What of the audit log outlives its months and need not: checkpoints one by one, and keys that nothing is sealed under any more.

By the owner of the schema alone, with the trigger that refuses it off for as long as that takes, in one transaction.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, text, tuple_

from app.store.database import Tx
from app.store.records import columns, read_all
from app.store.tables import audit_checkpoints, audit_keys

_OFF = text("ALTER TABLE audit_checkpoints DISABLE TRIGGER audit_change")
_ON = text("ALTER TABLE audit_checkpoints ENABLE TRIGGER audit_change")


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    id: UUID
    seq: int
    at: datetime
    token: str


async def checkpoints(tx: Tx, *, after: KeptCheckpoint | None, most: int) -> list[KeptCheckpoint]:
    """In the order of their times, from after *after*."""
    key = (audit_checkpoints.c.at, audit_checkpoints.c.id)
    statement = select(*columns(audit_checkpoints, KeptCheckpoint))
    if after:
        statement = statement.where(tuple_(*key) > tuple_(after.at, after.id))
    return read_all(KeptCheckpoint, await tx.execute(statement.order_by(*key).limit(most)))


async def drop_checkpoints(tx: Tx, ids: Collection[UUID]) -> int:
    await tx.execute(_OFF)
    gone = await tx.execute(delete(audit_checkpoints).where(audit_checkpoints.c.id.in_(ids)))
    await tx.execute(_ON)
    return gone.rowcount


async def keys(tx: Tx, *, before: datetime, after: UUID | None, most: int) -> list[UUID]:
    """Those of users that were made before *before*, in the order of their ids, from after *after*."""
    statement = select(audit_keys.c.id).where(audit_keys.c.user_id.is_not(None), audit_keys.c.created_at < before)
    if after:
        statement = statement.where(audit_keys.c.id > after)
    return [*(await tx.execute(statement.order_by(audit_keys.c.id).limit(most))).scalars()]


async def drop_keys(tx: Tx, ids: Collection[UUID]) -> int:
    return (await tx.execute(delete(audit_keys).where(audit_keys.c.id.in_(ids)))).rowcount
