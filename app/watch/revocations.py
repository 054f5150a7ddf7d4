"""Which sessions ended, and who was cut off, within an access token's life: known to every replica within a second.

A short poll that re-reads an overlap by the database's time (law 5): no LISTEN and no session locks, so it works
behind PgBouncer; an increasing number alone would miss what commits late. A stale feed fails closed.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from uuid import UUID

from app.clock import Clock
from app.crypto.claims import AccessClaims
from app.problems import DatabaseUnavailable
from app.store import revocations
from app.store.database import Database
from app.store.revocations import End
from app.watch import metrics

POLL_EVERY = 0.25
STALE_AFTER = 1.0
OVERLAP = timedelta(seconds=30)
_NOT_READ_YET = datetime.min.replace(tzinfo=UTC)
_log = logging.getLogger("gatehouse.revocations")


@dataclass(frozen=True, slots=True)
class _Known:
    """One end. `at`, by the database's clock, shows a later cut-off of the same user; `since` is by the monotonic clock.

    `moment` is by our clock, as in tokens: a NumericDate, rounded up, so that every token from before it has a smaller `iat`.
    """

    at: datetime
    since: float
    moment: int


class Revocations:
    """*life* is how long an end must be remembered: the longest life of an access token.

    `version` rises whenever something new was read.
    """

    def __init__(self, database: Database, *, life: timedelta, clock: Clock) -> None:
        self._database = database
        self._life = life
        self._clock = clock
        self._sessions: dict[UUID, _Known] = {}
        self._users: dict[UUID, _Known] = {}
        self._fresh_at: float | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self.version = 0

    @property
    def reach(self) -> timedelta:
        """How long an end is remembered: after that, all of its tokens have expired."""
        return self._life + 2 * OVERLAP

    def add(self, session_id: UUID) -> None:
        """Record at once, in this process, an end that the feed will tell the others."""
        self._sessions.setdefault(session_id, self._known(_NOT_READ_YET, timedelta(0)))

    async def include(self, claims: AccessClaims) -> bool:
        """Whether the token's session has ended, or its user was cut off after it was minted.

        Raises DatabaseUnavailable when that cannot be known.
        """
        await self.refuse_stale()
        cut_off = self._users.get(claims.sub)
        return claims.sid in self._sessions or (cut_off is not None and claims.iat < cut_off.moment)

    def sessions(self, *, since: int) -> dict[UUID, int]:
        """The sessions that ended after *since*, and when, as NumericDates."""
        return _after(self._sessions, since)

    def cut_offs(self, *, since: int) -> dict[UUID, int]:
        """The users who were cut off after *since*: no token with a smaller `iat` than this is good."""
        return _after(self._users, since)

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
        window = min(self._life, timedelta(seconds=min(age, 1e6))) + OVERLAP
        async with self._database.spare() as tx:
            found = await revocations.ended_since(tx, window)
        self._learn(found)
        self._fresh_at = began
        metrics.FEED_READ.set(self._clock.now().timestamp())
        self._forget(began)

    def _learn(self, found: Iterable[End]) -> None:
        for end in found:
            known = self._users if end.of_user else self._sessions
            before = known.get(end.id)
            if before is None or before.at < end.at:
                known[end.id] = self._known(end.at, end.age)
                self.version += 1
                if self._fresh_at is not None:
                    metrics.FEED_LAG.observe(end.age.total_seconds())

    def _known(self, at: datetime, age: timedelta) -> _Known:
        """Convert a moment to our clocks. Rounding the age down makes up for differences of clocks and for the time in transit."""
        seconds = age.total_seconds()
        moment = floor(self._clock.now().timestamp()) - floor(seconds) + 1
        return _Known(at, self._clock.elapsed() - seconds, moment)

    def _age(self) -> float:
        return float("inf") if self._fresh_at is None else self._clock.elapsed() - self._fresh_at

    def _forget(self, now: float) -> None:
        oldest = now - self.reach.total_seconds()
        for known in (self._sessions, self._users):
            for key in [key for key, end in known.items() if end.since < oldest]:
                del known[key]

    async def _catch_up(self) -> None:
        """One read for all who wait, and at most a second of waiting."""
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self.read())
            self._catching_up.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            await asyncio.wait_for(asyncio.shield(self._catching_up), STALE_AFTER)
        except TimeoutError:
            _log.warning("revocation feed is stale")
            metrics.FEED_STALE.inc()
            raise DatabaseUnavailable from None


def _after(known: dict[UUID, _Known], since: int) -> dict[UUID, int]:
    return {key: end.moment for key, end in known.items() if end.moment > since}
