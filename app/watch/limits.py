"""Limits as operators write them: `5/minute;20/hour`, `3/10minute`. Shared by all replicas, spent before the work they protect.

Each either enforces or, as `record_only`, lets everything pass; either way what goes beyond it is an event.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.crypto.vault import Vault
from app.events import Event
from app.problems import RateLimited
from app.settings.limits import Mode
from app.settings.rules import read_rules
from app.store import limits
from app.store.database import Database
from app.store.limits import Bucket, Full
from app.watch import audit

WIDER = 8
"""How much more an IPv6 /48 may than each of its networks."""


class Limit:
    """One limit: *name* keeps its buckets apart from every other limit's. Those of a *volatile* one do not survive a crash."""

    def __init__(
        self,
        name: str,
        rules: str,
        *,
        database: Database,
        vault: Vault,
        volatile: bool = False,
        mode: Mode = "enforce",
    ) -> None:
        self.name = name
        self.mode = mode
        self._rules = read_rules(rules)
        self._database = database
        self._vault = vault
        self._volatile = volatile

    def buckets(self, key: str, *, times: int = 1) -> list[Bucket]:
        """What one take for *key*, which may *times* as much as others, is taken from: a bucket a rule."""
        return [
            Bucket(
                self._vault.index(f"{key} {window}", of=f"limit {self.name}"), times * allowed, window, self._volatile
            )
            for allowed, window in self._rules
        ]

    async def has_room(self, key: str, *, at: datetime) -> bool:
        """Take one for *key*, or nothing at all when any of the rules is used up. In a transaction of its own, kept."""
        return await self._take(self.buckets(key), at) is None

    async def allows(self, key: str, *, at: datetime) -> bool:
        return await self.admits(self.buckets(key), at=at)

    async def admits(self, buckets: Sequence[Bucket], *, at: datetime) -> bool:
        """Take one from each; without room an event says so, and it is allowed only where that is all that is done."""
        if await self._take(buckets, at) is None:
            return True
        audit.note(Event.LIMIT_EXCEEDED, limit=self.name, mode=self.mode)
        return self.mode == "record_only"

    async def require(self, key: str, *, at: datetime, user_id: UUID) -> None:
        """Take one for *key*, of that user, before anything else is done. Raises RateLimited without room for it."""
        wait = await self._take(self.buckets(key), at)
        if wait is None:
            return
        audit.note(Event.LIMIT_EXCEEDED, limit=self.name, mode=self.mode, user_id=user_id)
        if self.mode == "enforce":
            raise RateLimited(retry_after=wait)

    async def _take(self, buckets: Sequence[Bucket], at: datetime) -> timedelta | None:
        """How long to wait, when there was no room."""
        try:
            await self._database.run(lambda tx: limits.take(tx, buckets, at=at))
        except Full as full:
            return full.retry_after
        return None
