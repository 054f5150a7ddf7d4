"""Signing up: whoever asks gets the same answer in the same time; only the mailbox learns whether the address was new."""

from dataclasses import dataclass
from uuid import UUID

from app.addresses import read_address
from app.clock import Clock
from app.crypto.chance import new_id, six_digits
from app.crypto.codes import Fingerprints
from app.crypto.passwords import Passwords
from app.crypto.pool import HashPool
from app.events import Event
from app.flows.answers import VerificationSent
from app.flows.background import Background
from app.flows.breach_check import BreachCheck
from app.flows.letters import Letters
from app.messages import Purpose
from app.problems import InvalidVerificationCode
from app.senders.queue import MailQueue
from app.settings.people import RegistrationSettings
from app.store import registrations, users
from app.store.database import Database, Tx
from app.store.held_addresses import is_held
from app.store.registrations import Registration
from app.visitor import Visitor
from app.watch import audit
from app.watch.mail_limits import MailLimit


@dataclass(frozen=True)
class Register:
    settings: RegistrationSettings
    database: Database
    clock: Clock
    pool: HashPool
    passwords: Passwords
    breach_check: BreachCheck
    fingerprints: Fingerprints
    limit: MailLimit
    letters: Letters
    mails: MailQueue
    background: Background

    async def __call__(
        self, *, email: str, password: str, locale: str | None, accept_language: str | None, visitor: Visitor
    ) -> VerificationSent:
        address, now = read_address(email), self.clock.now()
        self.passwords.refuse_weak(password, about=(address.email,))
        await self.breach_check(password)
        registration = Registration(
            id=new_id(now),
            email=address.email,
            email_folded=address.folded,
            password_hash=await self.pool.run(self.passwords.hash, password),
            locale=locale or self.letters.texts.choose(None, accept_language),
            fingerprint=None,
            expires_at=now + self.settings.code_life,
        )
        async with self.database.begin() as tx:
            await registrations.add(tx, registration, at=now)
        audit.note(Event.REGISTERED, registration_id=registration.id)
        self.background.start(self._mail(registration, visitor))
        return VerificationSent(registration_id=registration.id)

    async def resend(self, registration_id: UUID, visitor: Visitor) -> VerificationSent:
        """Mail a new code, which replaces the one before; an unknown id is answered alike."""
        self.background.start(self._mail_again(registration_id, visitor))
        return VerificationSent(registration_id=registration_id)

    async def verify(self, registration_id: UUID, code: str) -> None:
        """Make the registration a user, with the password that was given in it and no other."""
        now = self.clock.now()
        async with self.database.begin() as tx:
            found = await registrations.spend(tx, registration_id, limit=self.settings.attempts, at=now)
        if found is None or not self._is_right(found, code):
            audit.note(Event.VERIFICATION_REFUSED, registration_id=registration_id)
            raise InvalidVerificationCode
        user_id = new_id(now)
        if not await self.database.run(lambda tx: self._close(tx, found, user_id)):
            raise InvalidVerificationCode
        audit.about(user_id)
        audit.note(Event.EMAIL_VERIFIED, registration_id=registration_id)

    async def _close(self, tx: Tx, registration: Registration, user_id: UUID) -> bool:
        """The first right answer to any registration of an address makes the user."""
        return await registrations.close(tx, registration) and await self._add_user(tx, registration, user_id)

    def _is_right(self, registration: Registration, code: str) -> bool:
        fingerprint, purpose = registration.fingerprint or b"", Purpose.VERIFY_EMAIL
        return self.fingerprints.match(fingerprint, code, purpose=purpose, about=registration.id)

    async def _add_user(self, tx: Tx, registration: Registration, user_id: UUID) -> bool:
        return await users.add(
            tx,
            user_id,
            email=registration.email,
            email_folded=registration.email_folded,
            password_hash=registration.password_hash,
            locale=registration.locale,
            at=self.clock.now(),
        )

    async def _mail_again(self, registration_id: UUID, visitor: Visitor) -> None:
        async with self.database.read() as tx:
            found = await registrations.find(tx, registration_id, at=self.clock.now())
        if found:
            await self._mail(found, visitor)

    async def _mail(self, registration: Registration, visitor: Visitor) -> None:
        """Mail a code, or to a known address that it is known. Until a code is on its way, none is right."""
        if not await self.limit.allows(registration.email_folded, visitor, at=self.clock.now()):
            audit.note(Event.MAIL_HELD_BACK)
            return
        async with self.database.read() as tx:
            known = await users.by_email(tx, registration.email_folded)
            held = known is None and await is_held(tx, registration.email_folded, at=self.clock.now())
        code = six_digits()
        fingerprint = self.fingerprints.take(code, purpose=Purpose.VERIFY_EMAIL, about=registration.id)
        async with self.database.begin() as tx:  # for a known address too: a wrong code is refused after the same work
            await registrations.renew_code(tx, registration.id, fingerprint=fingerprint)
        if known:
            self.mails.put(self.letters.notice(known.email, "already_registered", locale=known.locale))
            return
        if held:
            self.mails.put(self.letters.notice(registration.email, "email_taken", locale=registration.locale))
            return
        self.mails.put(self.letters.verification(registration.email, code, locale=registration.locale))
