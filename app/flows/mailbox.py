"""A code mailed to the address, before somebody from elsewhere, or who lost every factor, enrols a first one.

E-mail is never a second factor: the code opens the enrolment of one, and nothing else. It is good at any sign-in of its
user: whoever has only the password could else have every mail sent for sign-ins of their own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.addresses import mask, read_address
from app.clock import Clock
from app.crypto.chance import six_digits
from app.crypto.claims import AccessClaims, EnrollmentClaims
from app.crypto.codes import Fingerprints
from app.events import Event
from app.flows.answers import EmailCode, whole_seconds
from app.flows.judging import Judging
from app.flows.letters import Letters
from app.flows.waiting import MAILED, require_waiting
from app.messages import Delivery, Purpose
from app.problems import (
    Fault,
    InvalidMfaCode,
    InvalidToken,
    MfaAttemptsExhausted,
    Overloaded,
    ResendTooSoon,
    ValidationFailed,
)
from app.senders.queue import MailQueue
from app.settings.people import MfaSettings
from app.store import attempts, budgets, challenges, cooldowns, mailed_codes, users
from app.store.budgets import Spent
from app.store.challenges import Challenge, Posed
from app.store.database import Database, Tx
from app.store.users import User
from app.watch import audit
from app.watch.limits import Limit

_WANTED = Fault("#/email_code", "Send the code that was mailed.")
_CODE_LIFE = timedelta(days=1)
"""As long as a mail limit may keep another one back."""


class _Outrun(Exception):  # noqa: N818  undoes the transaction
    """The code was given, or another one asked for, in the same moment."""


@dataclass(frozen=True)
class Mailbox:
    settings: MfaSettings
    database: Database
    clock: Clock
    fingerprints: Fingerprints
    judging: Judging
    limit: Limit
    letters: Letters
    mails: MailQueue

    async def ask(self, user: User, sign_in: Challenge) -> EmailCode:
        """Mail a code. While the last one to this user cools down, or without room for it, none is: that one is still good."""
        mailed, next_at = await self._mail(user, sign_in)
        delivery = Delivery.ACCEPTED if mailed else Delivery.NONE
        now = self.clock.now()
        return EmailCode(
            destination=mask(user.email),
            delivery=delivery,
            resend_after=whole_seconds((next_at or now) - now),
            attempts_left=self.settings.attempts - sign_in.attempts,
            expires_in=whole_seconds(sign_in.expires_at - now),
        )

    async def ask_again(self, who: AccessClaims | EnrollmentClaims) -> EmailCode:
        """Another code, which replaces the one before; the attempts stay as they are."""
        if not isinstance(who, EnrollmentClaims):
            raise InvalidToken("This route takes an enrolment token.")
        async with self.database.read() as tx:
            user = await users.by_id(tx, who.sub)
            sign_in = await require_waiting(tx, who, user, proved=False)
        if user is None or sign_in.factor != MAILED:
            raise InvalidToken("This sign-in waits for no mailed code.")
        if sign_in.attempts >= self.settings.attempts:
            raise MfaAttemptsExhausted
        told = await self.ask(user, sign_in)
        if told.delivery == Delivery.NONE:
            async with self.database.read() as tx:
                next_at = await cooldowns.next_send(tx, user.id, MAILED)
            now = self.clock.now()
            if next_at is None or next_at <= now:
                raise Overloaded("No mail can be sent just now.")
            raise ResendTooSoon(retry_after=next_at - now)
        return told

    async def _mail(self, user: User, sign_in: Challenge) -> tuple[bool, datetime | None]:
        """Whether a code is on its way, and when the next one may be asked for."""
        now, pauses = self.clock.now(), self.settings.resend_after
        taken = None
        if self.mails.has_room:
            taken = await self.database.run(lambda tx: cooldowns.take(tx, user.id, MAILED, pauses=pauses, at=now))
        if taken is None:
            async with self.database.read() as tx:
                return False, await cooldowns.next_send(tx, user.id, MAILED)
        if not await self.limit.allows(read_address(user.email).folded, at=now):
            audit.note(Event.MAIL_HELD_BACK, user_id=user.id)
            return False, taken.next_at
        code = six_digits()
        fingerprint = self.fingerprints.take(code, purpose=Purpose.ENROLL, about=sign_in.id)
        if not await self.database.run(lambda tx: self._remember(tx, sign_in, fingerprint)):
            raise InvalidToken("Another code was asked for in the same moment.")
        audit.note(Event.CODE_ASKED, user_id=user.id, challenge_id=sign_in.id, factor=MAILED)
        if not self.mails.put(self.letters.enrolment(user.email, code, locale=user.locale)):
            await self.database.run(lambda tx: cooldowns.give_back(tx, user.id, MAILED, turn=taken, at=now))
            return False, None
        return True, taken.next_at

    async def _remember(self, tx: Tx, sign_in: Challenge, fingerprint: bytes) -> bool:
        posed = Posed(MAILED, fingerprint, {}, self.clock.now() + _CODE_LIFE, Delivery.ACCEPTED)
        return await challenges.renew_code(tx, sign_in, posed) is not None

    async def require(self, who: AccessClaims | EnrollmentClaims, code: str | None) -> None:
        """Let a sign-in go on that waits for no mailed code, or whose *code* is right: once (laws 1 and 2).

        Raises ValidationFailed without a code, InvalidMfaCode for a wrong one, MfaAttemptsExhausted, MfaLocked.
        """
        if not isinstance(who, EnrollmentClaims):
            return
        async with self.database.read() as tx:
            found = await challenges.find(tx, who.jti, purpose=Purpose.ENROLL, user_id=who.sub)
        if found is None or found.factor != MAILED:
            return
        if code is None:
            raise ValidationFailed(errors=(_WANTED,))
        sign_in, mailed, spent = await self.database.run(lambda tx: self._spend(tx, who))
        if mailed is None or not self._is_right(mailed, code):
            await self._refuse(sign_in, spent)
        elif await self._prove(sign_in, mailed):
            return
        raise InvalidMfaCode(attempts_left=self.settings.attempts - sign_in.attempts)

    async def _spend(self, tx: Tx, who: EnrollmentClaims) -> tuple[Challenge, Challenge | None, Spent]:
        """The sign-in, the one that the newest code was mailed for, and what is left to the account."""
        limit, now = self.settings.attempts, self.clock.now()
        sign_in = await attempts.spend(tx, who.jti, purpose=Purpose.ENROLL, user_id=who.sub, limit=limit, at=now)
        if sign_in:
            mailed = await mailed_codes.newest(tx, sign_in, at=now)
            return sign_in, mailed, await self.judging.pay(tx, who.sub, MAILED)
        found = await challenges.find(tx, who.jti, purpose=Purpose.ENROLL, user_id=who.sub)
        if found is None or found.closed_at or found.attempts < limit:
            raise InvalidToken("This sign-in is over.")
        audit.note(Event.ATTEMPTS_EXHAUSTED, user_id=who.sub, challenge_id=who.jti)
        raise MfaAttemptsExhausted

    def _is_right(self, mailed: Challenge, code: str) -> bool:
        return self.fingerprints.match(mailed.fingerprint or b"", code, purpose=Purpose.ENROLL, about=mailed.id)

    async def _refuse(self, sign_in: Challenge, spent: Spent) -> None:
        """Whoever guesses these codes has the password: it expires as it does for a second factor's."""
        audit.note(Event.CODE_REFUSED, user_id=sign_in.user_id, challenge_id=sign_in.id, factor=MAILED)
        if spent.of_all >= self.settings.password_expires_at:
            await self.judging.expire_password(sign_in.user_id, credential_version=sign_in.credential_version)

    async def _prove(self, sign_in: Challenge, mailed: Challenge) -> bool:
        """Only the sign-in that gave the code goes on, and not the one that it was mailed for."""

        async def prove(tx: Tx) -> None:
            await cooldowns.clear(tx, sign_in.user_id, MAILED)
            if not await mailed_codes.use(tx, mailed) or not await challenges.answered(tx, sign_in):
                raise _Outrun
            await budgets.clear(tx, sign_in.user_id, MAILED)

        try:
            await self.database.run(prove)
        except _Outrun:
            return False
        return True
