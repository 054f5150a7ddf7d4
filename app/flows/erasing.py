"""Erase a user: them, every row that is theirs, and what waits under their address. Only a cut-off stays. Not to be undone."""

from datetime import timedelta
from uuid import UUID

from app.store import registrations, revocations, users
from app.store.database import Tx

STRAGGLERS = timedelta(seconds=30)
"""A deleted user never comes back, so their cut-off lies ahead: a clock that runs ahead, or a refresh that read the user
just before, mints no token that outlives it."""


async def erase(tx: Tx, user_id: UUID, *, credential_version: int | None = None) -> bool:
    """False when there is no such user any more, or another *credential_version*: then nothing of *tx* may stay.

    The user was not locked before: a lock that is made stronger later would deadlock with whoever holds a weak one.
    """
    await registrations.forget(tx, user_id)
    if not await users.remove(tx, user_id, credential_version=credential_version):
        return False
    await revocations.cut(tx, user_id, ahead=STRAGGLERS)
    return True
