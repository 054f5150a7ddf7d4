"""Recovery codes: issued with the first factor, renewed on demand, shown once each time."""

from dataclasses import dataclass

from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.claims import AccessClaims
from app.events import Event
from app.factors.base import Holder
from app.factors.registry import Factors
from app.flows.answers import RecoveryCodesShown
from app.flows.notices import tell
from app.flows.owner import lock_owner
from app.flows.proof import Proof
from app.flows.states import States
from app.problems import FactorNotEnrolled
from app.store import enrollments
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.users import User
from app.watch import audit
from app.watch.account_limits import AccountLimits


@dataclass(frozen=True)
class Issuing:
    brand: str
    database: Database
    clock: Clock
    factors: Factors
    states: States
    proof: Proof
    account_limits: AccountLimits

    async def __call__(self, who: AccessClaims) -> RecoveryCodesShown:
        """Renew them: the old ones die."""
        now = self.clock.now()
        async with self.database.begin() as tx:
            user = await lock_owner(tx, who.sub)
            enrolled = await enrollments.of_user(tx, user.id)
            self.proof.require_strongest(who, enrolled)
            if not enrolled:
                raise FactorNotEnrolled
            await self.account_limits.notice(tx, user.id, at=now)
            codes = await self.issue(tx, user)
            await tell(tx, user.id, "recovery_codes_renewed", at=now)
        audit.note(Event.RECOVERY_CODES_RENEWED, user_id=user.id)
        return RecoveryCodesShown(recovery_codes=codes)

    async def issue_first(self, tx: Tx, user: User) -> list[str] | None:
        """With the first factor; None when there are some."""
        kinds = {enrollment.kind for enrollment in await enrollments.of_user(tx, user.id)}
        return None if kinds >= set(self.factors.issued) else await self.issue(tx, user)

    async def issue(self, tx: Tx, user: User) -> list[str]:
        codes: list[str] = []
        now = self.clock.now()
        for kind in self.factors.issued:
            factor = self.factors[kind]
            made = factor.enroll(factor.Enroll(factor=kind), Holder(user.email, self.brand))
            enrollment_id = new_id(now)
            state = self.states.seal(enrollment_id, made.state)
            issued = Enrollment.new(enrollment_id, kind, user_id=user.id, state=state, at=now, confirmed_at=now)
            await enrollments.issue(tx, issued)
            codes += made.setup.model_dump().get("recovery_codes", ())
        return codes
