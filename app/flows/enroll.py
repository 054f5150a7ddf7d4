"""Begin to enrol a second factor: its state is sealed, its question put. It counts for nothing until it is confirmed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.claims import MFA, AccessClaims
from app.events import Event
from app.factors.base import Enrolled, Shape
from app.factors.registry import Factors
from app.flows.answers import ChallengeState, EnrollmentBegun
from app.flows.asking import Asking
from app.flows.states import States
from app.messages import Purpose
from app.problems import FactorNotEnrolled, InvalidToken, MfaAttemptsExhausted, StepUpRequired
from app.settings.groups import MfaSettings
from app.store import challenges, enrollments, users
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.users import User
from app.watch import audit


@dataclass(frozen=True)
class Enroll:
    settings: MfaSettings
    database: Database
    clock: Clock
    factors: Factors
    states: States
    asking: Asking

    async def __call__(self, who: AccessClaims, request: Any) -> EnrollmentBegun[Shape]:  # noqa: ANN401  a union made at run time
        """Begin; for a kind that is enrolled already, a replacement: the old one works until the new one is confirmed."""
        enrolled = self.factors[request.factor].enroll(request)
        async with self.database.begin() as tx:
            user = await self._fresh(tx, who)
            enrollment = await self._remember(tx, user, request.factor, enrolled)
            challenge = await self._challenge(tx, user, enrollment)
            put = await self.asking.put(tx, challenge, enrollment, locale=user.locale)
        audit.note(Event.FACTOR_BEGUN, user_id=user.id, enrollment_id=enrollment.id, factor=enrollment.kind)
        asked = await self.asking.send(put, by_name=True)
        return EnrollmentBegun[Shape](id=enrollment.id, setup=enrolled.setup, challenge=asked)

    async def ask_again(self, who: AccessClaims, enrollment_id: UUID) -> ChallengeState:
        """Send a new code for a factor that is not confirmed yet; the attempts stay as they are."""
        async with self.database.begin() as tx:
            user = await users.by_id(tx, who.sub)
            since = self.clock.now() - self.settings.enroll_life
            enrollment = await enrollments.pending(tx, enrollment_id, user_id=who.sub, since=since)
            challenge = await challenges.find(tx, enrollment_id, purpose=Purpose.CONFIRM, user_id=who.sub)
            if user is None or enrollment is None or challenge is None:
                raise FactorNotEnrolled
            if challenge.attempts >= self.settings.attempts:
                raise MfaAttemptsExhausted
            put = await self.asking.put(tx, challenge, enrollment, locale=user.locale)
        return await self.asking.send(put, by_name=True)

    async def _fresh(self, tx: Tx, who: AccessClaims) -> User:
        """The user, if the proof is fresh: recent, and with a second factor where one is enrolled (RFC 9470)."""
        user = await users.by_id(tx, who.sub)
        if user is None or not user.active:
            raise InvalidToken
        too_old = self.clock.now() - who.authenticated_at() > self.settings.fresh
        if too_old or (who.acr != MFA and await enrollments.has_any(tx, user.id)):
            raise StepUpRequired
        return user

    async def _remember(self, tx: Tx, user: User, kind: str, enrolled: Enrolled[Any]) -> Enrollment:
        now = self.clock.now()
        enrollment_id = new_id(now)
        state = self.states.seal(enrollment_id, enrolled.state)
        enrollment = Enrollment(enrollment_id, user.id, kind, state, version=1, created_at=now, confirmed_at=None)
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
