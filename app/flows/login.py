"""Log in: prove the password, then open a session, ask for the second factor, or have the first one enrolled.

Nobody learns why a password failed, and nobody without the password learns anything about factors.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from app.addresses import read_address
from app.clock import Clock
from app.crypto.passwords import Passwords
from app.crypto.pool import HashPool
from app.events import Event
from app.flows.admission import Admission, AsRead, Opened
from app.flows.answers import Authenticated, EnrollmentRequired, MfaRequired
from app.flows.at_once import AtOnce
from app.flows.password_attempts import PasswordAttempts
from app.flows.pending import Pending
from app.flows.recognising import Arrival, Recognising
from app.problems import InvalidCredentials, Overloaded
from app.settings.people import MfaSettings
from app.store import credentials, users
from app.store.database import Database, Tx
from app.store.devices import Device
from app.store.enrollments import Enrollment
from app.store.users import ProofDue, User
from app.visitor import Visitor
from app.watch import audit

_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What somebody sends to sign in. *factor* without *code* chooses what is asked; *code* answers at once."""

    email: str
    password: str = field(repr=False)
    factor: str | None = None
    code: str | None = field(default=None, repr=False)
    device_token: str | None = field(default=None, repr=False)
    remember: bool = False
    cookie: bool = False


@dataclass(frozen=True, slots=True)
class Proved:
    """Whose password was right, what they have enrolled, and the device of theirs that it came from."""

    user: User
    enrolled: Sequence[Enrollment]
    device: Device | None
    state: str

    @property
    def device_id(self) -> UUID | None:
        return self.device.id if self.device else None


@dataclass(frozen=True)
class Login:
    settings: MfaSettings
    database: Database
    clock: Clock
    pool: HashPool
    passwords: Passwords
    password_attempts: PasswordAttempts
    recognising: Recognising
    admission: Admission
    pending: Pending
    at_once: AtOnce

    async def __call__(self, wanted: SignIn, visitor: Visitor) -> MfaRequired | Authenticated | EnrollmentRequired:
        if wanted.code and wanted.factor:
            self.at_once.refuse_unless_possible(wanted.factor)
        proved = await self._prove(wanted, visitor)
        user, enrolled = proved.user, proved.enrolled
        arrival = Arrival(visitor, proved.device_id, wanted.remember, wanted.cookie)
        if enrolled and wanted.code:
            return await self.at_once(user, enrolled, arrival, named=wanted.factor, code=wanted.code)
        if enrolled and (wanted.factor or not self._trusts(proved.device)):
            return await self.pending.ask(user, enrolled, arrival, named=wanted.factor)
        if not enrolled and self._must_enroll(user):
            return await self.pending.have_enrolled(user, arrival)
        return await self._open_session(proved, arrival)

    async def _prove(self, wanted: SignIn, visitor: Visitor) -> Proved:
        """Raises InvalidCredentials, RateLimited, Overloaded. A failure is counted before the password is looked at."""
        email_folded = read_address(wanted.email).folded
        if wanted.device_token is None:
            self.password_attempts.refuse_again(email_folded, visitor)
        async with self.database.read() as tx:
            found = await credentials.of_address(tx, email_folded)
            user = found.user
            device = await self.recognising.find(tx, wanted.device_token, user_id=user.id if user else _NOBODY)
        stored, device_id = user.password_hash if user else None, device.id if device else None
        attempted = await self.password_attempts(
            email_folded, wanted.password, stored=stored, visitor=visitor, known=device_id
        )
        verdict = attempted.verdict
        if user is None or not verdict.right or not user.active or user.password_expired:
            await asyncio.sleep(verdict.rest)
            audit.note(Event.PASSWORD_REFUSED, user_id=user.id if user else None)
            raise InvalidCredentials
        await self.password_attempts.passed(attempted)
        if verdict.outdated:
            await self._hash_anew(user, wanted.password)
        return Proved(user, found.enrolled, device, found.state)

    async def _hash_anew(self, user: User, password: str) -> None:
        """While the hashing pool is full it is left for a later sign-in."""
        with suppress(Overloaded):
            better = await self.pool.run(self.passwords.hash, password)
            async with self.database.begin() as tx:
                await users.rehash(tx, user.id, old_hash=user.password_hash, new_hash=better)

    def _trusts(self, device: Device | None) -> bool:
        return device is not None and self.recognising.trusts(device.trusted_until)

    def _must_enroll(self, user: User) -> bool:
        """By policy, at once; users from before the policy have its grace. Whoever lost their factors, in any case."""
        if user.email_proof_due == ProofDue.FACTORS_RESET:
            return True
        if self.settings.policy == "optional":
            return False
        if user.email_proof_due:
            return True
        since = self.settings.required_since
        return since is None or user.created_at >= since or self.clock.now() >= since + self.settings.grace

    async def _open_session(self, proved: Proved, arrival: Arrival) -> Authenticated:
        """On the password alone: nothing is enrolled, or the device is trusted, still, in this transaction."""
        user, version = proved.user, proved.user.credential_version

        async def open_(tx: Tx) -> Opened:
            if not await self.admission.admit(tx, user.id, credential_version=version):
                raise InvalidCredentials
            opened = await self.admission.open(tx, user.id, arrival, credential_version=version, factor=None)
            if proved.enrolled and not opened.device.trusted:
                raise InvalidCredentials("The device was forgotten in the same moment: sign in again.")
            return opened

        opened = await self._open_at_once(proved, arrival)
        if opened is None:
            opened = await self.database.run(open_)
        return self.admission.signed_in(opened)

    async def _open_at_once(self, proved: Proved, arrival: Arrival) -> Opened | None:
        """Nobody is in the way, mostly: then one statement does it all."""
        if proved.device:
            return None
        read = AsRead(proved.user.id, proved.user.credential_version, proved.state)
        return await self.database.once(lambda tx: self.admission.admit_and_open(tx, read, arrival))
