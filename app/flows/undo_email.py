"""A change of e-mail is undone from the mailbox that was left: by nobody else, once, and though everything else was taken.

All sessions end everywhere, and the password expires: whoever changed the address may know it. Nobody is signed in.
"""

from dataclasses import dataclass
from uuid import UUID

from app.clock import Clock
from app.crypto import one_time
from app.events import Event
from app.flows.ended import Ended
from app.flows.notices import tell
from app.problems import InvalidResetToken
from app.store import email_changes, email_undos, resets, sessions
from app.store.database import Database, Tx
from app.store.email_undos import EmailUndo
from app.watch import audit

_REASON = "email_undone"


@dataclass(frozen=True)
class UndoEmail:
    database: Database
    clock: Clock
    ended: Ended

    async def __call__(self, token: str) -> None:
        """Bring the address back. Raises InvalidResetToken for a token that is wrong, used or over."""
        async with self.database.read() as tx:
            undo = await email_undos.find(tx, one_time.digest(token), at=self.clock.now())
        if undo is None:
            raise _refused()
        ended = await self.database.run(lambda tx: self._undo(tx, undo))
        self.ended(ended, user_id=undo.user_id, reason=_REASON)
        audit.note(Event.EMAIL_UNDONE, user_id=undo.user_id, sessions=len(ended))

    async def _undo(self, tx: Tx, undo: EmailUndo) -> list[UUID]:
        """The sessions that ended; pending sign-ins and remembered devices died with the credential version."""
        now = self.clock.now()
        user = await email_changes.lock_user(tx, undo.user_id)
        if user is None or not await email_undos.spend(tx, undo, at=now) or not await email_undos.apply(tx, undo):
            raise _refused()
        await email_changes.forget(tx, user.id)
        await resets.forget(tx, user.id)
        ended = await sessions.revoke_all(tx, user.id, reason=_REASON)
        await tell(tx, user.id, "email_change_undone", at=now, also=(user.email,))
        return ended


def _refused() -> InvalidResetToken:
    audit.note(Event.EMAIL_UNDO_REFUSED)
    return InvalidResetToken()
