"""How often somebody may change their own account: each change leaves a row in the audit log, which nobody takes out again.

Taken in the transaction of the change, after its proof: exactly what is kept counts, and whoever has no proof uses up nothing.
"""

from datetime import datetime
from uuid import UUID

from app.crypto.vault import Vault
from app.events import Event
from app.problems import RateLimited
from app.settings.limits import LimitSettings
from app.store import limits
from app.store.database import Database, Tx
from app.store.limits import Full
from app.watch import audit
from app.watch.limits import Limit


class AccountLimits:
    """Fewer changes that also mail a notice: mails leave one after the other, and those of others wait behind them."""

    def __init__(self, settings: LimitSettings, *, database: Database, vault: Vault) -> None:
        self._changes = Limit("account changes", settings.account_changes, database=database, vault=vault)
        self._notices = Limit("account notices", settings.account_notices, database=database, vault=vault)

    async def change(self, tx: Tx, user_id: UUID, *, at: datetime) -> None:
        """Take one for a change. Raises RateLimited, which must end *tx*."""
        await _take(tx, self._changes, user_id, at)

    async def notice(self, tx: Tx, user_id: UUID, *, at: datetime) -> None:
        """Take one for a change that mails a notice. Raises RateLimited, which must end *tx*."""
        await _take(tx, self._notices, user_id, at)


async def _take(tx: Tx, limit: Limit, user_id: UUID, at: datetime) -> None:
    try:
        await limits.take(tx, limit.buckets(str(user_id)), at=at)
    except Full as full:
        audit.note(Event.LIMIT_EXCEEDED, limit=limit.name, mode=limit.mode, user_id=user_id)
        raise RateLimited(retry_after=full.retry_after) from None
