"""Spend, then judge (law 1): the part that completing a sign-in and confirming a factor have in common."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.clock import Clock
from app.events import Event
from app.factors.base import About, Asked, CodeRejected, Shape
from app.factors.registry import Factors
from app.flows.states import States
from app.messages import Purpose
from app.problems import FactorNotEnrolled, InvalidMfaCode, MfaAttemptsExhausted
from app.settings.groups import MfaSettings
from app.store import challenges
from app.store.challenges import Challenge
from app.store.database import Database
from app.store.enrollments import Enrollment
from app.watch import audit


@dataclass(frozen=True)
class Judging:
    settings: MfaSettings
    database: Database
    clock: Clock
    factors: Factors
    states: States

    async def spend(self, challenge_id: UUID, *, purpose: Purpose, user_id: UUID) -> Challenge:
        """Take one attempt and commit it before anything is looked at.

        Raises FactorNotEnrolled when there is no such challenge, InvalidMfaCode when it is over, MfaAttemptsExhausted.
        """
        async with self.database.begin() as tx:
            spent = await challenges.spend(
                tx,
                challenge_id,
                purpose=purpose,
                user_id=user_id,
                limit=self.settings.attempts,
                at=self.clock.now(),
            )
            found = spent or await challenges.find(tx, challenge_id, purpose=purpose, user_id=user_id)
        if spent:
            return spent
        if found is None:
            raise FactorNotEnrolled
        if found.closed_at or found.attempts < self.settings.attempts:
            raise InvalidMfaCode(attempts_left=0)
        audit.note(Event.ATTEMPTS_EXHAUSTED, user_id=user_id, challenge_id=challenge_id)
        raise MfaAttemptsExhausted

    def judge(self, challenge: Challenge, enrollment: Enrollment, answer: Shape) -> Any:  # noqa: ANN401  a kind's own state
        """The factor's next state. Raises InvalidMfaCode, with the attempts that are left, for a wrong answer."""
        factor = self.factors[enrollment.kind]
        asked = Asked(
            About(challenge.id, challenge.purpose),
            challenge.fingerprint if challenge.factor == enrollment.kind else None,
            challenge.code_expires_at,
        )
        decide = factor.confirm if challenge.purpose == Purpose.CONFIRM else factor.accept
        try:
            told = self.factors.read_answer(enrollment.kind, answer)
            return decide(self.states.open(enrollment), told, asked, self.clock.now())
        except CodeRejected:
            raise self.refused(challenge) from None

    def refused(self, challenge: Challenge) -> InvalidMfaCode:
        event = Event.FACTOR_REFUSED if challenge.purpose == Purpose.CONFIRM else Event.CODE_REFUSED
        audit.note(event, user_id=challenge.user_id, challenge_id=challenge.id, factor=challenge.factor)
        return InvalidMfaCode(attempts_left=self.settings.attempts - challenge.attempts)
