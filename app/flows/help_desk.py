"""What an operator does for a user who cannot get in: make them, unlock them, take factors that are lost. Each is told of, with who did it."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.addresses import read_address
from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.passwords import Passwords
from app.events import Event
from app.flows.notices import tell
from app.flows.operator import Done, lock
from app.store import devices, email_undos, newcomers, session_lists, sessions, user_lists, users
from app.store.database import Database, Tx
from app.store.newcomers import NewUser
from app.store.users import ProofDue, User
from app.watch import audit
from app.watch.throttle import Throttle


class AddressTaken(Exception):  # noqa: N818  reads as the sentence it is
    """Somebody has this address."""


class MayBeUndone(Exception):  # noqa: N818  reads as the sentence it is
    """The address was changed lately: its owner may be whoever has the one before."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to be made. Without a password a mail tells them to set one."""

    email: str
    password: str | None
    display_name: str | None
    locale: str


@dataclass(frozen=True)
class HelpDesk:
    database: Database
    clock: Clock
    passwords: Passwords
    throttle: Throttle
    by: str

    async def create(self, wanted: Wanted, *, reason: str | None) -> User:
        """Raises AddressTaken; and a Problem, with a reason, for a weak password."""
        address, now = read_address(wanted.email), self.clock.now()
        if wanted.password is not None:
            self.passwords.refuse_weak(wanted.password, about=(address.email,))
        person = NewUser(
            id=new_id(now),
            email=address.email,
            email_folded=address.folded,
            password_hash=self.passwords.hash(wanted.password) if wanted.password is not None else "",
            password_expired=wanted.password is None,
            active=True,
            locale=wanted.locale,
            display_name=wanted.display_name,
            email_proof_due=ProofDue.ELSEWHERE.value,
            claims={},
            created_at=now,
        )
        user = await self.database.run(lambda tx: self._add(tx, person))
        audit.note(Event.USER_CREATED, user_id=user.id, by=self.by, reason=reason)
        return user

    async def _add(self, tx: Tx, person: NewUser) -> User:
        if not await newcomers.add(tx, [person], at=person.created_at):
            raise AddressTaken
        if person.password_expired:
            await tell(tx, person.id, "account_created", at=self.clock.now())
        user = await users.by_id(tx, person.id)
        if user is None:
            raise AddressTaken
        return user

    async def unlock(self, who: str, *, networks: Sequence[str] = (), reason: str | None) -> Done:
        """Forget their wrong codes and passwords; of passwords, those from their devices, where these were, and *networks*."""

        async def forgive(tx: Tx) -> User:
            user, now = await lock(tx, who), self.clock.now()
            known = await devices.of_user(tx, user.id)
            # Every open one, however long it has not been used.
            open_ = await session_lists.of_user(tx, user.id, idle=now - user.created_at, at=now)
            seen = {*networks, *(one.network for one in known), *(one.network for one in open_)}
            lanes = [one.id for one in known] + [one.id for one in open_]
            await user_lists.unlock(tx, user.id)
            await self.throttle.forgive(tx, read_address(user.email).folded, networks=seen, known=lanes)
            return user

        user = await self.database.run(forgive)
        audit.note(Event.USER_UNLOCKED, user_id=user.id, by=self.by, reason=reason)
        return Done(user)

    async def expire_password(self, who: str, *, reason: str) -> Done:
        """Somebody else may know their password: it proves nothing until a mailed link gives another one.

        All that they hold ends, as by `end_sessions`, and a mail tells them.
        """
        done = await self.database.run(lambda tx: self._expire(tx, who))
        ended = done.sessions_ended
        audit.note(Event.PASSWORD_EXPIRED, user_id=done.user.id, sessions=ended, by=self.by, reason=reason)
        return done

    async def _expire(self, tx: Tx, who: str) -> Done:
        user = await lock(tx, who)
        proved = {"credential_version": user.credential_version}
        if await users.expire_password(tx, user.id, **proved) is None:
            await users.renew_credentials(tx, user.id, **proved)
        ended = await sessions.revoke_all(tx, user.id, reason="operator")
        await tell(tx, user.id, "password_expired_by_operator", at=self.clock.now())
        return Done(user, len(ended))

    async def reset_factors(self, who: str, *, reason: str, after_email_change: bool = False) -> Done:
        """They lost every factor: all of them go, all that stood on them ends, and the next sign-in enrols a new one.

        The code for that is mailed to the address there is. Raises MayBeUndone while the one before may come back, unless
        it is said that this is known (*after_email_change*).
        """
        removed: list[str] = []

        async def reset(tx: Tx) -> Done:
            user, now = await lock(tx, who), self.clock.now()
            if not after_email_change and await email_undos.of_user(tx, user.id, at=now):
                raise MayBeUndone
            await user_lists.unlock(tx, user.id)
            removed[:] = await user_lists.remove_factors(tx, user.id)
            await users.reset_factors(tx, user.id)
            ended = await sessions.revoke_all(tx, user.id, reason="operator")
            await tell(tx, user.id, "factors_reset", at=now)
            return Done(user, len(ended))

        done = await self.database.run(reset)
        factors = ",".join(removed)
        audit.note(Event.FACTORS_RESET, user_id=done.user.id, factors=factors, by=self.by, reason=reason)
        return done
