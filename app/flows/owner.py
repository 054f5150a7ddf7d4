"""The user whose own things are about to change: locked, so that two changes at once come one after the other.

And whether they are still who they were when a challenge was posed.
"""

from uuid import UUID

from app.problems import InvalidToken
from app.store import users
from app.store.challenges import Challenge
from app.store.database import Tx
from app.store.users import User

CHANGED = "The password or a factor of this account was changed."


async def lock_owner(tx: Tx, user_id: UUID) -> User:
    """The user, locked to the end of the transaction. Raises InvalidToken for one who is gone or disabled."""
    user = await users.lock(tx, user_id)
    if user is None or not user.active:
        raise InvalidToken
    return user


async def unchanged(tx: Tx, challenge: Challenge) -> User | None:
    """The user of *challenge*; None when they are gone or disabled, or their password or a factor was changed since."""
    user = await users.by_id(tx, challenge.user_id)
    stands = user is not None and user.active and user.credential_version == challenge.credential_version
    return user if stands else None
