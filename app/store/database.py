"""The way to PostgreSQL: transactions that commit before anything is answered, and one word for a database that is gone."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TypeAlias, TypeVar, cast

from asyncpg import InvalidCachedStatementError, PostgresError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from app.problems import DatabaseUnavailable
from app.settings.groups import DatabaseSettings
from app.store.connections import GONE, UNSETTLED, abandon, connect, give_back, order, take, undo

Tx: TypeAlias = AsyncConnection
"""An open transaction. Whoever is handed one adds to it and never commits it."""

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
        self._engine = connect(settings, autocommit=True)
        self._spare = connect(settings, pool_size=1, autocommit=True)
        self.most_connections = settings.pool_size + 1
        self.failures: Counter[str] = Counter()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A transaction, committed when the block ends and rolled back when it raises, or when an error in it was held back."""
        async with self._connected(self._engine) as tx:
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

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """For single statements that need no transaction: each commits itself."""
        async with self._connected(self._engine) as tx:
            yield tx

    @asynccontextmanager
    async def spare(self) -> AsyncIterator[Tx]:
        async with self._connected(self._spare) as tx:
            yield tx

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[Tx]:
        with self._named_failures():
            tx = await take(engine)
            try:
                yield tx
            except UNSETTLED:
                await abandon(tx)
                raise
            finally:
                give_back(tx)

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless the database answers."""
        async with self.read() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()
        await self._spare.dispose()

    @property
    def connections_in_use(self) -> int:
        return sum(cast("QueuePool", engine.pool).checkedout() for engine in (self._engine, self._spare))

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        try:
            yield
        except (*GONE, PoolTimeout) as failure:
            self._note(failure)
            raise DatabaseUnavailable from failure
        except (SQLAlchemyError, PostgresError) as failure:
            if not _is_passing(failure):
                raise
            self._note(failure)
            raise DatabaseUnavailable from failure

    def _note(self, failure: Exception) -> None:
        name = type(failure).__name__
        self.failures[name] += 1
        _log.warning("database unavailable: %s", name)


def _state(failure: BaseException | None) -> str | None:
    """SQLSTATE of what PostgreSQL refused."""
    found: str | None = getattr(failure.orig if isinstance(failure, DBAPIError) else failure, "sqlstate", None)
    return found


def _was_lost(failure: BaseException | None) -> bool:
    """Also one whose statement was prepared before its tables changed: asyncpg prepares it anew, but not in midst of it."""
    return isinstance(failure, InvalidCachedStatementError) or _state(failure) in _LOST


def _is_passing(failure: SQLAlchemyError | PostgresError) -> bool:
    if not isinstance(failure, (DBAPIError, PostgresError)):
        return False
    state = _state(failure)
    gone = isinstance(failure, DBAPIError) and failure.connection_invalidated
    return gone or state is None or state.startswith(_PASSING) or _was_lost(failure)
