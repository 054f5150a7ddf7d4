"""A163: somebody else's transaction crosses a user's request so that PostgreSQL undoes the request's. Nobody notices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncpg
import httpx
import pytest

from tests import postgres
from tests.resets import NEW, forgot, reset
from tests.world import Person, World

Act = Callable[[Person], Coroutine[Any, Any, httpx.Response]]


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await postgres.connect(database_url)
    yield connection
    await connection.close()


async def change(ada: Person) -> httpx.Response:
    return await ada.call("PUT", "/me/password", {"current_password": ada.password, "new_password": NEW})


async def choose(ada: Person) -> httpx.Response:
    return await reset(ada, await forgot(ada))


async def confirm(ada: Person) -> httpx.Response:
    begun = await ada.begin_phone()
    return await ada.confirm(begun.json()["id"], ada.code("confirm"))


@pytest.mark.parametrize(("act", "status"), [(change, 204), (choose, 204), (confirm, 200)])
async def test_a163_a_request_that_is_undone_is_done_again_and_answered_once(
    world: World, other: asyncpg.Connection, sweeper: asyncpg.Connection, act: Act, status: int
) -> None:
    """It holds the user and waits for the session; we hold the session, then wait for the user: it finds that out first."""
    ada = await world.signed_up()
    await ada.sign_in()
    before = await _deadlocks(sweeper)
    async with other.transaction():
        await other.execute("SET LOCAL deadlock_timeout = '1h'")
        await other.execute("SELECT 1 FROM sessions FOR UPDATE")
        asked = asyncio.create_task(act(ada))
        await postgres.somebody_waits(sweeper)
        async with asyncio.timeout(10):
            await other.execute("SELECT 1 FROM users FOR UPDATE")
    answer = await asked
    assert answer.status_code == status, answer.text
    assert await _deadlocks(sweeper) > before
    assert (await ada.login()).status_code == (200 if act is not change else 401)
    if act is change:
        ada.password = NEW
        assert (await ada.login()).status_code == 200


async def _deadlocks(sweeper: asyncpg.Connection) -> int:
    """The statistics come a moment later."""
    await sweeper.execute("SELECT pg_stat_clear_snapshot()")
    await asyncio.sleep(1.2)
    count: int = await sweeper.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return count
