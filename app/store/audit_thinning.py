"""Delete what outlives the audit log's months without need: single checkpoints, and keys that seal nothing any more.

Only the owner of the schema can: the trigger that refuses it is disabled meanwhile, in one transaction.
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
    """Checkpoints in the order of their times, after *after*."""
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
    """Ids of users' keys that were made before *before*, in order, after *after*."""
    statement = select(audit_keys.c.id).where(audit_keys.c.user_id.is_not(None), audit_keys.c.created_at < before)
    if after:
        statement = statement.where(audit_keys.c.id > after)
    return [*(await tx.execute(statement.order_by(audit_keys.c.id).limit(most))).scalars()]


async def drop_keys(tx: Tx, ids: Collection[UUID]) -> int:
    return (await tx.execute(delete(audit_keys).where(audit_keys.c.id.in_(ids)))).rowcount
