"""Connections to PostgreSQL: made by SQLAlchemy, in autocommit mode unless a transaction is begun with `order`."""

import asyncio
import ssl
from contextlib import suppress
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from asyncpg import InterfaceError, InternalClientError, PostgresError
from asyncpg import connect as connect_by_driver
from sqlalchemy import URL, Connection, NullPool, event, make_url
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from app.settings.groups import DatabaseSettings

if TYPE_CHECKING:
    import asyncpg

DIALECT = dialect()  # type: ignore[no-untyped-call]
GONE = (OSError, InterfaceError, InternalClientError)
"""What asyncpg raises when the database is gone, or answers too late (TimeoutError is an OSError)."""
UNSETTLED = (*GONE, asyncio.CancelledError)
"""After one of these, a statement may still be running: nobody knows what the server has done of it."""

_TAKEN = {*signature(connect_by_driver).parameters, "prepared_statement_cache_size"}
"""The connection parameters that a URL may set."""
_UNDONE_WITHIN = 2.0
"""Seconds. A connection that takes longer to roll back is closed, which ends the transaction, too."""


def connect(settings: DatabaseSettings, *, autocommit: bool = False) -> AsyncEngine:
    """Make an engine without a pool: it opens a connection each time. *autocommit*: each statement commits itself.

    Raises ValueError, with a sentence, for settings that cannot work.
    """
    engine = create_async_engine(
        _address(settings),
        hide_parameters=True,
        poolclass=NullPool,
        connect_args=_connect_args(settings),
        isolation_level="AUTOCOMMIT" if autocommit else None,
    )
    if settings.tls_certificate:
        event.listen(engine.sync_engine, "do_connect", partial(_show, (settings.tls_certificate, settings.tls_key)))
    return engine


def _address(settings: DatabaseSettings) -> URL:
    """The database's URL; raise ValueError if it is missing, or has parameters that asyncpg does not take."""
    if settings.url is None:
        raise ValueError("GATEHOUSE_DATABASE__URL is not set: `gatehouse serve` sets it in development.")
    with suppress(ValueError, ArgumentError):
        address = make_url(settings.url.get_secret_value())
        _, given = DIALECT.create_connect_args(address)  # type: ignore[no-untyped-call]
        if address.drivername == "postgresql+asyncpg" and given.keys() <= _TAKEN:
            return address
    name = "OWNER_URL" if settings.url is settings.owner_url else "URL"
    raise ValueError(
        f"GATEHOUSE_DATABASE__{name} is not an address such as postgresql+asyncpg://user:password@host:5432/name."
    )


def _connect_args(settings: DatabaseSettings) -> dict[str, Any]:
    seconds = settings.statement_limit.total_seconds()
    args: dict[str, Any] = {"timeout": settings.pool_wait.total_seconds(), "command_timeout": seconds}
    args["ssl"] = _trusting(settings) if settings.tls_mode == "verify-full" else settings.tls_mode
    if settings.pgbouncer:
        return args | {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    millis = str(int(seconds * 1000))
    return args | {"server_settings": {"statement_timeout": millis, "idle_in_transaction_session_timeout": millis}}


def _trusting(settings: DatabaseSettings) -> ssl.SSLContext:
    """Make a context that verifies certificate and name, TLS 1.2 or newer."""
    try:
        return ssl.create_default_context(cafile=settings.tls_ca)
    except OSError:
        raise ValueError("GATEHOUSE_DATABASE__TLS_CA is not a file of certificates (PEM) that can be read.") from None


def _show(
    chain: tuple[Path, Path | None], _dialect: object, _record: object, _args: object, params: dict[str, Any]
) -> None:
    """Load the client certificate at each connect: one that lives for hours is replaced while the service runs."""
    params["ssl"].load_cert_chain(*chain, password="")  # without it, OpenSSL would ask the terminal for one


def driver(opened: AsyncConnection) -> "asyncpg.Connection":
    """The connection that asyncpg made."""
    return cast("asyncpg.Connection", pooled(opened).connection.driver_connection)


async def order(opened: AsyncConnection, command: str) -> None:
    """Send BEGIN, COMMIT or ROLLBACK. SQLAlchemy knows of no transaction: to it, each statement commits itself.

    Raises RuntimeError when PostgreSQL rolled back instead, because of an error that somebody suppressed.
    """
    done = await driver(opened).execute(command)
    if done != command:
        raise RuntimeError(f"{command} was answered by {done}")


async def abandon(opened: AsyncConnection) -> None:
    """Close the connection, and have the server end the statement under way.

    Closed within a greenlet, asyncpg tells the server so, and waits up to two seconds; closed without, it only hangs up.
    """
    connection = pooled(opened)
    if connection.invalidated:
        return
    try:
        with suppress(*GONE):
            await greenlet_spawn(connection.invalidate)
    finally:
        if not connection.invalidated:
            connection.invalidate()


async def undo(opened: AsyncConnection) -> None:
    """Roll back; if that fails, close the connection, which rolls back, too."""
    if pooled(opened).invalidated:
        return
    try:
        async with asyncio.timeout(_UNDONE_WITHIN):
            await order(opened, "ROLLBACK")
    except (*GONE, PostgresError):
        await abandon(opened)


def pooled(opened: AsyncConnection) -> Connection:
    """The synchronous connection under SQLAlchemy's asynchronous one."""
    return cast("Connection", opened.sync_connection)
