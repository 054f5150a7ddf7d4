"""The way to PostgreSQL: transactions that commit before anything is answered, and one word for a database that is gone."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias, TypeVar

from asyncpg import InvalidCachedStatementError, PostgresError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.problems import DatabaseUnavailable
from app.settings.groups import DatabaseSettings
from app.store.connections import GONE, UNSETTLED, abandon, order, undo
from app.store.pool import Pool

Tx: TypeAlias = AsyncConnection
"""An open transaction (`begin`, `run`), or a connection whose statements commit themselves (`once`, `read`, `spare`).

Whoever is handed one asks by it, and neither commits nor keeps it.
"""

_PASSING = ("08", "23503", "3D", "40", "53", "55", "57")
"""SQLSTATE classes that say nothing about the statement: connection, rollback, resources, locks, intervention; no database of
that name; and a foreign key that leads nowhere, because somebody deleted meanwhile what was read a moment ago."""
_LOST = {"40001", "40P01"}
"""SQLSTATEs of a transaction that was undone because of another one: nothing of it is left, so it may be tried again."""
_RERUNS = 2
_Result = TypeVar("_Result")
_log = logging.getLogger("gatehouse.store")


class Database:
    """A pool of connections. `spare` gives the revocation feed one of its own, which no storm of requests can take."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._pool = Pool(settings, size=settings.pool_size)
        self._spare = Pool(settings, size=1)
        self.most_connections = settings.pool_size + 1
        self.failures: Counter[str] = Counter()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A transaction, committed when the block ends and rolled back when it raises, or when an error in it was held back."""
        async with self.read() as tx:
            try:
                await order(tx, "BEGIN")
                yield tx
                await order(tx, "COMMIT")
            except UNSETTLED:
                raise
            except BaseException:
                await undo(tx)
                raise

    async def run(self, work: Callable[[Tx], Awaitable[_Result]]) -> _Result:
        """*work* in a transaction of its own, and once more from its beginning when a deadlock undid it (decisions/0011).

        So *work* asks the database and nobody else.
        """
        return await self._run(self.begin, work, _RERUNS)

    async def once(self, work: Callable[[Tx], Awaitable[_Result]]) -> _Result:
        """As `run`, for *work* of one statement, which commits itself: two round trips less."""
        return await self._run(self.read, work, _RERUNS)

    async def _run(
        self,
        open_: Callable[[], AbstractAsyncContextManager[Tx]],
        work: Callable[[Tx], Awaitable[_Result]],
        reruns: int,
    ) -> _Result:
        try:
            async with open_() as tx:
                return await work(tx)
        except DatabaseUnavailable as failure:
            if reruns == 0 or not _was_lost(failure.__cause__):
                raise
        return await self._run(open_, work, reruns - 1)

    def read(self) -> AbstractAsyncContextManager[Tx]:
        """For single statements that need no transaction: each commits itself."""
        return _Use(self._pool, self._rename)

    def spare(self) -> AbstractAsyncContextManager[Tx]:
        return _Use(self._spare, self._rename)

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless the database answers."""
        async with self.read() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._pool.close()
        await self._spare.close()

    @property
    def connections_in_use(self) -> int:
        return self._pool.in_use + self._spare.in_use

    def _rename(self, failure: BaseException) -> None:
        """Raises DatabaseUnavailable instead of what says nothing about the statement."""
        if isinstance(failure, GONE) or (
            isinstance(failure, (SQLAlchemyError, PostgresError)) and _is_passing(failure)
        ):
            name = type(failure).__name__
            self.failures[name] += 1
            _log.warning("database unavailable", extra={"error": name})
            raise DatabaseUnavailable from failure


class _Use:
    """Of a connection, from when it is taken until it is given back. *rename* tells a database that is gone."""

    __slots__ = ("_pool", "_rename", "_tx")

    def __init__(self, pool: Pool, rename: Callable[[BaseException], None]) -> None:
        self._pool = pool
        self._rename = rename

    async def __aenter__(self) -> Tx:
        try:
            self._tx = await self._pool.take()
        except BaseException as failure:
            self._rename(failure)
            raise
        return self._tx

    async def __aexit__(self, _: object, failure: BaseException | None, __: object) -> None:
        try:
            if isinstance(failure, UNSETTLED):
                await abandon(self._tx)
        finally:
            self._pool.give_back(self._tx)
        if failure is not None:
            self._rename(failure)


def _state(failure: BaseException | None) -> str | None:
    """SQLSTATE of what PostgreSQL refused."""
    found: str | None = getattr(failure.orig if isinstance(failure, DBAPIError) else failure, "sqlstate", None)
    return found


def _was_lost(failure: BaseException | None) -> bool:
    """Also one whose statement was prepared before its tables changed: asyncpg prepares it anew, but not within a transaction."""
    return isinstance(failure, InvalidCachedStatementError) or _state(failure) in _LOST


def _is_passing(failure: SQLAlchemyError | PostgresError) -> bool:
    if not isinstance(failure, (DBAPIError, PostgresError)):
        return False
    state = _state(failure)
    gone = isinstance(failure, DBAPIError) and failure.connection_invalidated
    return gone or state is None or state.startswith(_PASSING) or _was_lost(failure)
