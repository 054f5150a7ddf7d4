"""A pool of connections: SQLAlchemy makes them, and they stay open between uses.

Taking one from SQLAlchemy's own pool and giving it back costs more than a statement (docs/decisions/0018).
"""

import asyncio
import logging

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import greenlet_spawn

from app.settings.groups import DatabaseSettings
from app.store.connections import connect, driver, pooled

_LONGEST_REST = 300.0
"""Seconds. A firewall in between may forget an idle connection, and tell neither side."""
_log = logging.getLogger("gatehouse.store")


class Pool:
    """At most *size* connections at a time, the one used last first: it still has its prepared statements."""

    def __init__(self, settings: DatabaseSettings, *, size: int) -> None:
        self._engine = connect(settings, autocommit=True)
        self._room = asyncio.Semaphore(size)
        self._wait = settings.pool_wait.total_seconds()
        self._resting: list[tuple[AsyncConnection, float]] = []
        self._closed = False
        self.in_use = 0

    async def take(self) -> AsyncConnection:
        """Take a connection; raise TimeoutError when none comes back within `pool_wait`, and what connecting raises."""
        await self._come_in()
        try:
            opened = self._rested() or AsyncConnection(
                self._engine, await greenlet_spawn(self._engine.sync_engine.connect)
            )
        except BaseException:
            self._room.release()
            raise
        self.in_use += 1
        return opened

    def give_back(self, opened: AsyncConnection) -> None:
        """Return a connection. One within a transaction is closed: what its next user does would never be committed.

        The server's last answer tells: whoever leaves a command unanswered abandons the connection first.
        """
        self.in_use -= 1
        self._room.release()
        if self._is_good(opened):
            self._resting.append((opened, asyncio.get_running_loop().time()))
        else:
            _close(pooled(opened))

    async def close(self) -> None:
        """Close the idle connections; those in use are closed when they come back."""
        self._closed = True
        while self._resting:
            opened, _ = self._resting.pop()
            await opened.close()

    async def _come_in(self) -> None:
        if not self._room.locked():
            await self._room.acquire()
            return
        async with asyncio.timeout(self._wait):
            await self._room.acquire()

    def _rested(self) -> AsyncConnection | None:
        """An idle connection that is open, as far as this side knows: a database that went away has closed them."""
        not_before = asyncio.get_running_loop().time() - _LONGEST_REST
        while self._resting:
            opened, since = self._resting.pop()
            if since > not_before and not driver(opened).is_closed():
                return opened
            _close(pooled(opened))
        return None

    def _is_good(self, opened: AsyncConnection) -> bool:
        connection = pooled(opened)
        if connection.invalidated or self._closed:
            return False
        if driver(opened).is_in_transaction():
            _log.error("a connection came back within a transaction, and was closed")
            return False
        if connection.in_transaction():  # SQLAlchemy's word for having been used; to PostgreSQL, nothing is open
            connection.rollback()
        return True


def _close(connection: Connection) -> None:
    connection.invalidate()
    connection.close()
