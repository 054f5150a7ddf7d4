"""The link that brings an address back: told to the address that was left, in the transaction that leaves it (law 3).

The outbox holds the undo's id and no secret (law 6): the token is made when the mail is written.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.addresses import read_address
from app.crypto import one_time
from app.crypto.chance import new_id
from app.crypto.undos import UndoTokens
from app.flows.letters import Letters
from app.messages import Message
from app.store import email_undos, outbox
from app.store.database import Tx
from app.store.email_undos import EmailUndo
from app.store.outbox import Notice
from app.store.users import User

_TEMPLATE = "email_changed"


@dataclass(frozen=True)
class UndoLinks:
    """`page` is where the link leads: from the settings, never from a request."""

    page: str
    life: timedelta
    tokens: UndoTokens
    letters: Letters

    async def leave(self, tx: Tx, user: User, *, credential_version: int, at: datetime) -> None:
        """Hold the address that *user* had until now, and tell it how to come back."""
        undo_id, key_id = new_id(at), self.tokens.key_id
        undo = EmailUndo(
            id=undo_id,
            user_id=user.id,
            credential_version=credential_version,
            email=user.email,
            email_folded=read_address(user.email).folded,
            digest=one_time.digest(self.tokens.mint(undo_id, key_id=key_id)),
            expires_at=at + self.life,
        )
        await email_undos.add(tx, undo, at=at)
        words = {"undo": str(undo_id), "key": key_id.hex()}
        await outbox.add(tx, Notice(new_id(at), user.email, _TEMPLATE, user.locale, words), at=at)

    def posted(self, notice: Notice) -> Message:
        """The mail that a notice becomes. Raises LookupError when the key of its link has left the ring."""
        if notice.template != _TEMPLATE:
            return self.letters.posted(notice)
        token = self.tokens.mint(UUID(notice.words["undo"]), key_id=bytes.fromhex(notice.words["key"]))
        return self.letters.undo(notice, token, page=self.page, life=self.life)
