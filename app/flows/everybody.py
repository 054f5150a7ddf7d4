"""Sign everybody out: for when the database is one of an earlier time, and what ended since then would be alive again."""

from dataclasses import dataclass
from uuid import UUID

from app.events import Event
from app.store import everybody
from app.store.database import Database, Tx
from app.watch import audit

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class AllEnded:
    users: int
    sessions: int


@dataclass(frozen=True)
class EndAll:
    """Each batch is a transaction of its own: what was interrupted is told of as far as it came, and simply begun again."""

    database: Database

    async def __call__(self, *, by: str | None = None, reason: str | None = None) -> AllEnded:
        users, ended, last = 0, 0, everybody.NOBODY
        try:
            while batch := await self._some(last):
                some, sessions = batch
                users, ended, last = users + len(some), ended + sessions, some[-1]
        finally:
            audit.note(Event.USER_SESSIONS_ENDED, users=users, sessions=ended, by=by, reason=reason)
        return AllEnded(users, ended)

    async def _some(self, after: UUID) -> tuple[list[UUID], int] | None:
        async def end(tx: Tx) -> tuple[list[UUID], int] | None:
            some = await everybody.lock_some(tx, after=after, most=_AT_ONCE)
            return (some, await everybody.end_all(tx, some, reason="operator")) if some else None

        return await self.database.run(end)
