"""Connections to PostgreSQL: made by SQLAlchemy's pool, each statement for itself unless somebody orders a transaction."""

import asyncio
import logging
import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from asyncpg import InterfaceError, InternalClientError, PostgresError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from app.settings.groups import DatabaseSettings

if TYPE_CHECKING:
    import asyncpg

GONE = (OSError, InterfaceError, InternalClientError)
"""What asyncpg raises when the database is gone, or answers too late."""
UNSETTLED = (*GONE, asyncio.CancelledError)
"""Left by one of these, a connection may still be waiting for what was asked: nobody knows what the server has done of it."""

_UNDONE_WITHIN = 2.0
"""Seconds. A connection that takes longer to end its transaction is closed, which ends it, too."""
_log = logging.getLogger("gatehouse.store")


def connect(settings: DatabaseSettings, *, pool_size: int | None = None, autocommit: bool = False) -> AsyncEngine:
    """Make an engine; the first connection is made when it is needed. *autocommit*: each statement commits itself."""
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
        isolation_level="AUTOCOMMIT" if autocommit else None,
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


def driver(opened: AsyncConnection) -> "asyncpg.Connection":
    """The connection that asyncpg made."""
    return _driver(_pooled(opened))


async def order(opened: AsyncConnection, command: str) -> None:
    """BEGIN, COMMIT or ROLLBACK. SQLAlchemy knows of no transaction: to it, each statement commits itself.

    Raises RuntimeError when PostgreSQL rolled back instead, because of an error that somebody held back.
    """
    done = await driver(opened).execute(command)
    if done != command:
        raise RuntimeError(f"{command} was answered by {done}")


async def take(engine: AsyncEngine) -> AsyncConnection:
    """A connection from the pool. What `AsyncEngine.connect` does around it takes three times as long (decisions/0018)."""
    return AsyncConnection(engine, await greenlet_spawn(_fresh, engine.sync_engine))


def give_back(opened: AsyncConnection) -> None:
    """To the pool. One that is within a transaction is closed: what the next one does would never be committed.

    What it says of that is as old as the last command that was answered: whoever leaves one unanswered calls `abandon` first.
    """
    connection = _pooled(opened)
    if not connection.invalidated and _driver(connection).is_in_transaction():
        _log.error("a connection came back within a transaction, and was closed")
        connection.invalidate()
    connection.close()


async def abandon(opened: AsyncConnection) -> None:
    """Close it, and have the server end what it does (within a greenlet asyncpg sends that, and waits two seconds for it)."""
    connection = _pooled(opened)
    if connection.invalidated:
        return
    try:
        await greenlet_spawn(connection.invalidate)
    finally:
        if not connection.invalidated:
            connection.invalidate()


async def undo(opened: AsyncConnection) -> None:
    """Roll back, or close the connection, which does so, too."""
    if _pooled(opened).invalidated:
        return
    try:
        async with asyncio.timeout(_UNDONE_WITHIN):
            await order(opened, "ROLLBACK")
    except (*GONE, PostgresError):
        await abandon(opened)


def _fresh(engine: Engine) -> Connection:
    """One that is open, as far as this side knows: a database that went away has closed those that waited."""
    while True:
        connection = engine.connect()
        if not _driver(connection).is_closed():
            return connection
        connection.invalidate()
        connection.close()


def _driver(connection: Connection) -> "asyncpg.Connection":
    return cast("asyncpg.Connection", connection.connection.driver_connection)


def _pooled(opened: AsyncConnection) -> Connection:
    """What SQLAlchemy's pool knows it by."""
    return cast("Connection", opened.sync_connection)
