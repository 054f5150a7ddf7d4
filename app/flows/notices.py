"""Mails about one's own account, which nobody can ask for again: outbox rows in the transaction that causes them (law 3)."""

from datetime import datetime
from uuid import UUID

from app.crypto.chance import new_id
from app.store import outbox, users
from app.store.database import Tx
from app.store.outbox import Notice


async def tell(tx: Tx, user_id: UUID, template: str, *, at: datetime, **words: str) -> None:
    """Mail *template* (a key of `app/texts`) to the user once this transaction is committed."""
    user = await users.by_id(tx, user_id)
    if user:
        await outbox.add(tx, Notice(new_id(at), user.email, template, user.locale, words), at=at)
