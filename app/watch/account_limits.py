"""How often somebody may change their own account: each change leaves a row in the audit log, which nobody takes out again.

Taken in the transaction of the change, after its proof: exactly what is kept counts. What wants no fresh proof, and the first
factor of a sign-in, are counted apart: whoever stole an access token uses up nothing that the owner needs to get in, or rid
of the thief.
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
        def limit(name: str, rules: str) -> Limit:
            return Limit(name, rules, database=database, vault=vault)

        self._details = limit("account details", settings.account_changes)
        self._enrolments = limit("first enrolments", settings.account_changes)
        self._changes = limit("account changes", settings.account_changes)
        self._notices = limit("account notices", settings.account_notices)

    async def detail(self, tx: Tx, user_id: UUID, *, at: datetime) -> None:
        """Take one for a change that wants no fresh proof. Raises RateLimited, which must end *tx*."""
        await _take(tx, self._details, user_id, at)

    async def first_enrolment(self, tx: Tx, user_id: UUID, *, at: datetime) -> None:
        """Take one for a first factor that is begun within a sign-in. Raises RateLimited, which must end *tx*."""
        await _take(tx, self._enrolments, user_id, at)

    async def change(self, tx: Tx, user_id: UUID, *, at: datetime) -> None:
        """Take one for a change that was proved. Raises RateLimited, which must end *tx*."""
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
