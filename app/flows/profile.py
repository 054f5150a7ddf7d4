"""What a user may see of themselves."""

from dataclasses import dataclass

from app.crypto.claims import AccessClaims
from app.factors.registry import Factors
from app.flows.answers import FactorEntry, FactorList, Profile
from app.flows.states import States
from app.problems import InvalidToken
from app.store import enrollments, users
from app.store.database import Database
from app.store.enrollments import Enrollment


@dataclass(frozen=True)
class Profiles:
    database: Database
    factors: Factors
    states: States

    async def __call__(self, who: AccessClaims) -> Profile:
        async with self.database.read() as tx:
            user = await users.by_id(tx, who.sub)
            mfa_enabled = await enrollments.has_any(tx, who.sub)
        if user is None:
            raise InvalidToken
        return Profile(
            id=user.id,
            email=user.email,
            display_name=user.display_name,
            locale=user.locale,
            mfa_enabled=mfa_enabled,
            created_at=user.created_at,
            last_login_at=user.last_login_at,
        )

    async def list_factors(self, who: AccessClaims) -> FactorList:
        async with self.database.read() as tx:
            enrolled = await enrollments.of_user(tx, who.sub)
        ranked = self.factors.strongest_first([enrollment.kind for enrollment in enrolled])
        items = [self.entry(enrollment, default=enrollment.kind == ranked[0]) for enrollment in enrolled]
        return FactorList(items=items, enrollable=list(self.factors.usable))

    def entry(self, enrollment: Enrollment, *, default: bool) -> FactorEntry:
        told = self.states.describe(enrollment)
        return FactorEntry(
            id=enrollment.id,
            kind=enrollment.kind,
            destination=told.destination,
            remaining=told.remaining,
            default=default,
            usable=enrollment.kind in self.factors.usable,
            created_at=enrollment.created_at,
        )
