"""Log in: prove the password, then either open a session or ask for the second factor. Nobody learns why a password failed."""

from dataclasses import dataclass
from uuid import UUID

from app.addresses import read_address
from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.passwords import Passwords
from app.crypto.pool import HashPool
from app.crypto.tokens import Tokens
from app.crypto.vault import CannotOpen
from app.events import Event
from app.factors.registry import Factors
from app.flows.admission import Admission
from app.flows.answers import Authenticated, ChallengeState, FactorChoice, MfaRequired
from app.flows.asking import Asking, Put
from app.flows.states import States
from app.messages import Purpose
from app.problems import FactorNotEnrolled, InvalidCredentials, ResendTooSoon
from app.settings.groups import TokenSettings
from app.store import challenges, cooldowns, enrollments, users
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.users import User
from app.watch import audit

_NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Login:
    settings: TokenSettings
    database: Database
    clock: Clock
    pool: HashPool
    passwords: Passwords
    tokens: Tokens
    factors: Factors
    states: States
    asking: Asking
    admission: Admission

    async def __call__(self, *, email: str, password: str, factor: str | None) -> MfaRequired | Authenticated:
        user, enrolled = await self._prove(read_address(email).folded, password)
        if not enrolled:
            return await self._open_session(user)
        usable = [enrollment for enrollment in enrolled if enrollment.kind in self.factors.usable]
        return await self._ask(user, usable, factor)

    async def _prove(self, email_folded: str, password: str) -> tuple[User, list[Enrollment]]:
        async with self.database.read() as tx:
            user = await users.by_email(tx, email_folded)
            enrolled = await enrollments.of_user(tx, user.id if user else _NOBODY)
        verdict = await self.pool.run(self.passwords.verify, password, user.password_hash if user else None)
        if user is None or not verdict.right or not user.active:
            audit.note(Event.PASSWORD_REFUSED, user_id=user.id if user else None)
            raise InvalidCredentials
        if verdict.better:
            async with self.database.begin() as tx:
                await users.rehash(tx, user.id, old_hash=user.password_hash, new_hash=verdict.better)
        return user, enrolled

    async def _open_session(self, user: User) -> Authenticated:
        async with self.database.begin() as tx:
            if not await self.admission.admit(tx, user.id, credential_version=user.credential_version):
                raise InvalidCredentials
            session = await self.admission.open(
                tx, user.id, credential_version=user.credential_version, factor_amr=None
            )
        audit.note(Event.SIGNED_IN, user_id=user.id, session_id=session.id, acr=session.acr)
        return self.admission.answer(session)

    async def _ask(self, user: User, usable: list[Enrollment], named: str | None) -> MfaRequired:
        chosen = self._choose(usable, named)
        challenge = self._sign_in(user, chosen)
        async with self.database.begin() as tx:
            await challenges.open_(tx, challenge, at=self.clock.now())
            put = await self._put(tx, challenge, chosen, user.locale) if chosen else None
        audit.note(Event.CODE_ASKED, user_id=user.id, sign_in=challenge.id, factor=challenge.factor)
        asked = await self.asking.send(put, by_name=False) if put else None
        return self._answer(challenge, usable, chosen, asked)

    def _choose(self, usable: list[Enrollment], named: str | None) -> Enrollment | None:
        by_kind = {enrollment.kind: enrollment for enrollment in usable}
        if named and named not in by_kind:
            raise FactorNotEnrolled
        kinds = [named] if named else self.factors.strongest_first(by_kind)
        return by_kind[kinds[0]] if kinds else None

    def _sign_in(self, user: User, chosen: Enrollment | None) -> Challenge:
        now = self.clock.now()
        return Challenge.new(
            new_id(now),
            Purpose.SIGN_IN,
            user_id=user.id,
            credential_version=user.credential_version,
            factor=chosen.kind if chosen else None,
            expires_at=now + self.settings.pending_life,
        )

    async def _put(self, tx: Tx, challenge: Challenge, chosen: Enrollment, locale: str) -> Put | None:
        """A code that is cooling down, or a factor that is broken, never blocks the sign-in: others may be left."""
        try:
            return await self.asking.put(tx, challenge, chosen, locale=locale)
        except ResendTooSoon:
            return Put(challenge, next_send=await cooldowns.next_send(tx, challenge.user_id, chosen.kind))
        except CannotOpen:
            return None

    def _answer(
        self, challenge: Challenge, usable: list[Enrollment], chosen: Enrollment | None, asked: ChallengeState | None
    ) -> MfaRequired:
        pending = self.tokens.mint_pending(user_id=challenge.user_id, sign_in=challenge.id)
        choices = []
        for enrollment in usable:
            told = self.states.describe(enrollment)
            choices.append(
                FactorChoice(
                    kind=enrollment.kind,
                    destination=told.destination,
                    remaining=told.remaining,
                    default=enrollment is chosen,
                )
            )
        return MfaRequired(mfa_token=pending.token, expires_in=pending.expires_in, factors=choices, challenge=asked)
