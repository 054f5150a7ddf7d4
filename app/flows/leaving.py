"""Leave: with a fresh proof by the strongest factor, delete one's own account. Nothing of it is good a second later; a mail says so."""

from dataclasses import dataclass

from app.clock import Clock
from app.crypto.claims import AccessClaims
from app.events import Event
from app.flows.erasing import erase
from app.flows.notices import tell
from app.flows.proof import Proof
from app.problems import InvalidToken
from app.store import enrollments, session_lists, users
from app.store.database import Database, Tx
from app.watch import audit
from app.watch.revocations import Revocations


@dataclass(frozen=True)
class Leaving:
    database: Database
    clock: Clock
    proof: Proof
    revocations: Revocations

    async def __call__(self, who: AccessClaims) -> None:
        await self.database.run(lambda tx: self._leave(tx, who))
        self.revocations.add(who.sid)
        audit.note(Event.USER_DELETED, user_id=who.sub, session_id=who.sid, reason="by its owner")

    async def _leave(self, tx: Tx, who: AccessClaims) -> None:
        """Of the user as they were read: whoever changed a password or a factor meanwhile is asked anew (law 2)."""
        user = await users.by_id(tx, who.sub)
        if user is None or not user.active:
            raise InvalidToken
        self.proof.require_strongest(who, await enrollments.of_user(tx, user.id))
        if not await session_lists.lives(tx, who.sid):
            raise InvalidToken("The session has ended.")
        await tell(tx, user.id, "account_deleted", at=self.clock.now())
        if not await erase(tx, user.id, credential_version=user.credential_version):
            raise InvalidToken("The account is gone, or its password or a factor was changed.")
