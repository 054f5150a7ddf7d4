"""Change a password: with a fresh proof and the old one. Every other session ends, this one goes on; nothing else does."""

from dataclasses import dataclass
from uuid import UUID

from app.clock import Clock
from app.crypto.claims import AccessClaims
from app.crypto.passwords import Passwords, same
from app.crypto.pool import HashPool
from app.events import Event
from app.flows.breach_check import BreachCheck
from app.flows.ended import Ended
from app.flows.notices import tell
from app.flows.owner import CHANGED
from app.flows.password_attempts import PasswordAttempts
from app.flows.proof import Proof
from app.problems import InvalidToken, PasswordUnchanged, Problem, WrongCurrentPassword
from app.store import budgets, enrollments, resets, sessions, users
from app.store.database import Database, Tx
from app.store.users import User
from app.visitor import Visitor
from app.watch import audit
from app.watch.account_limits import AccountLimits

_REASON = "password_change"


@dataclass(frozen=True)
class ChangePassword:
    database: Database
    clock: Clock
    pool: HashPool
    passwords: Passwords
    password_attempts: PasswordAttempts
    breach_check: BreachCheck
    proof: Proof
    ended: Ended
    account_limits: AccountLimits

    async def __call__(self, who: AccessClaims, *, current: str, new: str, visitor: Visitor) -> None:
        user = await self._owner(who)
        self.passwords.refuse_weak(new, about=(user.email,))
        await self.password_attempts.require(who, user, current, visitor)
        if same(current, new):
            raise PasswordUnchanged
        await self.breach_check(new)
        password_hash = await self.pool.run(self.passwords.hash, new)
        self.ended(await self._change(who, user, password_hash), user_id=user.id, reason=_REASON)
        audit.note(Event.PASSWORD_CHANGED, user_id=user.id, session_id=who.sid)

    async def _owner(self, who: AccessClaims) -> User:
        async with self.database.read() as tx:
            user = await users.by_id(tx, who.sub)
            enrolled = await enrollments.of_user(tx, who.sub)
        if user is None or not user.active:
            raise InvalidToken
        self.proof.require_fresh(who, enrolled)
        return user

    async def _change(self, who: AccessClaims, user: User, password_hash: str) -> list[UUID]:
        """The sessions that ended. Of two changes at once, the one that comes later meets another version (law 2)."""
        read, now = user.credential_version, self.clock.now()

        async def change(tx: Tx) -> list[UUID]:
            version = await users.change_password(tx, user.id, credential_version=read, password_hash=password_hash)
            if version is None:
                raise await self._why_not(tx, user)
            await budgets.forget(tx, user.id, budgets.ALL)  # it counted against the old password
            ended = await sessions.revoke_all(tx, user.id, reason=_REASON, but=who.sid)
            if who.sid not in await sessions.carry_over(tx, user.id, credential_version=version):
                raise InvalidToken("The session has ended.")
            await resets.forget(tx, user.id)
            await self.account_limits.notice(tx, user.id, at=now)
            await tell(tx, user.id, "password_changed", at=now)
            return ended

        return await self.database.run(change)

    async def _why_not(self, tx: Tx, user: User) -> Problem:
        found = await users.by_id(tx, user.id)
        if found and found.active and found.password_hash != user.password_hash:
            return WrongCurrentPassword("It was changed a moment ago.")
        return InvalidToken(CHANGED)
