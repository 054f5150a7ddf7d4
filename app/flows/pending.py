"""A sign-in that has its password and waits: for an answer of an enrolled factor, or for the first factor to be enrolled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.tokens import Tokens
from app.events import Event
from app.factors.registry import Factors
from app.flows.answers import ChallengeState, EnrollmentRequired, FactorChoice, MfaRequired
from app.flows.asking import Asking, Put
from app.flows.mailbox import Mailbox
from app.flows.recognising import Arrival
from app.flows.states import States
from app.flows.waiting import MAILED
from app.messages import Purpose
from app.problems import FactorNotEnrolled, MfaLocked, ResendTooSoon
from app.settings.groups import TokenSettings
from app.store import challenges, cooldowns
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.users import User
from app.visitor import Visitor
from app.watch import audit


@dataclass(frozen=True)
class Pending:
    settings: TokenSettings
    database: Database
    clock: Clock
    tokens: Tokens
    factors: Factors
    states: States
    asking: Asking
    mailbox: Mailbox

    async def ask(
        self, user: User, enrolled: Sequence[Enrollment], arrival: Arrival, *, named: str | None
    ) -> MfaRequired:
        """Ask for the factor *named*, or the default one. With none that can be asked the sign-in still waits (law 10)."""
        usable = [enrollment for enrollment in enrolled if enrollment.kind in self.factors.usable]
        chosen = self._choose(user.id, usable, named)
        sign_in = self._sign_in(user, arrival, Purpose.SIGN_IN, chosen.kind if chosen else None)

        async def ask(tx: Tx) -> Put | None:
            await challenges.open_(tx, sign_in, at=self.clock.now())
            return await self._put(tx, sign_in, chosen, arrival.visitor, user.locale) if chosen else None

        if asked_already := self.asking.opened(sign_in, chosen) if chosen else None:
            await self._remember(asked_already)
        put = Put(asked_already) if asked_already else await self.database.run(ask)
        audit.note(Event.CODE_ASKED, user_id=user.id, challenge_id=sign_in.id, factor=sign_in.factor)
        asked = await self.asking.send(put, by_name=False) if put else None
        return self._answer(sign_in, usable, chosen, asked)

    async def have_enrolled(self, user: User, arrival: Arrival) -> EnrollmentRequired:
        """Let nothing happen but the enrolment of a first factor."""
        sign_in = self._sign_in(user, arrival, Purpose.ENROLL, MAILED if user.email_proof_due else None)
        await self._remember(sign_in)
        token = self.tokens.mint_enrollment(user_id=user.id, sign_in=sign_in.id)
        kinds = self.factors.strongest_first(self.factors.enrollable)
        mailed = await self.mailbox.ask(user, sign_in) if user.email_proof_due else None
        return EnrollmentRequired(
            enrollment_token=token.token, expires_in=token.expires_in, enrollable=kinds, email_code=mailed
        )

    async def _remember(self, sign_in: Challenge) -> None:
        await self.database.once(lambda tx: challenges.open_(tx, sign_in, at=self.clock.now(), hurried=False))

    def _sign_in(self, user: User, arrival: Arrival, purpose: Purpose, kind: str | None) -> Challenge:
        now = self.clock.now()
        return Challenge.new(
            new_id(now),
            purpose,
            user_id=user.id,
            credential_version=user.credential_version,
            factor=kind,
            expires_at=now + self.settings.pending_life,
            device_id=arrival.device_id,
            remember=arrival.remember,
            cookie=arrival.cookie,
        )

    def _choose(self, user_id: UUID, usable: Sequence[Enrollment], named: str | None) -> Enrollment | None:
        """The factor named, else the one its owner prefers, else the strongest."""
        by_kind = {enrollment.kind: enrollment for enrollment in usable}
        if named:
            if named not in by_kind:
                # The password was right: nobody learns that without leaving a trace.
                audit.note(Event.CODE_REFUSED, user_id=user_id, factor=named if named in self.factors.usable else None)
                raise FactorNotEnrolled
            return by_kind[named]
        preferred = [enrollment for enrollment in usable if enrollment.preferred]
        ranked = [by_kind[kind] for kind in self.factors.strongest_first(by_kind)]
        return next(iter(preferred + ranked), None)

    async def _put(self, tx: Tx, sign_in: Challenge, chosen: Enrollment, visitor: Visitor, locale: str) -> Put | None:
        """A code that is cooling down, a factor that is locked or broken, never blocks the sign-in: others may be left."""
        try:
            return await self.asking.put(tx, sign_in, chosen, visitor, locale=locale)
        except ResendTooSoon:
            next_send = await cooldowns.next_send(tx, sign_in.user_id, sign_in.lane(chosen.kind))
            return Put(sign_in, next_send=next_send)
        except MfaLocked as locked:
            return Put(sign_in, next_send=self.clock.now() + (locked.retry_after or timedelta()))
        except FactorNotEnrolled:
            return None

    def _answer(
        self,
        sign_in: Challenge,
        usable: Sequence[Enrollment],
        chosen: Enrollment | None,
        asked: ChallengeState | None,
    ) -> MfaRequired:
        token = self.tokens.mint_pending(user_id=sign_in.user_id, sign_in=sign_in.id)
        first_to_last = sorted(usable, key=lambda one: (one is not chosen, one.kind in self.factors.issued))
        choices = [self._choice(enrollment, default=enrollment is chosen) for enrollment in first_to_last]
        return MfaRequired(mfa_token=token.token, expires_in=token.expires_in, factors=choices, challenge=asked)

    def _choice(self, enrollment: Enrollment, *, default: bool) -> FactorChoice:
        told = self.states.describe(enrollment)
        return FactorChoice(
            kind=enrollment.kind, destination=told.destination, remaining=told.remaining, default=default
        )
