"""Another e-mail address: with a fresh proof by the strongest factor, and a code from the new mailbox. The old one is told, and may undo it.

Whoever asks gets the same answer for every address; only its mailbox learns whether somebody has it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.addresses import read_address
from app.clock import Clock
from app.crypto.chance import new_id, six_digits
from app.crypto.claims import AccessClaims
from app.crypto.codes import Fingerprints
from app.events import Event
from app.flows.answers import EmailChangeBegun, whole_seconds
from app.flows.background import Background
from app.flows.ended import Ended
from app.flows.letters import Letters
from app.flows.owner import lock_owner
from app.flows.proof import Proof
from app.flows.undo_links import UndoLinks
from app.messages import Purpose
from app.problems import InvalidToken, InvalidVerificationCode
from app.senders.queue import MailQueue
from app.settings.people import EmailChangeSettings
from app.store import email_changes, enrollments, registrations, resets, sessions, users
from app.store.database import Database, Tx
from app.store.email_changes import AddressTaken, EmailChange
from app.store.held_addresses import is_held
from app.visitor import Visitor
from app.watch import audit
from app.watch.limits import Limit
from app.watch.mail_limits import MailLimit

_REASON = "email_change"


@dataclass(frozen=True)
class ChangeEmail:
    """`limit` counts the mails to an address and its mailbox, `user_limit` those that a user has sent to all of them.

    `tries` counts what a user asks and answers: each leaves rows in the audit log, which nobody takes out again.
    """

    settings: EmailChangeSettings
    database: Database
    clock: Clock
    fingerprints: Fingerprints
    proof: Proof
    limit: MailLimit
    user_limit: Limit
    tries: Limit
    letters: Letters
    mails: MailQueue
    background: Background
    undo_links: UndoLinks
    ended: Ended

    async def __call__(self, who: AccessClaims, email: str, visitor: Visitor) -> EmailChangeBegun:
        """Let the address wait for its code, which is mailed after the answer; asked again, it is mailed anew.

        It is the way back in when a password is lost: whoever changes it owns the account, as by a change of factors.
        """
        address, now = read_address(email), self.clock.now()
        await self.tries.require(str(who.sub), at=now, user_id=who.sub)
        async with self.database.begin() as tx:
            user = await lock_owner(tx, who.sub)
            self.proof.require_strongest(who, await enrollments.of_user(tx, user.id))
            asked = EmailChange(
                id=new_id(now),
                user_id=user.id,
                credential_version=user.credential_version,
                email=address.email,
                email_folded=address.folded,
                fingerprint=None,
                attempts=0,
                expires_at=now + self.settings.code_life,
            )
            change = await email_changes.begin(tx, asked, limit=self.settings.attempts, at=now)
        audit.note(Event.EMAIL_CHANGE_ASKED, user_id=user.id, session_id=who.sid)
        self.background.start(self._mail(change, user.locale, visitor))
        return EmailChangeBegun(expires_in=whole_seconds(self.settings.code_life))

    async def confirm(self, who: AccessClaims, code: str) -> None:
        """Spend, then judge (law 1). Every other session ends; this one goes on."""
        now = self.clock.now()
        await self.tries.require(str(who.sub), at=now, user_id=who.sub)
        async with self.database.begin() as tx:
            change = await email_changes.spend(tx, who.sub, limit=self.settings.attempts, at=now)
        if change is None or not self._is_right(change, code):
            raise _refused(who)
        ended = await self.database.run(lambda tx: self._change(tx, who, change))
        self.ended(ended, user_id=who.sub, reason=_REASON)
        audit.note(Event.EMAIL_CHANGED, user_id=who.sub, session_id=who.sid)

    def _is_right(self, change: EmailChange, code: str) -> bool:
        fingerprint, purpose = change.fingerprint or b"", Purpose.VERIFY_EMAIL
        return self.fingerprints.match(fingerprint, code, purpose=purpose, about=change.id)

    async def _change(self, tx: Tx, who: AccessClaims, change: EmailChange) -> list[UUID]:
        """The sessions that ended. Of all that confirm it, or want the address, one wins; the others are refused alike."""
        await registrations.forget_address(tx, change.email_folded)
        user = await email_changes.lock_user(tx, change.user_id)
        if user is None or not await email_changes.close(tx, change):
            raise _refused(who)
        version = await self._apply(tx, who, change)
        ended = await sessions.revoke_all(tx, user.id, reason=_REASON, but=who.sid)
        if who.sid not in await sessions.carry_over(tx, user.id, credential_version=version):
            raise InvalidToken("The session has ended.")
        await resets.forget(tx, user.id)
        await self.undo_links.leave(tx, user, credential_version=version, at=self.clock.now())
        return ended

    async def _apply(self, tx: Tx, who: AccessClaims, change: EmailChange) -> int:
        try:
            version = await email_changes.apply(tx, change)
        except AddressTaken:
            raise _refused(who) from None
        if version is None or await is_held(tx, change.email_folded, at=self.clock.now()):
            raise _refused(who)
        return version

    async def _mail(self, change: EmailChange, locale: str, visitor: Visitor) -> None:
        """Mail a code, or to an address that is taken that it is. Until a code is on its way, none is right."""
        now = self.clock.now()
        if not await self._may_mail(change, visitor, now):
            audit.note(Event.MAIL_HELD_BACK, user_id=change.user_id)
            return
        async with self.database.read() as tx:
            owner = await users.by_email(tx, change.email_folded)
            taken = owner is not None or await is_held(tx, change.email_folded, at=now)
        code = six_digits()
        fingerprint = self.fingerprints.take(code, purpose=Purpose.VERIFY_EMAIL, about=change.id)
        async with self.database.begin() as tx:  # for a taken one too: a wrong code is refused after the same work
            await email_changes.renew_code(
                tx, change.id, fingerprint=fingerprint, expires_at=now + self.settings.code_life
            )
        if taken:
            self.mails.put(self.letters.notice(change.email, "email_taken", locale=owner.locale if owner else locale))
            return
        self.mails.put(self.letters.verification(change.email, code, locale=locale, template="change_email"))

    async def _may_mail(self, change: EmailChange, visitor: Visitor, at: datetime) -> bool:
        """The address's limit first: who asks again too soon uses up nothing of their own."""
        key = str(change.user_id)
        has_room = await self.limit.allows(change.email_folded, visitor, at=at)
        return has_room and await self.user_limit.allows(key, at=at)


def _refused(who: AccessClaims) -> InvalidVerificationCode:
    audit.note(Event.EMAIL_CHANGE_REFUSED, user_id=who.sub, session_id=who.sid)
    return InvalidVerificationCode()
