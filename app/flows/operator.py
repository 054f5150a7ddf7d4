"""What an operator does to a user, beside the running service: one transaction a verb, honoured by every replica in a second.

The user is locked first, as by everybody who changes what a user holds, so nothing is opened beside it; but see `delete`.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.addresses import read_address
from app.clock import Clock
from app.events import Event
from app.settings.groups import TokenSettings
from app.store import enrollments, revocations, session_lists, sessions, users
from app.store.database import Database, Tx
from app.store.users import User
from app.watch import audit

STRAGGLERS = timedelta(seconds=30)
"""A deleted user never comes back, so their cut-off lies ahead: a clock that runs ahead, or a refresh that read the user
just before, mints no token that outlives it."""


class UnknownUser(Exception):  # noqa: N818  named as the state it tells of
    """Nobody has this address or id."""


@dataclass(frozen=True, slots=True)
class Account:
    user: User
    factors: tuple[str, ...]
    sessions: int


@dataclass(frozen=True, slots=True)
class Done:
    """The user as they were, and how many of their sessions ended."""

    user: User
    sessions_ended: int = 0


@dataclass(frozen=True)
class Operator:
    settings: TokenSettings
    database: Database
    clock: Clock

    async def show(self, who: str) -> Account:
        """*who* is an address or an id, here as everywhere. Raises UnknownUser."""
        async with self.database.read() as tx:
            user = await _find(tx, who)
            enrolled = await enrollments.of_user(tx, user.id)
            at, idle = self.clock.now(), self.settings.refresh_idle
            open_ = await session_lists.of_user(tx, user.id, idle=idle, at=at)
        return Account(user, tuple(enrollment.kind for enrollment in enrolled), len(open_))

    async def disable(self, who: str, *, reason: str | None = None) -> Done:
        """Nothing they hold is good any more, and they cannot sign in."""
        async with self.database.begin() as tx:
            user = await _lock(tx, who)
            await users.disable(tx, user.id)
            ended = await sessions.revoke_all(tx, user.id, reason="disabled")
            await revocations.cut(tx, user.id)
        audit.note(Event.USER_DISABLED, user_id=user.id, sessions=len(ended), reason=reason)
        return Done(user, len(ended))

    async def enable(self, who: str, *, reason: str | None = None) -> Done:
        """They may sign in again; what ended stays ended."""
        async with self.database.begin() as tx:
            user = await _lock(tx, who)
            await users.enable(tx, user.id)
        audit.note(Event.USER_ENABLED, user_id=user.id, reason=reason)
        return Done(user)

    async def end_sessions(self, who: str, *, reason: str | None = None) -> Done:
        """They have to sign in again, wherever they are, with all that it takes: no device is trusted any more."""
        async with self.database.begin() as tx:
            user = await _lock(tx, who)
            await users.renew_credentials(tx, user.id, credential_version=user.credential_version)
            ended = await sessions.revoke_all(tx, user.id, reason="operator")
        audit.note(Event.USER_SESSIONS_ENDED, user_id=user.id, sessions=len(ended), reason=reason)
        return Done(user, len(ended))

    async def delete(self, user_id: UUID, *, reason: str | None = None) -> Done:
        """Them, and everything that is theirs; only the cut-off stays. Not to be undone.

        Not locked before: a lock that is made stronger later would deadlock with whoever holds a weak one.
        """
        async with self.database.begin() as tx:
            user = await users.by_id(tx, user_id)
            if user is None or not await users.remove(tx, user.id):
                raise UnknownUser
            await revocations.cut(tx, user.id, ahead=STRAGGLERS)
        audit.note(Event.USER_DELETED, user_id=user.id, reason=reason)
        return Done(user)


async def _find(tx: Tx, who: str) -> User:
    user = await (users.by_email(tx, _folded(who)) if "@" in who else users.by_id(tx, _id(who)))
    if user is None:
        raise UnknownUser
    return user


async def _lock(tx: Tx, who: str) -> User:
    user = await users.lock(tx, (await _find(tx, who)).id)
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
