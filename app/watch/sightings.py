"""Which sessions are in use: gathered in memory, since the guard asks no database, and written at most once a minute each."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from app.clock import Clock
from app.problems import DatabaseUnavailable
from app.store import session_lists
from app.store.database import Database

_WRITE_EVERY = 5.0
_ONCE_A = timedelta(minutes=1)
_MOST = 10_000
"""A worker remembers so many sessions at a time; for others, the last use is not known to the minute."""


class Sightings:
    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._new: set[UUID] = set()
        self._noted: dict[UUID, float] = {}

    def note(self, session_id: UUID) -> None:
        if session_id not in self._noted and len(self._noted) < _MOST:
            self._noted[session_id] = self._clock.elapsed()
            self._new.add(session_id)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(_WRITE_EVERY)
            with suppress(DatabaseUnavailable):
                await self.write()

    async def write(self) -> None:
        """Write what was noted; what cannot be written is retried the next time."""
        oldest = self._clock.elapsed() - _ONCE_A.total_seconds()
        self._noted = {one: at for one, at in self._noted.items() if at > oldest or one in self._new}
        if self._new:
            seen = sorted(self._new)
            async with self._database.begin() as tx:
                await session_lists.saw(tx, seen, every=_ONCE_A, at=self._clock.now())
            self._new.difference_update(seen)
