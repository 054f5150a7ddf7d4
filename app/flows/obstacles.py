"""What is in the way of an attempt. `attempts.spend_on` looks at the same by one statement, which says only that it took none."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.clock import Clock
from app.events import Event
from app.factors.registry import Factors
from app.flows.owner import CHANGED, unchanged
from app.messages import Purpose
from app.problems import FactorNotEnrolled, InvalidMfaCode, InvalidToken, MfaAttemptsExhausted, MfaLocked, Problem
from app.settings.people import MfaSettings
from app.store import budgets, challenges, cooldowns, enrollments
from app.store.budgets import Locks
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.watch import audit

_FOR_GOOD = timedelta(days=1)
"""What Retry-After says of a factor that only a new binding brings back."""
_A_MOMENT = timedelta(seconds=1)
"""What it says of a lock that ended while somebody looked."""


@dataclass(frozen=True)
class Obstacles:
    settings: MfaSettings
    database: Database
    clock: Clock
    factors: Factors

    @property
    def locks(self) -> Locks:
        rules = self.settings
        return Locks(first=rules.lock_at, every=rules.lock_every, pauses=rules.locks, stop=rules.stop_at)

    async def tell(self, challenge_id: UUID, purpose: Purpose, *, user_id: UUID, named: str | None) -> None:
        """Raise what is in the way; if nothing is any more, somebody else was only just."""
        now = self.clock.now()
        async with self.database.read() as tx:
            found = await challenges.find(tx, challenge_id, purpose=purpose, user_id=user_id)
            if found is None:
                raise FactorNotEnrolled if purpose == Purpose.CONFIRM else InvalidToken
            if purpose == Purpose.CONFIRM and found.expires_at <= now:
                raise FactorNotEnrolled
            if not found.closed_at and found.attempts >= self.settings.attempts:
                audit.note(Event.ATTEMPTS_EXHAUSTED, user_id=user_id, challenge_id=challenge_id)
                raise exhausted(found, now)
            if found.closed_at or found.expires_at <= now:
                raise InvalidMfaCode(attempts_left=0)
            if await unchanged(tx, found) is None:
                raise _outlived(found, named)
            enrollment = await self._judging(tx, found, named)
            if enrollment is None or enrollment.kind not in self.factors.usable:
                raise FactorNotEnrolled
            kind = budget_of(enrollment)
            if left := await self._left(tx, user_id, kind):
                raise _locked(user_id, kind, left)

    async def _judging(self, tx: Tx, found: Challenge, named: str | None) -> Enrollment | None:
        if found.purpose == Purpose.CONFIRM:
            since = self.clock.now() - self.settings.enroll_life
            return await enrollments.pending(tx, found.id, user_id=found.user_id, since=since)
        return await enrollments.of_kind(tx, found.user_id, named or found.factor or "")

    async def locked(self, tx: Tx, user_id: UUID, kind: str) -> MfaLocked:
        """What to raise of a factor that was found locked."""
        return _locked(user_id, kind, await self._left(tx, user_id, kind) or _A_MOMENT)

    async def refuse_to_ask(self, tx: Tx, user_id: UUID, enrollment: Enrollment) -> None:
        """No code is sent that would be refused. Raises MfaLocked."""
        if left := await self._left(tx, user_id, budget_of(enrollment)):
            raise _resting(left)

    async def next_send(self, tx: Tx, sign_in: Challenge) -> datetime | None:
        """When another code of the factor that was asked may be sent: after its cool-down, and after a lock of it."""
        kind = sign_in.factor
        if kind is None or self.factors.known(kind).at_once:
            return None
        cooled = await cooldowns.next_send(tx, sign_in.user_id, sign_in.lane(kind))
        locked = await self._left(tx, sign_in.user_id, kind)
        unlocked = self.clock.now() + min(locked, _FOR_GOOD) if locked else None
        return max((at for at in (cooled, unlocked) if at), default=None)

    async def _left(self, tx: Tx, user_id: UUID, kind: str) -> timedelta | None:
        return await budgets.locked_for(tx, user_id, kind, stop=self.locks.stop, at=self.clock.now())


def _locked(user_id: UUID, kind: str, left: timedelta) -> MfaLocked:
    audit.note(Event.FACTOR_LOCKED, user_id=user_id, factor=kind)
    return _resting(left)


def _resting(left: timedelta) -> MfaLocked:
    return MfaLocked(retry_after=min(left, _FOR_GOOD))


def _outlived(found: Challenge, named: str | None) -> Problem:
    """Of a confirmation the token may be good, and has to be: only the factor that was begun is not there any more."""
    user_id, kind = found.user_id, named or found.factor
    if found.purpose == Purpose.CONFIRM:
        audit.note(Event.FACTOR_REFUSED, user_id=user_id, challenge_id=found.id, factor=kind)
        return FactorNotEnrolled(CHANGED)
    audit.note(Event.CODE_REFUSED, user_id=user_id, challenge_id=found.id, factor=kind)
    return InvalidToken(CHANGED)


def exhausted(found: Challenge, now: datetime) -> MfaAttemptsExhausted:
    """Of a step-up another one may begin once it has run out; whatever else it is has to be begun again."""
    if found.purpose != Purpose.STEP_UP:
        return MfaAttemptsExhausted()
    return MfaAttemptsExhausted("Another step-up may begin after `retry_after`.", retry_after=found.expires_at - now)


def budget_of(enrollment: Enrollment) -> str:
    """A factor that is being confirmed pays from a budget of its own, or a stopped one could never be bound anew."""
    return enrollment.kind if enrollment.confirmed_at else f"confirm {enrollment.kind}"
