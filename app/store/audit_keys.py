"""The keys of the audit log, stored sealed: the service's own, and those of users, deleted with their user."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, Uuid, func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Tx
from app.store.records import columns, read, read_all, values
from app.store.schema import among, arrays
from app.store.tables import audit_keys

_RENEW = text(
    """
    UPDATE audit_keys AS k SET key = g.key FROM unnest(:ids, :olds, :keys) AS g (id, old, key)
    WHERE k.id = g.id AND k.key = g.old
    """
).bindparams(
    *arrays(ids=Uuid(), olds=LargeBinary(), keys=LargeBinary()),
)


@dataclass(frozen=True, slots=True)
class StoredAuditKey:
    id: UUID
    user_id: UUID | None
    key: bytes
    created_at: datetime


async def find(tx: Tx, key_id: UUID) -> StoredAuditKey | None:
    statement = select(*columns(audit_keys, StoredAuditKey)).where(audit_keys.c.id == key_id)
    return read(StoredAuditKey, (await tx.execute(statement)).one_or_none())


async def find_all(tx: Tx, key_ids: Collection[UUID]) -> list[StoredAuditKey]:
    """Those of *key_ids* that still exist."""
    statement = select(*columns(audit_keys, StoredAuditKey)).where(among(audit_keys.c.id, key_ids))
    return read_all(StoredAuditKey, await tx.execute(statement))


async def add(tx: Tx, key: StoredAuditKey) -> None:
    """Insert the key, unless one with this id exists."""
    await tx.execute(insert(audit_keys).values(**values(key)).on_conflict_do_nothing())


async def under_older(tx: Tx, *, head: bytes, after: UUID | None, most: int) -> list[StoredAuditKey]:
    """Keys not sealed under the newest key of the ring, in the order of their ids, after *after*."""
    begins = func.substring(audit_keys.c.key, 1, len(head), type_=LargeBinary)
    statement = select(*columns(audit_keys, StoredAuditKey)).where(begins != head)
    if after is not None:  # the house's own id is the smallest there is
        statement = statement.where(audit_keys.c.id > after)
    return read_all(StoredAuditKey, await tx.execute(statement.order_by(audit_keys.c.id).limit(most)))


async def renew(tx: Tx, olds: Sequence[StoredAuditKey], keys: Sequence[bytes]) -> int:
    """Replace each of *olds* with its new key if it is unchanged since it was read; return how many were."""
    given = {"ids": [old.id for old in olds], "olds": [old.key for old in olds], "keys": list(keys)}
    return (await tx.execute(_RENEW, given)).rowcount


async def may_renew(tx: Tx) -> bool:
    """Whether the role may update keys: the service's own may not, where there are two roles."""
    return bool(await tx.scalar(text("SELECT has_table_privilege('audit_keys', 'UPDATE')")))
