"""Which sessions ended within an access token's life: known to every replica within a second, without a query a request.

A short poll that re-reads an overlap by the database's time (law 5): no LISTEN and no session locks, so it works
behind PgBouncer; an increasing number alone would miss what commits late. A stale feed fails closed.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from app.clock import Clock
from app.problems import DatabaseUnavailable
from app.store import sessions
from app.store.database import Database

POLL_EVERY = 0.25
STALE_AFTER = 1.0
OVERLAP = timedelta(seconds=30)
_log = logging.getLogger("gatehouse.revocations")


class Revocations:
    """*life* is how long an ended session must be remembered: the longest life of an access token."""

    def __init__(self, database: Database, *, life: timedelta, clock: Clock) -> None:
        self._database = database
        self._life = life
        self._clock = clock
        self._ended: dict[UUID, float] = {}
        self._fresh_at: float | None = None
        self._catching_up: asyncio.Task[None] | None = None

    def add(self, session_id: UUID) -> None:
        """Know at once, in this process, what the feed will tell the others."""
        self._ended[session_id] = self._clock.elapsed()

    async def includes(self, session_id: UUID) -> bool:
        """Whether the session has ended. Raises DatabaseUnavailable when that cannot be known."""
        await self.refuse_stale()
        return session_id in self._ended

    async def refuse_stale(self) -> None:
        """Catch up when the feed is older than a second; raises DatabaseUnavailable when that is not possible."""
        if self._age() > STALE_AFTER:
            await self._catch_up()

    async def run(self) -> None:
        """Follow the feed until cancelled."""
        while True:
            with suppress(DatabaseUnavailable, TimeoutError):
                await self.read()
            await asyncio.sleep(POLL_EVERY)

    async def read(self) -> None:
        """Read what ended since the last time, and an overlap; the first time, a whole token's life."""
        began, age = self._clock.elapsed(), self._age()
        async with self._database.spare() as tx:
            window = min(self._life, timedelta(seconds=min(age, 1e6))) + OVERLAP
            for session_id in await sessions.ended_since(tx, window):
                self._ended.setdefault(session_id, began)
        self._fresh_at = began
        self._forget(began)

    def _age(self) -> float:
        return float("inf") if self._fresh_at is None else self._clock.elapsed() - self._fresh_at

    def _forget(self, now: float) -> None:
        oldest = now - (self._life + 2 * OVERLAP).total_seconds()
        for session_id in [session_id for session_id, since in self._ended.items() if since < oldest]:
            del self._ended[session_id]

    async def _catch_up(self) -> None:
        """One read for all who wait, and at most a second of waiting."""
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self.read())
            self._catching_up.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            await asyncio.wait_for(asyncio.shield(self._catching_up), STALE_AFTER)
        except TimeoutError:
            _log.warning("revocation feed is stale")
            raise DatabaseUnavailable from None
