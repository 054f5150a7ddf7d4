"""How many mails anybody may have sent to an address: a limit for each network that asks, and a higher one for all.

Whoever asks in somebody else's name uses up their own share and not the owner's. Tags (`ada+x@…`) lead to one mailbox.
"""

from datetime import datetime

from app.addresses import mailbox
from app.crypto.vault import Vault
from app.settings.limits import Mode
from app.store.database import Database
from app.store.limits import Bucket
from app.visitor import Visitor
from app.watch.limits import Limit

_TAGS, _EVERYBODY = 2, 6
"""How many times as much is allowed for all tags of a mailbox: from one network, and from all networks."""


class MailLimit:
    """*rules*: for an address from one network. Only the log tells of mails beyond it."""

    def __init__(self, name: str, rules: str, *, mode: Mode, database: Database, vault: Vault) -> None:
        self._limit = Limit(name, rules, database=database, vault=vault, mode=mode)

    async def allows(self, email_folded: str, visitor: Visitor, *, at: datetime) -> bool:
        """Take one for an address, known here or not; without room note an event, and allow it only in mode `record_only`."""
        return await self._limit.admits(self.buckets(email_folded, visitor), at=at)

    def buckets(self, email_folded: str, visitor: Visitor) -> list[Bucket]:
        """Return what a mail is taken from."""
        whole, network = mailbox(email_folded), visitor.wider_network
        buckets = self._limit.buckets(f"{email_folded} {network}")
        buckets += self._limit.buckets(f"mailbox {whole} {network}", times=_TAGS)
        return buckets + self._limit.buckets(f"mailbox {whole}", times=_EVERYBODY)
