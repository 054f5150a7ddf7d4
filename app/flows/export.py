"""Export: with a fresh proof, everything that is held about oneself. Secrets are named, not given; the phone number is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from app.clock import Clock
from app.crypto.claims import AccessClaims
from app.crypto.hashes import OURS
from app.events import Event
from app.factors.registry import Factors
from app.flows.answers import held as answers
from app.flows.answers.base import Answer
from app.flows.answers.export import Export
from app.flows.proof import Proof
from app.flows.security_events import SecurityEvents
from app.flows.states import States
from app.problems import InvalidToken
from app.store import enrollments, held
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.watch import audit
from app.watch.account_limits import AccountLimits

_ELSEWHERE = "kept as the hash of another system until the next sign-in, not given"
_Row = TypeVar("_Row", bound=Answer)


@dataclass(frozen=True)
class Exporting:
    database: Database
    clock: Clock
    factors: Factors
    states: States
    proof: Proof
    security_events: SecurityEvents
    account_limits: AccountLimits

    async def __call__(self, who: AccessClaims) -> Export:
        async with self.database.begin() as tx:
            account = await _account(tx, who.sub)
            if account is None:
                raise InvalidToken
            enrolled = await enrollments.all_of_user(tx, who.sub)
            self.proof.require_fresh(who, [one for one in enrolled if one.confirmed_at])
            await self.account_limits.change(tx, who.sub, at=self.clock.now())
            found = await self._export(tx, account, enrolled)
        events, complete = await self.security_events.held(who.sub)
        audit.note(Event.DATA_EXPORTED, user_id=who.sub, session_id=who.sid)
        return found.model_copy(update={"security_events": events, "security_events_complete": complete})

    async def _export(self, tx: Tx, account: answers.AccountHeld, enrolled: Sequence[Enrollment]) -> Export:
        """All but the security events, which are read when no transaction is open any more."""

        async def rows(table: str, shape: type[_Row]) -> list[_Row]:
            return await _rows(tx, table, shape, account.id)

        return Export(
            made_at=self.clock.now(),
            account=account,
            factors=[self._factor(one) for one in enrolled],
            recovery_codes_left=self._codes_left(enrolled),
            sessions=await rows("sessions", answers.SessionHeld),
            devices=await rows("devices", answers.DeviceHeld),
            sends=await rows("sends", answers.SendHeld),
            challenges=await rows("challenges", answers.ChallengeHeld),
            cooldowns=await rows("cooldowns", answers.CooldownHeld),
            budgets=await rows("budgets", answers.BudgetHeld),
            password_resets=await rows("resets", answers.ResetHeld),
            registrations=await rows("registrations", answers.RegistrationHeld),
            email_changes=await rows("email_changes", answers.EmailChangeHeld),
            email_undos=await rows("email_undos", answers.EmailUndoHeld),
            mails=await rows("outbox", answers.MailHeld),
            security_events=[],
            security_events_complete=False,
            tokens_void_before=await _cut_off(tx, account.id),
        )

    def _factor(self, one: Enrollment) -> answers.FactorHeld:
        return answers.FactorHeld(
            id=one.id,
            kind=one.kind,
            label=one.label,
            preferred=one.preferred,
            held=self.states.held(one),
            created_at=one.created_at,
            confirmed_at=one.confirmed_at,
            replaced_at=one.replaced_at,
        )

    def _codes_left(self, enrolled: Sequence[Enrollment]) -> int:
        return sum(self.states.describe(one).remaining or 0 for one in enrolled if one.kind in self.factors.issued)


async def _rows(tx: Tx, table: str, shape: type[_Row], user_id: UUID) -> list[_Row]:
    """*shape* says which columns are read."""
    found = await held.of_user(tx, table, user_id, fields=shape.model_fields)
    return [shape(**row) for row in found]


async def _account(tx: Tx, user_id: UUID) -> answers.AccountHeld | None:
    """The hash is read to say of which kind it is."""
    fields = [*answers.AccountHeld.model_fields, "password_hash"]
    for row in await held.of_user(tx, "users", user_id, fields=fields):
        kept: Any = row.pop("password_hash")
        return answers.AccountHeld(**row, password=answers.PASSWORD if kept.startswith(OURS) else _ELSEWHERE)
    return None


async def _cut_off(tx: Tx, user_id: UUID) -> Any:  # noqa: ANN401  a column of a row
    found = await held.of_user(tx, "cut_offs", user_id, fields=("at",))
    return found[0]["at"] if found else None
