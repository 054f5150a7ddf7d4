"""Manage one's own factors: name one, prefer one, remove one. The last one stays where policy demands a second factor."""

from dataclasses import dataclass
from uuid import UUID

from app.clock import Clock
from app.crypto.claims import AccessClaims
from app.events import Event
from app.factors.registry import Factors
from app.flows.answers import FactorEntry
from app.flows.ended import FACTOR_CHANGE, Ended
from app.flows.farewell import Farewell
from app.flows.notices import tell
from app.flows.owner import lock_owner
from app.flows.profile import Profiles
from app.flows.proof import Proof
from app.problems import FactorNotEnrolled, InvalidToken, LastFactor
from app.settings.people import MfaSettings
from app.store import budgets, enrollments, sessions, users
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.visitor import Visitor
from app.watch import audit
from app.watch.account_limits import AccountLimits


@dataclass(frozen=True)
class Manage:
    settings: MfaSettings
    database: Database
    clock: Clock
    factors: Factors
    proof: Proof
    farewell: Farewell
    profiles: Profiles
    ended: Ended
    account_limits: AccountLimits

    async def change(
        self, who: AccessClaims, enrollment_id: UUID, *, label: str | None, relabel: bool, prefer: bool
    ) -> FactorEntry:
        """Give it another label (*relabel*, also to none), or *prefer* it, which wants a fresh proof."""
        async with self.database.begin() as tx:
            await lock_owner(tx, who.sub)
            enrolled = await enrollments.of_user(tx, who.sub)
            self._find(enrolled, enrollment_id)
            if prefer:
                self.proof.require_fresh(who, enrolled)
            if prefer or relabel:
                take = self.account_limits.change if prefer else self.account_limits.detail
                await take(tx, who.sub, at=self.clock.now())
            if prefer:
                await enrollments.prefer(tx, who.sub, enrollment_id)
            if relabel:
                await enrollments.relabel(tx, enrollment_id, label=label)
            changed = await enrollments.of_user(tx, who.sub)
        if prefer or relabel:
            audit.note(Event.FACTOR_CHANGED, user_id=who.sub, enrollment_id=enrollment_id, preferred=prefer)
        return self.profiles.entry_of(changed, enrollment_id)

    async def remove(self, who: AccessClaims, enrollment_id: UUID, visitor: Visitor) -> None:
        """Every other session ends; with the last factor, the recovery codes go too. A phone is told."""
        now = self.clock.now()
        async with self.database.begin() as tx:
            user = await lock_owner(tx, who.sub)
            version = await users.renew_credentials(tx, user.id, credential_version=user.credential_version)
            if version is None:
                raise InvalidToken
            removed = await self._remove(tx, who, enrollment_id)
            await self.account_limits.notice(tx, user.id, at=now)
            ended = await sessions.revoke_all(tx, user.id, reason=FACTOR_CHANGE, but=who.sid)
            if who.sid not in await sessions.carry_over(tx, user.id, credential_version=version):
                raise InvalidToken("The session has ended.")
            await tell(tx, user.id, "factor_removed", at=now)
        self.ended(ended, user_id=user.id, reason=FACTOR_CHANGE)
        audit.note(Event.FACTOR_REMOVED, user_id=who.sub, enrollment_id=enrollment_id, factor=removed.kind)
        self.farewell.say(removed, visitor, locale=user.locale)

    async def _remove(self, tx: Tx, who: AccessClaims, enrollment_id: UUID) -> Enrollment:
        enrolled = await enrollments.of_user(tx, who.sub)
        going = self._find(enrolled, enrollment_id)
        self.proof.require_strongest(who, enrolled)
        left = [one for one in enrolled if one.id != enrollment_id and one.kind not in self.factors.issued]
        if not left and self.settings.policy == "required":
            raise LastFactor
        gone = [going] if left else enrolled
        for one in gone:
            await budgets.forget(tx, who.sub, one.kind)
            await enrollments.remove(tx, one.id)
        return going

    def _find(self, enrolled: list[Enrollment], enrollment_id: UUID) -> Enrollment:
        for one in enrolled:
            if one.id == enrollment_id and one.kind not in self.factors.issued:
                return one
        raise FactorNotEnrolled
