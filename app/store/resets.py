"""Tokens that reset a password: digests only, bound to the credential version, spent by one statement with the change."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select, update

from app.store.database import Tx
from app.store.records import columns, read
from app.store.tables import resets, users
from app.store.users import User


async def open_(tx: Tx, digest: bytes, user: User, *, expires_at: datetime) -> None:
    """Store a token of *user*; earlier ones stay valid."""
    statement = insert(resets).values(
        digest=digest,
        user_id=user.id,
        credential_version=user.credential_version,
        expires_at=expires_at,
    )
    await tx.execute(statement)


async def find(tx: Tx, digest: bytes, *, at: datetime) -> User | None:
    """The user whose password the token resets, if it is valid; it is not consumed."""
    statement = select(*columns(users, User)).where(*_good(digest, at))
    return read(User, (await tx.execute(statement)).one_or_none())


async def spend(tx: Tx, digest: bytes, *, password_hash: str, at: datetime) -> bool:
    """Set the password of the token's user, and raise the version that the token is bound to, so only one caller wins.

    Whoever waited for the row lock finds another version (law 2), and the user's other tokens become invalid with it.
    """
    statement = (
        update(users)
        .where(*_good(digest, at))
        .values(password_hash=password_hash, password_expired=False, credential_version=users.c.credential_version + 1)
    )
    return (await tx.execute(statement)).rowcount == 1


async def forget(tx: Tx, user_id: UUID) -> None:
    """Delete every token of the user."""
    await tx.execute(delete(resets).where(resets.c.user_id == user_id))


def _good(digest: bytes, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        resets.c.digest == digest,
        resets.c.expires_at > at,
        users.c.id == resets.c.user_id,
        users.c.active,
        users.c.credential_version == resets.c.credential_version,
    )
