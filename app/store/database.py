"""The way to PostgreSQL: transactions that commit before anything is answered, and one word for a database that is gone."""

import logging
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from app.problems import DatabaseUnavailable
from app.settings.groups import DatabaseSettings

Tx: TypeAlias = AsyncConnection
"""An open transaction. Whoever is handed one adds to it and never commits it."""

_PASSING = ("08", "23503", "40", "53", "55", "57")
"""SQLSTATE classes that say nothing about the statement: connection, rollback, resources, locks, intervention; and a foreign
key that leads nowhere, because somebody deleted meanwhile what was read a moment ago."""
_LOST = {"40001", "40P01"}
"""SQLSTATEs of a transaction that was undone because of another one: nothing of it is left, so it may be tried again."""
_RERUNS = 2
_Result = TypeVar("_Result")
_log = logging.getLogger("gatehouse.store")


def connect(settings: DatabaseSettings, *, pool_size: int | None = None) -> AsyncEngine:
    """Make an engine; the first connection is made when it is needed."""
    if settings.url is None:
        raise ValueError("GATEHOUSE_DATABASE__URL is not set: `gatehouse serve` sets it in development.")
    engine = create_async_engine(
        settings.url.get_secret_value(),
        hide_parameters=True,
        pool_size=pool_size or settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.pool_wait.total_seconds(),
        pool_pre_ping=False,
        connect_args=_connect_args(settings),
    )
    if settings.tls_certificate:
        event.listen(engine.sync_engine, "do_connect", partial(_show, (settings.tls_certificate, settings.tls_key)))
    return engine


def _connect_args(settings: DatabaseSettings) -> dict[str, Any]:
    seconds = settings.statement_limit.total_seconds()
    args: dict[str, Any] = {"timeout": settings.pool_wait.total_seconds(), "command_timeout": seconds}
    args["ssl"] = _trusting(settings) if settings.tls_mode == "verify-full" else settings.tls_mode
    if settings.pgbouncer:
        return args | {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    millis = str(int(seconds * 1000))
    return args | {"server_settings": {"statement_timeout": millis, "idle_in_transaction_session_timeout": millis}}


def _trusting(settings: DatabaseSettings) -> ssl.SSLContext:
    """Verifies certificate and name, TLS 1.2 or newer."""
    return ssl.create_default_context(cafile=settings.tls_ca)


def _show(
    chain: tuple[Path, Path | None], _dialect: object, _record: object, _args: object, params: dict[str, Any]
) -> None:
    """The certificate as it is now: one that lives for hours is replaced while the service runs."""
    params["ssl"].load_cert_chain(*chain, password="")  # it would ask the terminal for one


class Database:
    """A pool of connections. `spare` gives the revocation feed one of its own, which no storm of requests can take."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._engine = connect(settings)
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._spare = connect(settings, pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
        self.most_connections = settings.pool_size + 1
        self.failures: Counter[str] = Counter()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A transaction, committed when the block ends and rolled back when it raises."""
        async with self._named_failures(), self._engine.begin() as tx:
            yield tx

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
        async with self._named_failures(), self._autocommit.connect() as tx:
            yield tx

    @asynccontextmanager
    async def spare(self) -> AsyncIterator[Tx]:
        async with self._named_failures(), self._spare.connect() as tx:
            yield tx

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

    @asynccontextmanager
    async def _named_failures(self) -> AsyncIterator[None]:
        try:
            yield
        except (OSError, PoolTimeout) as failure:
            self._note(failure)
            raise DatabaseUnavailable from failure
        except SQLAlchemyError as failure:
            if not _is_passing(failure):
                raise
            self._note(failure)
            raise DatabaseUnavailable from failure

    def _note(self, failure: Exception) -> None:
        name = type(failure).__name__
        self.failures[name] += 1
        _log.warning("database unavailable: %s", name)


def _was_lost(failure: BaseException | None) -> bool:
    return isinstance(failure, DBAPIError) and getattr(failure.orig, "sqlstate", None) in _LOST


def _is_passing(failure: SQLAlchemyError) -> bool:
    if not isinstance(failure, DBAPIError):
        return False
    state = getattr(failure.orig, "sqlstate", None)
    return failure.connection_invalidated or state is None or state.startswith(_PASSING)
