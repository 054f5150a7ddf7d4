"""New addresses that wait for their code: one per user, bound to the credential version, closed by compare-and-set."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.store.database import Tx
from app.store.records import columns, read, values
from app.store.tables import email_changes, users
from app.store.users import User


class AddressTaken(Exception):  # noqa: N818  named as the state it tells of
    """Another user has the address."""


@dataclass(frozen=True, slots=True)
class EmailChange:
    id: UUID
    user_id: UUID
    credential_version: int
    email: str
    email_folded: str
    fingerprint: bytes | None
    attempts: int
    expires_at: datetime


_COLUMNS = columns(email_changes, EmailChange)


async def begin(tx: Tx, change: EmailChange, *, limit: int, at: datetime) -> EmailChange:
    """Store *change*, unless the pending one is for the same address and has attempts left; return the pending one.

    The caller has locked the user.
    """
    standing = await of_user(tx, change.user_id, at=at)
    if standing and standing.email_folded == change.email_folded and standing.attempts < limit:
        return standing
    await forget(tx, change.user_id)
    await tx.execute(insert(email_changes).values(**values(change), created_at=at))
    return change


async def of_user(tx: Tx, user_id: UUID, *, at: datetime) -> EmailChange | None:
    """The user's pending change, if it may still be confirmed."""
    statement = select(*_COLUMNS).where(email_changes.c.user_id == user_id, *_good(at))
    return read(EmailChange, (await tx.execute(statement)).one_or_none())


async def renew_code(tx: Tx, change_id: UUID, *, fingerprint: bytes, expires_at: datetime) -> None:
    """Replace the code with a newer one; the attempts stay spent."""
    statement = update(email_changes).where(email_changes.c.id == change_id)
    await tx.execute(statement.values(fingerprint=fingerprint, expires_at=expires_at))


async def spend(tx: Tx, user_id: UUID, *, limit: int, at: datetime) -> EmailChange | None:
    """Take one attempt; None when there is none to take. Commit before the code is judged (law 1)."""
    statement = (
        update(email_changes)
        .where(
            email_changes.c.user_id == user_id,
            email_changes.c.attempts < limit,
            email_changes.c.fingerprint.is_not(None),
            *_good(at),
        )
        .values(attempts=email_changes.c.attempts + 1)
        .returning(*_COLUMNS)
    )
    return read(EmailChange, (await tx.execute(statement)).one_or_none())


async def close(tx: Tx, change: EmailChange) -> bool:
    """Consume the change, once, while its code is the newest (law 2)."""
    own = delete(email_changes).where(
        email_changes.c.id == change.id, email_changes.c.fingerprint == change.fingerprint
    )
    return (await tx.execute(own)).rowcount == 1


async def forget(tx: Tx, user_id: UUID) -> None:
    await tx.execute(delete(email_changes).where(email_changes.c.user_id == user_id))


async def lock_user(tx: Tx, user_id: UUID) -> User | None:
    """Lock the user as strongly as a change of the address will: upgrading the lock of `users.lock` could deadlock."""
    statement = select(*columns(users, User)).where(users.c.id == user_id).with_for_update()
    return read(User, (await tx.execute(statement)).one_or_none())


async def apply(tx: Tx, change: EmailChange) -> int | None:
    """Set the user's address and return the next credential version; None when the current one is not the change's.

    Raises AddressTaken; the transaction must be rolled back then.
    """
    where = (users.c.id == change.user_id, users.c.active, users.c.credential_version == change.credential_version)
    return await move(tx, *where, email=change.email, email_folded=change.email_folded)


async def move(
    tx: Tx, *where: ColumnElement[bool], email: str, email_folded: str, expire_password: bool = False
) -> int | None:
    """Set the address of the one user *where*, and return their new credential version; or raise AddressTaken."""
    expired = {"password_expired": True} if expire_password else {}
    statement = (
        update(users)
        .where(*where)
        .values(email=email, email_folded=email_folded, credential_version=users.c.credential_version + 1, **expired)
        .returning(users.c.credential_version)
    )
    try:
        version: int | None = (await tx.execute(statement)).scalar_one_or_none()
    except IntegrityError as conflict:
        raise AddressTaken from conflict
    return version


def _good(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        email_changes.c.expires_at > at,
        users.c.id == email_changes.c.user_id,
        users.c.active,
        users.c.credential_version == email_changes.c.credential_version,
    )
