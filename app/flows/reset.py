"""A forgotten or expired password: a link to the mailbox, then a new password. Nobody is signed in, no factor is touched.

Whoever asks gets the same answer in the same time; only the mailbox learns whether there is an account.
"""

from dataclasses import dataclass
from uuid import UUID

from app.addresses import read_address
from app.clock import Clock
from app.crypto import one_time
from app.crypto.passwords import Passwords
from app.crypto.pool import HashPool
from app.events import Event
from app.flows.answers import ResetSent
from app.flows.background import Background
from app.flows.breach_check import BreachCheck
from app.flows.ended import Ended
from app.flows.letters import Letters
from app.flows.notices import tell
from app.problems import InvalidResetToken, PasswordUnchanged
from app.senders.queue import MailQueue
from app.settings.people import PasswordSettings
from app.store import budgets, resets, sessions, users
from app.store.database import Database, Tx
from app.store.users import User
from app.visitor import Visitor
from app.watch import audit
from app.watch.mail_limits import MailLimit

_REASON = "password_reset"


@dataclass(frozen=True)
class Reset:
    """`page` is where the link leads: from the settings, never from a request."""

    settings: PasswordSettings
    page: str
    database: Database
    clock: Clock
    pool: HashPool
    passwords: Passwords
    breach_check: BreachCheck
    limit: MailLimit
    letters: Letters
    mails: MailQueue
    background: Background
    ended: Ended

    async def ask(self, email: str, visitor: Visitor) -> ResetSent:
        """Nothing is looked up before the answer."""
        self.background.start(self._mail(read_address(email).folded, visitor))
        return ResetSent()

    async def __call__(self, *, token: str, password: str) -> None:
        """Change the password. A password that is refused does not spend the token."""
        digest = one_time.digest(token)
        async with self.database.read() as tx:
            user = await resets.find(tx, digest, at=self.clock.now())
        if user is None:
            raise _refused()
        self.passwords.refuse_weak(password, about=(user.email,))
        await self.breach_check(password)
        await self._refuse_expired(user, password)
        password_hash = await self.pool.run(self.passwords.hash, password)
        ended = await self.database.run(lambda tx: self._change(tx, user, digest, password_hash))
        self.ended(ended, user_id=user.id, reason=_REASON)
        audit.note(Event.PASSWORD_RESET, user_id=user.id)

    async def _change(self, tx: Tx, user: User, digest: bytes, password_hash: str) -> list[UUID]:
        if not await resets.spend(tx, digest, password_hash=password_hash, at=self.clock.now()):
            raise _refused()
        return await self._end_all(tx, user)

    async def _refuse_expired(self, user: User, password: str) -> None:
        """A password expires because a stranger has it: it must not come back."""
        if not user.password_expired:
            return
        verdict = await self.pool.run(self.passwords.verify, password, user.password_hash)
        if verdict.right:
            raise PasswordUnchanged

    async def _end_all(self, tx: Tx, user: User) -> list[UUID]:
        """What stood on the old password; pending sign-ins died with the credential version."""
        ended = await sessions.revoke_all(tx, user.id, reason=_REASON)
        await budgets.forget(tx, user.id, budgets.ALL)  # it counted against the old password; each factor's own stays
        await resets.forget(tx, user.id)
        await tell(tx, user.id, "password_changed", at=self.clock.now())
        return ended

    async def _mail(self, email_folded: str, visitor: Visitor) -> None:
        """Mail a link, if the address has an account that may be signed in to."""
        now, life = self.clock.now(), self.settings.reset_life
        if not await self.limit.allows(email_folded, visitor, at=now):
            audit.note(Event.MAIL_HELD_BACK)
            return
        token = one_time.mint()
        async with self.database.begin() as tx:
            user = await users.by_email(tx, email_folded)
            if user is None or not user.active:
                return
            await resets.open_(tx, one_time.digest(token), user, expires_at=now + life)
        audit.note(Event.RESET_ASKED, user_id=user.id)
        self.mails.put(self.letters.reset(user.email, token, page=self.page, life=life, locale=user.locale))


def _refused() -> InvalidResetToken:
    audit.note(Event.RESET_REFUSED)
    return InvalidResetToken()
