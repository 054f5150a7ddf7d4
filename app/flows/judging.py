"""Spend, then judge (law 1): what completing a sign-in, confirming a factor and stepping up have in common.

Two budgets are spent before an answer is looked at: the attempts of the challenge, and the failures of the account.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.clock import Clock
from app.crypto.vault import CannotOpen
from app.events import Event
from app.factors.base import About, Asked, CodeRejected, Shape
from app.factors.registry import Factors
from app.flows.notices import tell
from app.flows.obstacles import Obstacles, budget_of
from app.flows.states import States
from app.messages import Purpose
from app.problems import InvalidMfaCode
from app.settings.people import MfaSettings
from app.store import attempts, budgets, sessions, users
from app.store.attempts import Taken
from app.store.budgets import Spent
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.watch import audit


@dataclass(frozen=True)
class Attempt:
    """An answer that was paid for: by which factor it wants to be judged, what that was asked, and what is left.

    *user_state* is that of the user's row by then, where there is a challenge.
    """

    enrollment: Enrollment
    credential_version: int
    asked: Asked
    left: int | None
    spent: Spent
    user_state: str = ""


@dataclass(frozen=True)
class Judged:
    """A right answer: the factor's next state, and whether it differs from the one before."""

    state: Any
    changed: bool


@dataclass(frozen=True)
class Judging:
    settings: MfaSettings
    database: Database
    clock: Clock
    factors: Factors
    states: States
    obstacles: Obstacles

    async def spend(
        self, challenge_id: UUID, purpose: Purpose, *, user_id: UUID, named: str | None = None
    ) -> tuple[Challenge, Attempt]:
        """Take one attempt for the factor *named*, or the one that was asked, and commit it before anything is looked at.

        Raises InvalidMfaCode when the challenge is over, MfaAttemptsExhausted; and, without taking an attempt, MfaLocked,
        FactorNotEnrolled, and InvalidToken (FactorNotEnrolled of a confirmation) when the credentials were changed since.
        """
        asked_of = (challenge_id, purpose, user_id, named)
        taken = await self._take(*asked_of)
        if taken is None:
            await self.obstacles.tell(challenge_id, purpose, user_id=user_id, named=named)
            taken = await self._take(*asked_of)
        if taken is None:
            raise InvalidMfaCode("This was answered, or asked anew, in the same moment.")
        challenge, enrollment = taken.challenge, taken.enrollment
        if taken.spent is None:
            async with self.database.read() as tx:
                raise await self.obstacles.locked(tx, user_id, budget_of(enrollment))
        asked, version = _asked(challenge, enrollment), challenge.credential_version
        left = self.settings.attempts - challenge.attempts
        return challenge, Attempt(enrollment, version, asked, left, taken.spent, taken.user_state)

    async def _take(self, challenge_id: UUID, purpose: Purpose, user_id: UUID, named: str | None) -> Taken | None:
        now = self.clock.now()
        return await self.database.once(
            lambda tx: attempts.spend_on(
                tx,
                challenge_id,
                purpose=purpose,
                user_id=user_id,
                limit=self.settings.attempts,
                named=named,
                usable=self.factors.usable,
                since=now - self.settings.enroll_life,
                locks=self.obstacles.locks,
                at=now,
            )
        )

    async def spend_at_once(self, enrollment: Enrollment, *, credential_version: int) -> Attempt:
        """For an answer that came beside the password: there is only the account's budget to pay from."""
        spent = await self.database.once(lambda tx: self.pay(tx, enrollment.user_id, enrollment.kind))
        asked = Asked(About(enrollment.id, Purpose.SIGN_IN), None, None)
        return Attempt(enrollment, credential_version, asked, None, spent)

    async def pay(self, tx: Tx, user_id: UUID, kind: str) -> Spent:
        """Count a failure of the account in advance. Raises MfaLocked."""
        spent = await budgets.spend(tx, user_id, kind, locks=self.obstacles.locks, at=self.clock.now())
        if spent is None:
            raise await self.obstacles.locked(tx, user_id, kind)
        return spent

    async def judge(self, attempt: Attempt, answer: Shape) -> Judged:
        """What a right answer leads to. Raises InvalidMfaCode, with the attempts that are left, for a wrong one."""
        kind = attempt.enrollment.kind
        factor, asked = self.factors[kind], attempt.asked
        decide = factor.confirm if asked.about.purpose == Purpose.CONFIRM else factor.accept
        try:
            told = self.factors.read_answer(kind, answer)
            before = self.states.open(attempt.enrollment)
            state = decide(before, told, asked, self.clock.now())
        except (CodeRejected, CannotOpen):
            await self._refuse(attempt.enrollment.user_id, kind, attempt.spent, asked.about, attempt.credential_version)
            raise InvalidMfaCode(attempts_left=attempt.left) from None
        return Judged(state, changed=state != before)

    async def refuse_at_once(self, user_id: UUID, kind: str | None, *, credential_version: int) -> InvalidMfaCode:
        """For a factor that the user does not have: a failure all the same, or a password could be tried unseen."""
        spent = await self.database.once(lambda tx: self.pay(tx, user_id, budgets.UNHELD))
        await self._refuse(user_id, kind, spent, None, credential_version)
        return InvalidMfaCode()

    async def _refuse(
        self, user_id: UUID, kind: str | None, spent: Spent, about: About | None, credential_version: int
    ) -> None:
        """Note a wrong answer; too many in a row mean that somebody has the password who should not."""
        event = Event.FACTOR_REFUSED if about and about.purpose == Purpose.CONFIRM else Event.CODE_REFUSED
        audit.note(event, user_id=user_id, challenge_id=about.challenge_id if about else None, factor=kind)
        if spent.of_all >= self.settings.password_expires_at:
            await self.expire_password(user_id, credential_version=credential_version)
        elif spent.streak == self.settings.lock_at:
            await self._tell_of_lock(user_id)

    async def _tell_of_lock(self, user_id: UUID) -> None:
        """RFC 4226 §7.2: the owner learns that somebody tried."""
        await self.database.run(lambda tx: tell(tx, user_id, "factor_locked", at=self.clock.now()))

    async def expire_password(self, user_id: UUID, *, credential_version: int) -> None:
        """Pending sign-ins die with the password; sessions stand on proofs of their own and go on."""
        now = self.clock.now()

        async def expire(tx: Tx) -> bool:
            version = await users.expire_password(tx, user_id, credential_version=credential_version)
            if version is None:
                return False
            await sessions.carry_over(tx, user_id, credential_version=version)
            await tell(tx, user_id, "password_expired", at=now)
            return True

        if await self.database.run(expire):
            audit.note(Event.PASSWORD_EXPIRED, user_id=user_id)


def _asked(challenge: Challenge, enrollment: Enrollment) -> Asked:
    """What the factor is told of the question: its fingerprint only if it was this factor that was asked."""
    mine = challenge.factor == enrollment.kind
    about = About(challenge.id, challenge.purpose)
    return Asked(about, challenge.fingerprint if mine else None, challenge.code_expires_at)
