"""Complete a sign-in: spend an attempt, judge the answer, and let the first right one open the session."""

from dataclasses import dataclass
from typing import Any

from app.clock import Clock
from app.crypto.claims import PendingClaims
from app.events import Event
from app.factors.base import Shape
from app.flows.admission import Admission
from app.flows.answers import Authenticated, ChallengeState
from app.flows.asking import Asking
from app.flows.judging import Judging
from app.flows.states import States
from app.messages import Purpose
from app.problems import FactorNotEnrolled, InvalidMfaCode, InvalidToken, MfaAttemptsExhausted
from app.settings.groups import MfaSettings
from app.store import challenges, cooldowns, enrollments, users
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.sessions import Session
from app.watch import audit


@dataclass(frozen=True)
class Verify:
    settings: MfaSettings
    database: Database
    clock: Clock
    states: States
    asking: Asking
    judging: Judging
    admission: Admission

    async def __call__(self, who: PendingClaims, answer: Any) -> Authenticated:  # noqa: ANN401  a union made at run time
        challenge = await self.judging.spend(who.jti, purpose=Purpose.SIGN_IN, user_id=who.sub)
        async with self.database.read() as tx:
            enrollment = await self._enrolled(tx, challenge, answer.factor or challenge.factor)
        state = self.judging.judge(challenge, enrollment, answer)
        session = await self._complete(challenge, enrollment, state)
        audit.note(Event.SIGNED_IN, user_id=who.sub, session_id=session.id, acr=session.acr, factor=enrollment.kind)
        return self.admission.answer(session)

    async def ask_again(self, who: PendingClaims, kind: str) -> ChallengeState:
        """Send a new code, or ask for another factor; the attempts stay as they are."""
        async with self.database.begin() as tx:
            challenge = await self._open(tx, who)
            enrollment = await self._enrolled(tx, challenge, kind)
            user = await users.by_id(tx, who.sub)
            if user is None or not user.active or user.credential_version != challenge.credential_version:
                raise InvalidToken
            put = await self.asking.put(tx, challenge, enrollment, locale=user.locale)
        audit.note(Event.CODE_ASKED, user_id=who.sub, challenge_id=challenge.id, factor=kind)
        return await self.asking.send(put, by_name=True)

    async def look(self, who: PendingClaims) -> ChallengeState:
        """The challenge as it stands."""
        async with self.database.read() as tx:
            challenge = await self._open(tx, who)
            next_send = await cooldowns.next_send(tx, who.sub, challenge.factor or "")
        return self.asking.state(challenge, next_send=next_send)

    async def _open(self, tx: Tx, who: PendingClaims) -> Challenge:
        """The sign-in, while it can still be completed."""
        challenge = await challenges.find(tx, who.jti, purpose=Purpose.SIGN_IN, user_id=who.sub)
        if challenge is None or challenge.closed_at or challenge.expires_at <= self.clock.now():
            raise InvalidToken("This sign-in is over.")
        if challenge.attempts >= self.settings.attempts:
            raise MfaAttemptsExhausted
        return challenge

    async def _enrolled(self, tx: Tx, challenge: Challenge, kind: str | None) -> Enrollment:
        """The user's factor of *kind*, if it is enrolled and switched on."""
        for enrollment in await enrollments.of_user(tx, challenge.user_id):
            if enrollment.kind == kind and kind in self.states.factors.usable:
                return enrollment
        raise FactorNotEnrolled

    async def _complete(self, challenge: Challenge, enrollment: Enrollment, state: Shape) -> Session:
        """Consume the sign-in, the factor's state and the right to a session in one transaction; the first one wins."""
        version = challenge.credential_version
        factor = self.states.factors[enrollment.kind]
        async with self.database.begin() as tx:
            if not await self.admission.admit(tx, challenge.user_id, credential_version=version):
                raise InvalidToken("The password or a factor of this account was changed.")
            await cooldowns.clear(tx, challenge.user_id, enrollment.kind)
            closed = await challenges.close(tx, challenge, at=self.clock.now())
            if not closed or not await self._keep(tx, enrollment, state):
                raise InvalidMfaCode(attempts_left=self.settings.attempts - challenge.attempts)
            return await self.admission.open(tx, challenge.user_id, credential_version=version, factor_amr=factor.amr)

    async def _keep(self, tx: Tx, enrollment: Enrollment, state: Shape) -> bool:
        """Save the factor's next state, if it has one; False when another answer was faster."""
        if state == self.states.open(enrollment):
            return True
        return await enrollments.save(tx, enrollment, state=self.states.seal(enrollment.id, state))
