"""Attempts at a password: a failure is counted before it is looked at (law 1), and given back when all of it was right.

For signing in, and for proving it again within a session, which has a lane of its own as a known device has.
"""

from dataclasses import dataclass
from uuid import UUID

from app.addresses import read_address
from app.clock import Clock
from app.crypto.claims import AccessClaims
from app.crypto.passwords import Passwords, Verdict
from app.crypto.pool import HashPool
from app.events import Event
from app.problems import Overloaded, WrongCurrentPassword
from app.store.users import User
from app.visitor import Visitor
from app.watch import audit
from app.watch.throttle import Spent, Throttle


@dataclass(frozen=True, slots=True)
class Attempted:
    verdict: Verdict
    spent: Spent


@dataclass(frozen=True)
class PasswordAttempts:
    clock: Clock
    pool: HashPool
    passwords: Passwords
    throttle: Throttle

    async def __call__(
        self, email_folded: str, password: str, *, stored: str | None, visitor: Visitor, known: UUID | None
    ) -> Attempted:
        """Judge *password* by the hash that is *stored*; without one (nobody has the address) after the same work.

        *known*: the lane of a known device or a session. Raises RateLimited, and Overloaded; then nothing was looked at.
        """
        spent = await self.throttle.spend(email_folded, visitor, known=known, at=self.clock.now())
        try:
            return Attempted(await self.pool.run(self.passwords.verify, password, stored), spent)
        except Overloaded:
            await self.throttle.undo(spent, at=self.clock.now())
            raise

    def refuse_again(self, email_folded: str, visitor: Visitor) -> None:
        """Raises RateLimited for a stranger who was refused a moment ago."""
        self.throttle.refuse_again(email_folded, visitor, at=self.clock.now())

    async def passed(self, attempted: Attempted) -> None:
        """Whoever tried is let in: it was no failure."""
        await self.throttle.refund(attempted.spent, at=self.clock.now())

    async def require(self, who: AccessClaims, user: User, password: str, visitor: Visitor) -> None:
        """The password of somebody who is signed in. Raises WrongCurrentPassword; and as above."""
        if user.password_expired:
            raise WrongCurrentPassword("It has expired. Have a link mailed that resets it.")
        folded = read_address(user.email).folded
        attempted = await self(folded, password, stored=user.password_hash, visitor=visitor, known=who.sid)
        if not attempted.verdict.right:
            audit.note(Event.PASSWORD_REFUSED, user_id=user.id)
            raise WrongCurrentPassword
        await self.passed(attempted)
