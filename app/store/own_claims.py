"""The claims that an operator adds to a user's access tokens: a few flat values on the user's row."""

from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.store.database import Tx
from app.store.tables import users


async def put(tx: Tx, user_id: UUID, claims: dict[str, Any]) -> None:
    """Replace the user's claims; they are no credential, so no session ends."""
    await tx.execute(update(users).where(users.c.id == user_id).values(claims=claims))
