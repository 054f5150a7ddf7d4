"""Begin to enrol a second factor: its state is sealed, its question put. It counts for nothing until it is confirmed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.claims import AccessClaims, EnrollmentClaims
from app.events import Event
from app.factors.base import Enrolled, EnrollShape, Holder
from app.factors.registry import Factors
from app.flows.answers import ChallengeState, EnrollmentBegun
from app.flows.asking import Asking, Put
from app.flows.mailbox import Mailbox
from app.flows.owner import CHANGED, lock_owner
from app.flows.proof import Proof
from app.flows.states import States
from app.flows.waiting import require_waiting
from app.messages import Purpose
from app.problems import FactorNotEnrolled, InvalidToken, MfaAttemptsExhausted
from app.settings.people import MfaSettings
from app.store import challenges, enrollments, users
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.users import User
from app.visitor import Visitor
from app.watch import audit
from app.watch.account_limits import AccountLimits


@dataclass(frozen=True)
class Enroll:
    settings: MfaSettings
    brand: str
    database: Database
    clock: Clock
    factors: Factors
    states: States
    proof: Proof
    asking: Asking
    mailbox: Mailbox
    account_limits: AccountLimits

    async def __call__(
        self,
        who: AccessClaims | EnrollmentClaims,
        request: EnrollShape,
        visitor: Visitor,
    ) -> EnrollmentBegun:
        """Begin; for a kind that is enrolled already, a replacement: the old one works until the new one is confirmed."""
        factor = self.factors[request.factor]
        await self.mailbox.require(who, request.email_code)

        async def begin(tx: Tx) -> tuple[Enrollment, Enrolled[Any], Put]:
            user = await self._admit(tx, who)
            enrolled = factor.enroll(request, Holder(user.email, self.brand))
            enrollment = await self._remember(tx, user, request, enrolled)
            challenge = await self._challenge(tx, user, enrollment)
            put = await self.asking.put(tx, challenge, enrollment, visitor, locale=user.locale)
            return enrollment, enrolled, put

        enrollment, enrolled, put = await self.database.run(begin)
        audit.note(Event.FACTOR_BEGUN, user_id=who.sub, enrollment_id=enrollment.id, factor=enrollment.kind)
        asked = await self.asking.send(put, by_name=True)
        return EnrollmentBegun(id=enrollment.id, setup=enrolled.setup, challenge=asked)

    async def ask_again(
        self, who: AccessClaims | EnrollmentClaims, enrollment_id: UUID, visitor: Visitor
    ) -> ChallengeState:
        """Send a new code for a factor that is not confirmed yet; the attempts stay as they are."""
        put = await self.database.run(lambda tx: self._put(tx, who, enrollment_id, visitor))
        return await self.asking.send(put, by_name=True)

    async def _put(self, tx: Tx, who: AccessClaims | EnrollmentClaims, enrollment_id: UUID, visitor: Visitor) -> Put:
        user = await users.by_id(tx, who.sub)
        since = self.clock.now() - self.settings.enroll_life
        enrollment = await enrollments.pending(tx, enrollment_id, user_id=who.sub, since=since)
        challenge = await challenges.find(tx, enrollment_id, purpose=Purpose.CONFIRM, user_id=who.sub)
        if isinstance(who, EnrollmentClaims):
            await require_waiting(tx, who, user)
        if user is None or not user.active:
            raise InvalidToken
        if enrollment is None or challenge is None:
            raise FactorNotEnrolled
        if user.credential_version != challenge.credential_version:
            raise FactorNotEnrolled(CHANGED)
        if challenge.attempts >= self.settings.attempts:
            raise MfaAttemptsExhausted
        return await self.asking.put(tx, challenge, enrollment, visitor, locale=user.locale)

    async def _admit(self, tx: Tx, who: AccessClaims | EnrollmentClaims) -> User:
        """The user, if what was proved is enough to add a factor to those there are."""
        user, now = await lock_owner(tx, who.sub), self.clock.now()
        if isinstance(who, EnrollmentClaims):
            await require_waiting(tx, who, user)
            await self.account_limits.first_enrolment(tx, user.id, at=now)
        else:
            self.proof.require_strongest(who, await enrollments.of_user(tx, user.id))
            await self.account_limits.change(tx, user.id, at=now)
        return user

    async def _remember(self, tx: Tx, user: User, request: EnrollShape, enrolled: Enrolled[Any]) -> Enrollment:
        now = self.clock.now()
        enrollment_id = new_id(now)
        enrollment = Enrollment.new(
            enrollment_id,
            request.factor,
            user_id=user.id,
            state=self.states.seal(enrollment_id, enrolled.state),
            at=now,
            label=request.label,
        )
        await enrollments.begin(tx, enrollment)
        return enrollment

    async def _challenge(self, tx: Tx, user: User, enrollment: Enrollment) -> Challenge:
        now = self.clock.now()
        challenge = Challenge.new(
            enrollment.id,
            Purpose.CONFIRM,
            user_id=user.id,
            credential_version=user.credential_version,
            factor=enrollment.kind,
            expires_at=now + self.settings.enroll_life,
        )
        await challenges.open_(tx, challenge, at=now)
        return challenge
