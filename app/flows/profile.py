"""What a user may see of themselves, and what of it they may change without a proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.clock import Clock
from app.crypto.claims import AccessClaims, EnrollmentClaims
from app.events import Event
from app.factors.registry import Factors
from app.flows.answers import FactorEntry, FactorList, Profile
from app.flows.owner import lock_owner
from app.flows.states import States
from app.flows.waiting import require_waiting
from app.problems import InvalidToken
from app.store import enrollments, profiles, users
from app.store.database import Database
from app.store.enrollments import Enrollment
from app.store.records import values
from app.watch import audit
from app.watch.account_limits import AccountLimits


@dataclass(frozen=True)
class Profiles:
    database: Database
    clock: Clock
    factors: Factors
    states: States
    account_limits: AccountLimits

    async def __call__(self, who: AccessClaims) -> Profile:
        async with self.database.read() as tx:
            seen = await profiles.of_user(tx, who.sub, at=self.clock.now())
        if seen is None:
            raise InvalidToken
        return Profile(**values(seen))

    async def change(self, who: AccessClaims, changes: Mapping[str, str | None]) -> Profile:
        """Give oneself another locale, or another display name or none; *changes* are by field. Nothing else follows."""
        async with self.database.begin() as tx:
            user = await lock_owner(tx, who.sub)
            if changes:
                await self.account_limits.detail(tx, user.id, at=self.clock.now())
                await users.describe(tx, user.id, **changes)
        if changes:
            audit.note(Event.PROFILE_CHANGED, user_id=user.id, session_id=who.sid, fields=" ".join(sorted(changes)))
        return await self(who)

    async def list_factors(self, who: AccessClaims | EnrollmentClaims) -> FactorList:
        async with self.database.read() as tx:
            if isinstance(who, EnrollmentClaims):
                await require_waiting(tx, who, await users.by_id(tx, who.sub), proved=False)
            enrolled = await enrollments.of_user(tx, who.sub)
        issued = [one for one in enrolled if one.kind in self.factors.issued]
        left = sum(self.states.describe(one).remaining or 0 for one in issued)
        enrollable = self.factors.strongest_first(self.factors.enrollable)
        return FactorList(items=self.entries(enrolled), enrollable=enrollable, recovery_codes_left=left)

    def entries(self, enrolled: Sequence[Enrollment]) -> list[FactorEntry]:
        """What its owner enrolled, the strongest first; recovery codes are no entry of their own."""
        by_kind = {one.kind: one for one in enrolled}
        kinds = self.factors.strongest_first(by_kind)
        own = [by_kind[kind] for kind in kinds]
        preferred = [one.kind for one in own if one.preferred]
        default = next(iter(preferred + kinds), None)
        return [self._entry(one, default=one.kind == default) for one in own]

    def entry_of(self, enrolled: Sequence[Enrollment], enrollment_id: UUID) -> FactorEntry:
        """One of them, as it stands among the others."""
        return next(entry for entry in self.entries(enrolled) if entry.id == enrollment_id)

    def _entry(self, enrollment: Enrollment, *, default: bool) -> FactorEntry:
        told = self.states.describe(enrollment)
        return FactorEntry(
            id=enrollment.id,
            kind=enrollment.kind,
            destination=told.destination,
            remaining=told.remaining,
            label=enrollment.label,
            default=default,
            usable=enrollment.kind in self.factors.usable,
            created_at=enrollment.created_at,
        )
