"""The service goes on while its schema changes: whoever writes waits for no index that is made (docs/upgrading.md)."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.store.migrate import alembic
from tests import postgres

FAIL = "INSERT INTO throttles (key, streak, free_at) VALUES ($1, 1, now())"
CAN_BE_USED = "SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 'throttles'::regclass"


@pytest.fixture
async def older(postgres_url: str) -> AsyncIterator[str]:
    """A database from before the first migration that makes indexes on tables that were there."""
    name = f"older_{secrets.token_hex(4)}"
    url = await postgres.create(postgres_url, name)
    await alembic(postgres.settings_for(url), "upgrade", "0008")
    yield url
    await postgres.drop(postgres_url, name)


@pytest.fixture
async def people(older: str) -> AsyncIterator[list[asyncpg.Connection]]:
    async with postgres.connections(older, 2) as people:
        yield people


async def test_who_writes_does_not_wait_for_an_index_that_waits(older: str, people: list[asyncpg.Connection]) -> None:
    somebody, another = people
    async with somebody.transaction():
        await somebody.execute(FAIL, b"somebody")
        migrating = asyncio.create_task(alembic(postgres.settings_for(older), "upgrade", "head"))
        await postgres.somebody_waits(another)
        await another.execute("SET statement_timeout = '5s'")
        await another.execute(FAIL, b"another")
        assert not migrating.done()
    async with asyncio.timeout(30):
        await migrating
    assert await somebody.fetchval(CAN_BE_USED)


async def test_an_index_that_was_left_half_made_is_made_anew(older: str, people: list[asyncpg.Connection]) -> None:
    """As CREATE INDEX CONCURRENTLY leaves one behind when it is stopped: there, and of no use."""
    [somebody, _] = people
    await somebody.execute("CREATE INDEX throttles_free_ix ON throttles (free_at)")
    await somebody.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'throttles_free_ix'::regclass")
    assert not await somebody.fetchval(CAN_BE_USED)
    await alembic(postgres.settings_for(older), "upgrade", "head")
    assert await somebody.fetchval(CAN_BE_USED)
    await alembic(postgres.settings_for(older), "check")
