"""Former addresses, each with the digest of the token that restores it; nobody else gets it until that expires."""

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
    """`credential_version` is the user's since the change: it orders their changes, whatever clocks say."""

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
    """The user's undos that have not expired, in the order of the changes."""
    statement = select(*_COLUMNS).where(email_undos.c.user_id == user_id, email_undos.c.expires_at > at)
    return read_all(EmailUndo, await tx.execute(statement.order_by(email_undos.c.credential_version)))


async def find(tx: Tx, digest: bytes, *, at: datetime) -> EmailUndo | None:
    """The undo of this token, if it has not expired; it is not consumed."""
    statement = select(*_COLUMNS).where(email_undos.c.digest == digest, email_undos.c.expires_at > at)
    return read(EmailUndo, (await tx.execute(statement)).one_or_none())


async def spend(tx: Tx, undo: EmailUndo, *, at: datetime) -> bool:
    """Consume the undo, once (law 2), and delete those of later changes, not earlier ones. The user is locked."""
    own = delete(email_undos).where(email_undos.c.id == undo.id, email_undos.c.expires_at > at)
    if (await tx.execute(own)).rowcount != 1:
        return False
    later = email_undos.c.credential_version > undo.credential_version
    await tx.execute(delete(email_undos).where(email_undos.c.user_id == undo.user_id, later))
    return True


async def apply(tx: Tx, undo: EmailUndo) -> bool:
    """Restore the address, and expire the password until it is reset; False if it is taken, or the user gone."""
    try:
        version = await email_changes.move(
            tx, users.c.id == undo.user_id, email=undo.email, email_folded=undo.email_folded, expire_password=True
        )
    except email_changes.AddressTaken:
        return False
    return version is not None
