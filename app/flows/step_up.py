"""Step up: prove it anew within a session. What was proved lives in one access token, never in the session (RFC 9470)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.claims import PASSWORD_ONLY, AccessClaims, Own
from app.crypto.tokens import Tokens
from app.events import Event
from app.factors.base import AnswerShape, AnyFactor
from app.factors.registry import Factors
from app.flows.admission import methods
from app.flows.answers import AccessGranted, ChallengeState
from app.flows.asking import Asking, Put
from app.flows.completing import Completing
from app.flows.judging import Attempt, Judged, Judging
from app.flows.obstacles import exhausted
from app.flows.owner import CHANGED, lock_owner
from app.flows.password_attempts import PasswordAttempts
from app.messages import Purpose
from app.problems import (
    FactorNotEnrolled,
    InvalidMfaCode,
    InvalidToken,
    StepUpRequired,
)
from app.settings.people import MfaSettings
from app.store import attempts, challenges, enrollments, sessions, users
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.users import User
from app.visitor import Visitor
from app.watch import audit


@dataclass(frozen=True)
class StepUp:
    settings: MfaSettings
    refresh_idle: timedelta
    database: Database
    clock: Clock
    password_attempts: PasswordAttempts
    tokens: Tokens
    factors: Factors
    asking: Asking
    judging: Judging
    completing: Completing

    async def ask(self, who: AccessClaims, kind: str, visitor: Visitor) -> ChallengeState:
        """Send a code, or ask for another factor; the attempts stay as they are."""
        put = await self.database.run(lambda tx: self._put(tx, who, kind, visitor))
        return await self.asking.send(put, by_name=True)

    async def _put(self, tx: Tx, who: AccessClaims, kind: str, visitor: Visitor) -> Put:
        user = await lock_owner(tx, who.sub)
        await self._claims(tx, who)
        challenge = await self._challenge(tx, who, user)
        enrollment = await enrollments.of_kind(tx, user.id, kind)
        if enrollment is None:
            raise FactorNotEnrolled
        if challenge.attempts >= self.settings.attempts:
            raise exhausted(challenge, self.clock.now())
        return await self.asking.put(tx, challenge, enrollment, visitor, locale=user.locale)

    async def with_factor(self, who: AccessClaims, answer: AnswerShape) -> AccessGranted:
        waiting = await self.database.run(lambda tx: self._waiting(tx, who))
        challenge, attempt = await self.judging.spend(waiting.id, Purpose.STEP_UP, user_id=who.sub, named=answer.factor)
        judged = await self.judging.judge(attempt, answer)
        claims = await self._complete(who, challenge, attempt, judged)
        self.completing.note(attempt.enrollment, judged)
        audit.note(Event.SESSION_STEPPED_UP, user_id=who.sub, session_id=who.sid, factor=attempt.enrollment.kind)
        return self._grant(who, self.factors[attempt.enrollment.kind], claims)

    async def with_password(self, who: AccessClaims, password: str, visitor: Visitor) -> AccessGranted:
        """For users who have no factor; with one, the password alone proves too little."""
        async with self.database.read() as tx:
            user = await users.by_id(tx, who.sub)
            enrolled = await enrollments.has_any(tx, who.sub)
        if user is None or not user.active:
            raise InvalidToken
        if enrolled:
            raise StepUpRequired("Use a second factor: one is enrolled.")
        await self.password_attempts.require(who, user, password, visitor)
        claims = await self.database.run(lambda tx: self._hold(tx, who, user.credential_version))
        audit.note(Event.SESSION_STEPPED_UP, user_id=user.id, session_id=who.sid, factor=None)
        return self._grant(who, None, claims)

    async def _waiting(self, tx: Tx, who: AccessClaims) -> Challenge:
        return await self._challenge(tx, who, await lock_owner(tx, who.sub))

    async def _challenge(self, tx: Tx, who: AccessClaims, user: User) -> Challenge:
        """The step-up of this session that is under way, or a new one: asking anew never refills the attempts.

        Behind the lock on *user*, so that a session never has two under way, each with attempts of its own.
        """
        now = self.clock.now()
        under_way = await challenges.of_session(tx, who.sid, credential_version=user.credential_version, at=now)
        if under_way:
            return under_way
        challenge = Challenge.new(
            new_id(now),
            Purpose.STEP_UP,
            user_id=user.id,
            credential_version=user.credential_version,
            factor=None,
            expires_at=now + self.settings.code_life * 2,
            session_id=who.sid,
        )
        await challenges.open_(tx, challenge, at=now)
        return challenge

    async def _complete(
        self, who: AccessClaims, challenge: Challenge, attempt: Attempt, judged: Judged
    ) -> Mapping[str, Own]:
        """What the new token says of its user, as it is now: an operator may have taken it away."""
        kind = attempt.enrollment.kind

        async def complete(tx: Tx) -> Mapping[str, Own]:
            claims = await self._hold(tx, who, challenge.credential_version)
            closed = await attempts.complete(tx, challenge, kind, budget=kind, at=self.clock.now())
            if not closed or not await self.completing(tx, attempt.enrollment, judged):
                raise InvalidMfaCode(attempts_left=attempt.left)
            await self.asking.answered(tx, challenge, kind)
            return claims

        return await self.database.run(complete)

    async def _hold(self, tx: Tx, who: AccessClaims, version: int) -> Mapping[str, Own]:
        """Lock the user, shared, while what was proved still counts. Raises InvalidToken; as `_claims` otherwise."""
        if not await users.hold(tx, who.sub, credential_version=version):
            raise InvalidToken(CHANGED)
        return await self._claims(tx, who)

    async def _claims(self, tx: Tx, who: AccessClaims) -> Mapping[str, Own]:
        """What tokens of this session say of its user. Raises InvalidToken when it is over: no step-up prolongs it."""
        claims = await sessions.claims_of_open(tx, who.sid, idle=self.refresh_idle, at=self.clock.now())
        if claims is None:
            raise InvalidToken("This session is over.")
        return claims

    def _grant(self, who: AccessClaims, factor: AnyFactor | None, claims: Mapping[str, Own]) -> AccessGranted:
        acr = factor.acr if factor else PASSWORD_ONLY
        minted = self.tokens.mint_access(
            user_id=who.sub,
            session_id=who.sid,
            auth_time=self.clock.now(),
            acr=acr,
            amr=tuple(methods(factor)),
            claims=claims,
        )
        return AccessGranted(access_token=minted.token, expires_in=minted.expires_in)
