"""Sample states, which are no events, for gauges: pools, queues, the outbox, the signing key, the audit log."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Literal

from app.clock import Clock
from app.problems import DatabaseUnavailable
from app.senders.queue import MailQueue
from app.store import outbox, signing_keys
from app.store.database import Database
from app.store.signing_keys import KeyState, Role, StoredKey
from app.watch import metrics
from app.watch.standing import Standing

_EVERY = 1.0
_DATABASE_EACH = 15
_MOST_NOTICES = 10_000


@dataclass(frozen=True)
class Sampling:
    """`counted` are the failures of the database that the metric has already."""

    rotate_every: timedelta | Literal["never"]
    ring: int
    database: Database
    clock: Clock
    mails: MailQueue
    standing: Standing
    counted: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Sample until cancelled; the database less often."""
        for turn in count():
            self.look()
            if turn % _DATABASE_EACH == 0:
                await self.look_into_database()
            await asyncio.sleep(_EVERY)

    def look(self) -> None:
        metrics.RING_KEYS.set(self.ring)
        metrics.CONNECTIONS.set(self.database.connections_in_use)
        metrics.CONNECTIONS_MOST.set(self.database.most_connections)
        metrics.MAILS_WAITING.set(self.mails.waiting)
        for name, times in (self.database.failures - self.counted).items():
            metrics.DATABASE_FAILURES.labels(name).inc(times)
            self.counted[name] += times

    async def look_into_database(self) -> None:
        """Sample what the database knows; while it is unavailable, the gauges keep their values."""
        try:
            async with self.database.read() as tx:
                waiting, oldest = await outbox.waiting(tx, most=_MOST_NOTICES)
                keys = await signing_keys.all_keys(tx)
            behind = await self.standing()
        except DatabaseUnavailable:
            return
        metrics.UNSEALED_AGE.set(behind.unsealed.total_seconds())
        metrics.UNVOUCHED_AGE.set(behind.unvouched.total_seconds())
        metrics.OUTBOX.set(waiting)
        metrics.OUTBOX_AGE.set((self.clock.now() - oldest).total_seconds() if oldest else 0)
        for key in keys:
            self._look_at(key)

    def _look_at(self, key: StoredKey) -> None:
        if key.role != Role.ACCESS or key.state != KeyState.CURRENT:
            return
        since = key.since.timestamp()
        metrics.KEY_ACTIVATED.set(since)
        every = self.rotate_every
        metrics.KEY_DUE.set(float("inf") if every == "never" else since + every.total_seconds())
