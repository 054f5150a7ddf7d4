"""What an operator does to a user, beside the running service: one transaction a verb, honoured by every replica in a second.

The user is locked first, as by everybody who changes what a user holds, so nothing is opened beside it; but see `delete`.
"""

from dataclasses import dataclass
from uuid import UUID

from app.addresses import read_address
from app.events import Event
from app.flows.erasing import erase
from app.store import revocations, sessions, users
from app.store.database import Database, Tx
from app.store.users import User
from app.watch import audit


class UnknownUser(Exception):  # noqa: N818  named as the state it tells of
    """Nobody has this address or id."""


@dataclass(frozen=True, slots=True)
class Done:
    """The user as they were, and how many of their sessions ended."""

    user: User
    sessions_ended: int = 0


@dataclass(frozen=True)
class Operator:
    database: Database
    by: str | None = None

    async def find(self, who: str) -> User:
        """*who* is an address or an id, here as everywhere. Raises UnknownUser."""
        async with self.database.read() as tx:
            return await find(tx, who)

    async def disable(self, who: str, *, reason: str | None = None) -> Done:
        """Nothing they hold is good any more, and they cannot sign in."""
        async with self.database.begin() as tx:
            user = await lock(tx, who)
            await users.disable(tx, user.id)
            ended = await sessions.revoke_all(tx, user.id, reason="disabled")
            await revocations.cut(tx, user.id)
        audit.note(Event.USER_DISABLED, user_id=user.id, sessions=len(ended), by=self.by, reason=reason)
        return Done(user, len(ended))

    async def enable(self, who: str, *, reason: str | None = None) -> Done:
        """They may sign in again; what ended stays ended."""
        async with self.database.begin() as tx:
            user = await lock(tx, who)
            await users.enable(tx, user.id)
        audit.note(Event.USER_ENABLED, user_id=user.id, by=self.by, reason=reason)
        return Done(user)

    async def end_sessions(self, who: str, *, reason: str | None = None) -> Done:
        """They have to sign in again, wherever they are, with all that it takes: no device is trusted any more."""
        async with self.database.begin() as tx:
            user = await lock(tx, who)
            await users.renew_credentials(tx, user.id, credential_version=user.credential_version)
            ended = await sessions.revoke_all(tx, user.id, reason="operator")
        audit.note(Event.USER_SESSIONS_ENDED, user_id=user.id, sessions=len(ended), by=self.by, reason=reason)
        return Done(user, len(ended))

    async def delete(self, user_id: UUID, *, reason: str | None = None) -> Done:
        """Them, and everything that is theirs; only the cut-off stays. Not to be undone."""
        user = await self.database.run(lambda tx: _erase(tx, user_id))
        audit.note(Event.USER_DELETED, user_id=user.id, by=self.by, reason=reason)
        return Done(user)


async def _erase(tx: Tx, user_id: UUID) -> User:
    user = await users.by_id(tx, user_id)
    if user is None or not await erase(tx, user.id):
        raise UnknownUser
    return user


async def find(tx: Tx, who: str) -> User:
    user = await (users.by_email(tx, _folded(who)) if "@" in who else users.by_id(tx, _id(who)))
    if user is None:
        raise UnknownUser
    return user


async def lock(tx: Tx, who: str) -> User:
    user = await users.lock(tx, (await find(tx, who)).id)
    if user is None:
        raise UnknownUser
    return user


def _folded(who: str) -> str:
    try:
        return read_address(who).folded
    except ValueError:
        raise UnknownUser from None


def _id(who: str) -> UUID:
    try:
        return UUID(who)
    except ValueError:
        raise UnknownUser from None
