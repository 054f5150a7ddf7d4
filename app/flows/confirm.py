"""Confirm a second factor with its first right answer. From then on it counts; every other session ends, and a mail says so."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.claims import MFA, AccessClaims
from app.events import Event
from app.factors.base import Shape
from app.factors.registry import Factors
from app.flows.admission import Admission, methods
from app.flows.answers import Confirmed
from app.flows.judging import Judging
from app.flows.profile import Profiles
from app.flows.states import States
from app.messages import Purpose
from app.problems import FactorNotEnrolled, InvalidMfaCode, InvalidToken, PhoneInUse
from app.settings.groups import MfaSettings
from app.store import challenges, cooldowns, enrollments, outbox, sessions, users
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import AlreadyHeld, Enrollment
from app.store.outbox import Notice
from app.store.sessions import Session
from app.watch import audit


@dataclass(frozen=True)
class Confirm:
    settings: MfaSettings
    database: Database
    clock: Clock
    factors: Factors
    states: States
    judging: Judging
    admission: Admission
    profiles: Profiles

    async def __call__(self, who: AccessClaims, enrollment_id: UUID, answer: Any) -> Confirmed:  # noqa: ANN401  a union made at run time
        async with self.database.read() as tx:
            since = self.clock.now() - self.settings.enroll_life
            enrollment = await enrollments.pending(tx, enrollment_id, user_id=who.sub, since=since)
        if enrollment is None:
            raise FactorNotEnrolled
        challenge = await self.judging.spend(enrollment.id, purpose=Purpose.CONFIRM, user_id=who.sub)
        state = self.judging.judge(challenge, enrollment, answer)
        session = await self._activate(who, challenge, enrollment, state)
        audit.note(Event.FACTOR_CONFIRMED, user_id=who.sub, enrollment_id=enrollment.id, factor=enrollment.kind)
        access = self.admission.access_token(session)
        factor = self.profiles.entry(enrollment, default=True)
        return Confirmed(factor=factor, access_token=access.token, expires_in=access.expires_in)

    async def _activate(self, who: AccessClaims, challenge: Challenge, enrollment: Enrollment, state: Shape) -> Session:
        """Everything that a new factor changes, in one transaction, behind the lock on the user."""
        now = self.clock.now()
        async with self.database.begin() as tx:
            version = await users.renew_credentials(tx, who.sub, credential_version=challenge.credential_version)
            if version is None:
                raise InvalidToken("The password or a factor of this account was changed.")
            await cooldowns.clear(tx, who.sub, enrollment.kind)
            if not await challenges.close(tx, challenge, at=now):
                raise InvalidMfaCode(attempts_left=self.settings.attempts - challenge.attempts)
            replaced = await self._confirm(tx, enrollment, state)
            await sessions.revoke_all(tx, who.sub, reason="factor_change", but=who.sid)
            session = await sessions.strengthen(
                tx,
                who.sid,
                amr=methods(self.factors[enrollment.kind].amr),
                acr=MFA,
                credential_version=version,
                at=now,
            )
            if session is None:
                raise InvalidToken
            await self._tell(tx, who.sub, "factor_replaced" if replaced else "factor_added")
        return session

    async def _confirm(self, tx: Tx, enrollment: Enrollment, state: Shape) -> bool:
        """True when it replaced one. Raises PhoneInUse, now that possession is proved."""
        indexes = self.states.indexes(enrollment)
        if await enrollments.held_by_another(tx, indexes, user_id=enrollment.user_id):
            raise PhoneInUse
        sealed, unique = self.states.seal(enrollment.id, state), indexes[0] if indexes else None
        try:
            return await enrollments.confirm(tx, enrollment, state=sealed, unique_index=unique, at=self.clock.now())
        except AlreadyHeld:
            raise PhoneInUse from None

    async def _tell(self, tx: Tx, user_id: UUID, template: str) -> None:
        user = await users.by_id(tx, user_id)
        if user:
            now = self.clock.now()
            await outbox.add(tx, Notice(new_id(now), user.email, template, user.locale, {}), at=now)
