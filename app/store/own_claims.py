"""What an operator says of a user in access tokens: a few flat values on the user's row."""

from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.store.database import Tx
from app.store.tables import users


async def put(tx: Tx, user_id: UUID, claims: dict[str, Any]) -> None:
    """In the place of those before; they are no credential, so nothing ends."""
    await tx.execute(update(users).where(users.c.id == user_id).values(claims=claims))
