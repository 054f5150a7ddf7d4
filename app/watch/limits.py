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
"""How many times as much an IPv6 /48 may do as each of its networks."""


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
        """The buckets of *key*, one per rule; it may do *times* as much as other keys."""
        return [
            Bucket(
                self._vault.index(f"{key} {window}", of=f"limit {self.name}"), times * allowed, window, self._volatile
            )
            for allowed, window in self._rules
        ]

    async def has_room(self, key: str, *, at: datetime) -> bool:
        """Take one for *key*, in a transaction of its own; False, and nothing taken, when any rule is used up."""
        return await self._take(self.buckets(key), at) is None

    async def allows(self, key: str, *, at: datetime) -> bool:
        return await self.admits(self.buckets(key), at=at)

    async def admits(self, buckets: Sequence[Bucket], *, at: datetime) -> bool:
        """Take one from each; without room note an event, and allow it only in mode `record_only`."""
        if await self._take(buckets, at) is None:
            return True
        audit.note(Event.LIMIT_EXCEEDED, limit=self.name, mode=self.mode)
        return self.mode == "record_only"

    async def require(self, key: str, *, at: datetime, user_id: UUID) -> None:
        """Take one for *key*, of that user, before anything else. Raises RateLimited without room, if enforced."""
        wait = await self._take(self.buckets(key), at)
        if wait is None:
            return
        audit.note(Event.LIMIT_EXCEEDED, limit=self.name, mode=self.mode, user_id=user_id)
        if self.mode == "enforce":
            raise RateLimited(retry_after=wait)

    async def _take(self, buckets: Sequence[Bucket], at: datetime) -> timedelta | None:
        """Take one from each, or nothing; return how long to wait when there was no room."""
        try:
            await self._database.run(lambda tx: limits.take(tx, buckets, at=at))
        except Full as full:
            return full.retry_after
        return None
