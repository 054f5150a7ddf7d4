"""Addresses that were left, each with the digest of the token that brings it back; until then nobody else gets them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select

from app.store import email_changes
from app.store.database import Tx
from app.store.records import columns, read, read_all, values
from app.store.tables import email_undos, users


@dataclass(frozen=True, slots=True)
class EmailUndo:
    """`credential_version` is that of the user since the change: it numbers their changes, whatever clocks say."""

    id: UUID
    user_id: UUID
    credential_version: int
    email: str
    email_folded: str
    digest: bytes
    expires_at: datetime


_COLUMNS = columns(email_undos, EmailUndo)


async def add(tx: Tx, undo: EmailUndo, *, at: datetime) -> None:
    await tx.execute(insert(email_undos).values(**values(undo), created_at=at))


async def of_user(tx: Tx, user_id: UUID, *, at: datetime) -> list[EmailUndo]:
    """Those that are still good, in the order of the changes."""
    statement = select(*_COLUMNS).where(email_undos.c.user_id == user_id, email_undos.c.expires_at > at)
    return read_all(EmailUndo, await tx.execute(statement.order_by(email_undos.c.credential_version)))


async def find(tx: Tx, digest: bytes, *, at: datetime) -> EmailUndo | None:
    """What the token brings back, if it is good; nothing is spent."""
    statement = select(*_COLUMNS).where(email_undos.c.digest == digest, email_undos.c.expires_at > at)
    return read(EmailUndo, (await tx.execute(statement)).one_or_none())


async def spend(tx: Tx, undo: EmailUndo, *, at: datetime) -> bool:
    """Consume it, once (law 2); those of later changes die with it, those of earlier ones stay good. The user is locked."""
    own = delete(email_undos).where(email_undos.c.id == undo.id, email_undos.c.expires_at > at)
    if (await tx.execute(own)).rowcount != 1:
        return False
    later = email_undos.c.credential_version > undo.credential_version
    await tx.execute(delete(email_undos).where(email_undos.c.user_id == undo.user_id, later))
    return True


async def apply(tx: Tx, undo: EmailUndo) -> bool:
    """Give the user the address back; the password proves nothing until it is reset. False when it cannot be."""
    try:
        version = await email_changes.move(
            tx, users.c.id == undo.user_id, email=undo.email, email_folded=undo.email_folded, expire_password=True
        )
    except email_changes.AddressTaken:
        return False
    return version is not None
