"""Confirm a second factor with its first right answer: it counts from now on, and every other session ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.clock import Clock
from app.crypto.claims import AccessClaims, EnrollmentClaims, Own
from app.events import Event
from app.factors.base import AnswerShape, Shape
from app.factors.registry import Factors
from app.flows.admission import Admission, Opened, methods
from app.flows.answers import Confirmed, ConfirmedAndAuthenticated, FactorEntry
from app.flows.asking import Asking
from app.flows.ended import FACTOR_CHANGE, Ended
from app.flows.farewell import Farewell
from app.flows.issuing import Issuing
from app.flows.judging import Attempt, Judging
from app.flows.notices import tell
from app.flows.obstacles import budget_of
from app.flows.owner import CHANGED
from app.flows.profile import Profiles
from app.flows.recognising import Arrival
from app.flows.states import States
from app.flows.waiting import MAILED
from app.messages import Purpose
from app.problems import FactorNotEnrolled, InvalidMfaCode, InvalidToken, PhoneInUse, RateLimited
from app.store import attempts, budgets, challenges, enrollments, sessions, users
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import AlreadyHeld, Enrollment, Superseded
from app.store.sessions import Session
from app.visitor import Visitor
from app.watch import audit
from app.watch.account_limits import AccountLimits


@dataclass(frozen=True)
class Activated:
    """What the transaction left behind: the session that goes on, or was opened, and what is still to be told."""

    session: Session | Opened
    factor: FactorEntry
    locale: str
    replaced: Enrollment | None
    recovery_codes: list[str] | None
    ended: list[UUID]
    claims: Mapping[str, Own]


@dataclass(frozen=True)
class Confirm:
    database: Database
    clock: Clock
    factors: Factors
    states: States
    judging: Judging
    admission: Admission
    issuing: Issuing
    asking: Asking
    farewell: Farewell
    profiles: Profiles
    ended: Ended
    account_limits: AccountLimits

    async def __call__(
        self,
        who: AccessClaims | EnrollmentClaims,
        enrollment_id: UUID,
        answer: AnswerShape,
        visitor: Visitor,
    ) -> Confirmed | ConfirmedAndAuthenticated:
        challenge, attempt = await self.judging.spend(enrollment_id, Purpose.CONFIRM, user_id=who.sub)
        state = (await self.judging.judge(attempt, answer)).state
        try:
            done = await self._activate(who, challenge, attempt, state, visitor)
        except (PhoneInUse, RateLimited):
            await self._consume(challenge, attempt.enrollment)
            raise
        kind = attempt.enrollment.kind
        self.ended(done.ended, user_id=who.sub, reason=FACTOR_CHANGE)
        audit.note(Event.FACTOR_CONFIRMED, user_id=who.sub, enrollment_id=enrollment_id, factor=kind)
        if done.replaced:
            self.farewell.say(done.replaced, visitor, locale=done.locale)
        return self._answer(done)

    async def _consume(self, challenge: Challenge, enrollment: Enrollment) -> None:
        """The answer was right though nothing came of it: it is used, and no failure."""

        async def consume(tx: Tx) -> None:
            await users.lock(tx, challenge.user_id)
            if await self._complete(tx, challenge, enrollment):
                await self.asking.answered(tx, challenge, enrollment.kind)

        await self.database.run(consume)

    async def _complete(self, tx: Tx, challenge: Challenge, enrollment: Enrollment) -> bool:
        budget, now = budget_of(enrollment), self.clock.now()
        return await attempts.complete(tx, challenge, enrollment.kind, budget=budget, at=now)

    def _answer(self, done: Activated) -> Confirmed | ConfirmedAndAuthenticated:
        if isinstance(done.session, Opened):
            session = dict(self.admission.signed_in(done.session))
            return ConfirmedAndAuthenticated(factor=done.factor, recovery_codes=done.recovery_codes, **session)
        access = self.admission.access_token(done.session, done.claims)
        return Confirmed(
            factor=done.factor,
            recovery_codes=done.recovery_codes,
            access_token=access.token,
            expires_in=access.expires_in,
        )

    async def _activate(
        self,
        who: AccessClaims | EnrollmentClaims,
        challenge: Challenge,
        attempt: Attempt,
        state: Shape,
        visitor: Visitor,
    ) -> Activated:
        """Everything that a new factor changes, in one transaction, behind the lock on the user."""
        enrollment, now = attempt.enrollment, self.clock.now()

        async def activate(tx: Tx) -> Activated:
            version = await users.renew_credentials(tx, who.sub, credential_version=challenge.credential_version)
            user = await users.by_id(tx, who.sub)
            if user is None or not user.active:
                raise InvalidToken
            if version is None:
                raise FactorNotEnrolled(CHANGED)
            await budgets.forget(tx, who.sub, enrollment.kind)  # before that of all factors: as wrong answers take them
            if not await self._complete(tx, challenge, enrollment):
                raise InvalidMfaCode(attempts_left=attempt.left)
            await self.asking.answered(tx, challenge, enrollment.kind)
            replaced = await self._confirm(tx, enrollment, state)
            await users.proved(tx, who.sub)
            codes = await self.issuing.issue_first(tx, user)
            mine = who.sid if isinstance(who, AccessClaims) else None
            ended = await sessions.revoke_all(tx, who.sub, reason=FACTOR_CHANGE, but=mine)
            session = await self._session(tx, who, enrollment, version, visitor)
            notice = self.factors[enrollment.kind].replaced if replaced else "factor_added"
            if isinstance(who, AccessClaims):  # a sign-in is never refused by it
                await self.account_limits.notice(tx, who.sub, at=now)
            await tell(tx, who.sub, notice, at=now)
            factor = self.profiles.entry_of(await enrollments.of_user(tx, who.sub), enrollment.id)
            return Activated(session, factor, user.locale, replaced, codes, ended, user.claims)

        return await self.database.run(activate)

    async def _confirm(self, tx: Tx, enrollment: Enrollment, state: Shape) -> Enrollment | None:
        """The one that it replaced. Raises PhoneInUse, now that possession is proved."""
        indexes = self.states.indexes(enrollment)
        if await enrollments.held_by_another(tx, indexes, user_id=enrollment.user_id):
            raise PhoneInUse
        sealed, unique = self.states.seal(enrollment.id, state), indexes[0] if indexes else None
        try:
            return await enrollments.confirm(tx, enrollment, state=sealed, unique_index=unique, at=self.clock.now())
        except AlreadyHeld:
            raise PhoneInUse from None
        except Superseded:
            raise FactorNotEnrolled from None

    async def _session(
        self, tx: Tx, who: AccessClaims | EnrollmentClaims, enrollment: Enrollment, version: int, visitor: Visitor
    ) -> Session | Opened:
        if isinstance(who, EnrollmentClaims):
            return await self._open(tx, who, enrollment, version, visitor)
        return await self._strengthen(tx, who, enrollment, version)

    async def _open(
        self, tx: Tx, who: EnrollmentClaims, enrollment: Enrollment, version: int, visitor: Visitor
    ) -> Opened:
        """A first session, for whoever came with an enrolment token: it is used up."""
        sign_in = await challenges.find(tx, who.jti, purpose=Purpose.ENROLL, user_id=who.sub)
        if sign_in is None or sign_in.factor == MAILED or not await challenges.close(tx, sign_in, at=self.clock.now()):
            raise InvalidToken("This sign-in is over.")
        if not await self.admission.admit(tx, who.sub, credential_version=version):
            raise InvalidToken
        factor, arrival = self.factors[enrollment.kind], Arrival.of(sign_in, visitor)
        return await self.admission.open(tx, who.sub, arrival, credential_version=version, factor=factor)

    async def _strengthen(self, tx: Tx, who: AccessClaims, enrollment: Enrollment, version: int) -> Session:
        """The caller's session goes on, stronger."""
        factor = self.factors[enrollment.kind]
        session = await sessions.strengthen(
            tx, who.sid, amr=methods(factor), acr=factor.acr, credential_version=version, at=self.clock.now()
        )
        if session is None:
            raise InvalidToken
        return session
