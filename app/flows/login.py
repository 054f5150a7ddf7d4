"""Log in: prove the password, then open a session, ask for the second factor, or have the first one enrolled.

Nobody learns why a password failed, and nobody without the password learns anything about factors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.addresses import read_address
from app.clock import Clock
from app.crypto.passwords import Passwords
from app.crypto.pool import HashPool
from app.events import Event
from app.flows.admission import Admission
from app.flows.answers import Authenticated, EnrollmentRequired, MfaRequired
from app.flows.at_once import AtOnce
from app.flows.pending import Pending
from app.problems import InvalidCredentials
from app.settings.people import MfaSettings
from app.store import enrollments, users
from app.store.database import Database
from app.store.enrollments import Enrollment
from app.store.users import User
from app.watch import audit

_NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Login:
    settings: MfaSettings
    database: Database
    clock: Clock
    pool: HashPool
    passwords: Passwords
    admission: Admission
    pending: Pending
    at_once: AtOnce

    async def __call__(
        self, *, email: str, password: str, factor: str | None, code: str | None
    ) -> MfaRequired | Authenticated | EnrollmentRequired:
        if code and factor:
            self.at_once.refuse_unless_possible(factor)
        user, enrolled = await self._prove(read_address(email).folded, password)
        if enrolled and code:
            return await self.at_once(user, enrolled, named=factor, code=code)
        if enrolled:
            return await self.pending.ask(user, enrolled, named=factor)
        if self._must_enroll(user):
            return await self.pending.have_enrolled(user)
        return await self._open_session(user)

    async def _prove(self, email_folded: str, password: str) -> tuple[User, Sequence[Enrollment]]:
        async with self.database.read() as tx:
            user = await users.by_email(tx, email_folded)
            enrolled = await enrollments.of_user(tx, user.id if user else _NOBODY)
        verdict = await self.pool.run(self.passwords.verify, password, user.password_hash if user else None)
        if user is None or not verdict.right or not user.active or user.password_expired:
            audit.note(Event.PASSWORD_REFUSED, user_id=user.id if user else None)
            raise InvalidCredentials
        if verdict.better:
            async with self.database.begin() as tx:
                await users.rehash(tx, user.id, old_hash=user.password_hash, new_hash=verdict.better)
        return user, enrolled

    def _must_enroll(self, user: User) -> bool:
        """By policy, at once; users from before the policy have its grace."""
        if self.settings.policy == "optional":
            return False
        since = self.settings.required_since
        return since is None or user.created_at >= since or self.clock.now() >= since + self.settings.grace

    async def _open_session(self, user: User) -> Authenticated:
        async with self.database.begin() as tx:
            if not await self.admission.admit(tx, user.id, credential_version=user.credential_version):
                raise InvalidCredentials
            session = await self.admission.open(tx, user.id, credential_version=user.credential_version, factor=None)
        audit.note(Event.SIGNED_IN, user_id=user.id, session_id=session.id, acr=session.acr)
        return self.admission.answer(session)
