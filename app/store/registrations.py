"""Registrations that wait for their address to be verified: each has its own password, and only one of them becomes a user."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ScalarSelect, delete, insert, select, update

from app.store.database import Tx
from app.store.records import columns, read, values
from app.store.tables import registrations, users


@dataclass(frozen=True, slots=True)
class Registration:
    id: UUID
    email: str
    email_folded: str
    password_hash: str
    locale: str
    fingerprint: bytes | None
    expires_at: datetime


_COLUMNS = columns(registrations, Registration)


async def add(tx: Tx, registration: Registration, *, at: datetime) -> None:
    await tx.execute(insert(registrations).values(**values(registration), created_at=at))


async def find(tx: Tx, registration_id: UUID, *, at: datetime) -> Registration | None:
    statement = select(*_COLUMNS).where(registrations.c.id == registration_id, registrations.c.expires_at > at)
    return read(Registration, (await tx.execute(statement)).one_or_none())


async def renew_code(tx: Tx, registration_id: UUID, *, fingerprint: bytes) -> None:
    """Replace the code with a newer one; the attempts stay spent."""
    statement = update(registrations).where(registrations.c.id == registration_id)
    await tx.execute(statement.values(fingerprint=fingerprint))


async def spend(tx: Tx, registration_id: UUID, *, limit: int, at: datetime) -> Registration | None:
    """Take one attempt; None when there is none to take. Commit before the code is judged (law 1)."""
    statement = (
        update(registrations)
        .where(
            registrations.c.id == registration_id,
            registrations.c.expires_at > at,
            registrations.c.attempts < limit,
            registrations.c.fingerprint.is_not(None),
        )
        .values(attempts=registrations.c.attempts + 1)
        .returning(*_COLUMNS)
    )
    return read(Registration, (await tx.execute(statement)).one_or_none())


async def close(tx: Tx, registration: Registration) -> bool:
    """Delete the registration, once, and with it the others of its address."""
    await _lock(tx, registration.email_folded)
    own = delete(registrations).where(
        registrations.c.id == registration.id, registrations.c.fingerprint == registration.fingerprint
    )
    if (await tx.execute(own)).rowcount != 1:
        return False
    await tx.execute(delete(registrations).where(registrations.c.email_folded == registration.email_folded))
    return True


async def forget(tx: Tx, user_id: UUID) -> None:
    """Delete every registration of the user's address. Call it before the user is locked: `close` has that order."""
    address = select(users.c.email_folded).where(users.c.id == user_id).scalar_subquery()
    await _lock(tx, address)
    await tx.execute(delete(registrations).where(registrations.c.email_folded == address))


async def forget_address(tx: Tx, email_folded: str) -> None:
    """Delete every registration of an address that somebody is about to get. Call it before the user is locked."""
    await _lock(tx, email_folded)
    await tx.execute(delete(registrations).where(registrations.c.email_folded == email_folded))


async def _lock(tx: Tx, email_folded: str | ScalarSelect[str]) -> None:
    """Lock all registrations of an address in the order of their ids, or two verified at once would deadlock."""
    same = select(registrations.c.id).where(registrations.c.email_folded == email_folded)
    await tx.execute(same.order_by(registrations.c.id).with_for_update())
