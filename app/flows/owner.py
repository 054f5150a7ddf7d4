"""The user whose own things are about to change: locked, so that two changes at once come one after the other."""

from uuid import UUID

from app.problems import InvalidToken
from app.store import users
from app.store.database import Tx
from app.store.users import User


async def lock_owner(tx: Tx, user_id: UUID) -> User:
    """The user, locked to the end of the transaction. Raises InvalidToken for one who is gone or disabled."""
    user = await users.lock(tx, user_id)
    if user is None or not user.active:
        raise InvalidToken
    return user
