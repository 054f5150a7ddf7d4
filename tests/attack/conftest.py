"""One service with two workers on a fast database, for every drill that leaves it standing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.attack.cluster import postgres, sql
from tests.attack.halves import refuse_halves
from tests.attack.service import Service, serving

END_ALL = (
    "UPDATE sessions SET ended_at = clock_timestamp(), end_reason = 'disabled' WHERE user_id = $1 AND ended_at IS NULL"
)


@dataclass(frozen=True)
class House:
    service: Service
    sql: asyncpg.Connection

    async def one(self, query: str, *given: Any) -> Any:
        """The one value that *query* yields."""
        return await self.sql.fetchval(query, *given)


async def disable(sql: asyncpg.Connection, user: UUID, *, holding: float = 0) -> None:
    """As an operator does, in one transaction: first the user, then (after *holding* seconds) the sessions."""
    async with sql.transaction():
        await sql.execute("UPDATE users SET active = false WHERE id = $1", user)
        await asyncio.sleep(holding)
        await sql.execute(END_ALL, user)


@pytest.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    async with (
        postgres() as cluster,
        serving(database=cluster.url) as service,
        sql(cluster.url) as connection,
    ):
        yield House(service, connection)
        await refuse_halves(connection)
