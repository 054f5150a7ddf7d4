"""Mails about one's own account, which nobody can ask for again: outbox rows in the transaction that causes them (law 3).

Law: they go to addresses that were left, too, for as long as the change can be undone. Whoever moved the address away keeps
its owner from no warning.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from app.crypto.chance import new_id
from app.store import held_addresses, outbox
from app.store.database import Tx
from app.store.outbox import Notice


async def tell(tx: Tx, user_id: UUID, template: str, *, at: datetime, also: Iterable[str] = (), **words: str) -> None:
    """Mail *template* (a key of `app/texts`) to the user, and *also* there, once this transaction is committed."""
    reached = await held_addresses.of_user(tx, user_id, at=at)
    if reached is None:
        return
    addresses = dict.fromkeys((reached.email, *reached.held, *also))
    await outbox.add(tx, *(Notice(new_id(at), to, template, reached.locale, words) for to in addresses), at=at)
