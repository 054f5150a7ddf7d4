"""A transaction is kept whole or not at all, whatever ends it; and no connection comes back from one with something of it."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import Integer, bindparam, text
from sqlalchemy.exc import IntegrityError

from app.problems import DatabaseUnavailable
from app.store.connections import driver
from app.store.database import Database, Tx
from app.store.prepared import Prepared
from tests import postgres

ADD = text("INSERT INTO kept VALUES (:number)")
ADD_PREPARED = Prepared(text("INSERT INTO kept VALUES (:number)").bindparams(bindparam("number", type_=Integer)))
SLEEP = Prepared(text("SELECT pg_sleep(:seconds)").bindparams(seconds=60))
MANY = 30


@pytest.fixture
async def rows(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await postgres.connect(database_url)
    await connection.execute("CREATE TABLE kept (number int PRIMARY KEY)")
    yield connection
    await connection.execute("DROP TABLE kept")
    await connection.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Of two connections, so that one that is not given back is missed."""
    made = Database(postgres.settings_for(database_url, pool_size=2, pool_wait="PT1S"))
    yield made
    await made.close()


async def numbers(rows: asyncpg.Connection) -> list[int]:
    return [row["number"] for row in await rows.fetch("SELECT number FROM kept ORDER BY number")]


async def add(tx: Tx, number: int, *, prepared: bool) -> None:
    if prepared:
        assert await ADD_PREPARED.count(tx, {"number": number}) == 1
    else:
        await tx.execute(ADD, {"number": number})


@pytest.mark.parametrize("prepared", [True, False])
async def test_what_is_done_in_both_ways_is_one_transaction(
    database: Database, rows: asyncpg.Connection, prepared: bool
) -> None:
    async with database.begin() as tx:
        await add(tx, 1, prepared=prepared)
        await add(tx, 2, prepared=not prepared)
        assert await numbers(rows) == []
    assert await numbers(rows) == [1, 2]


@pytest.mark.parametrize("prepared", [True, False])
async def test_what_raises_leaves_nothing_and_the_connection_goes_on(
    database: Database, rows: asyncpg.Connection, prepared: bool
) -> None:
    async def fails() -> None:
        async with database.begin() as tx:
            await add(tx, 1, prepared=prepared)
            raise ZeroDivisionError

    for _ in range(MANY):
        with pytest.raises(ZeroDivisionError):
            await fails()
    assert await numbers(rows) == []
    assert database.connections_in_use == 0
    async with database.read() as tx:
        await add(tx, 7, prepared=prepared)
    assert await numbers(rows) == [7], "each statement commits itself again"


@pytest.mark.parametrize(("prepared", "refusal"), [(True, asyncpg.UniqueViolationError), (False, IntegrityError)])
async def test_an_error_that_is_held_back_does_not_let_what_was_undone_pass_for_committed(
    database: Database, rows: asyncpg.Connection, prepared: bool, refusal: type[Exception]
) -> None:
    """PostgreSQL answers such a COMMIT by ROLLBACK, and calls that no error."""
    await rows.execute("INSERT INTO kept VALUES (1)")

    async def holds_back() -> None:
        async with database.begin() as tx:
            await add(tx, 2, prepared=prepared)
            with pytest.raises(refusal):
                await add(tx, 1, prepared=prepared)

    with pytest.raises(RuntimeError, match="COMMIT was answered by ROLLBACK"):
        await holds_back()
    assert await numbers(rows) == [1]
    assert database.connections_in_use == 0


async def test_whoever_is_cancelled_leaves_nothing_and_no_connection_in_use(
    database: Database, rows: asyncpg.Connection
) -> None:
    begun = asyncio.Event()

    async def never_ends() -> None:
        async with database.begin() as tx:
            await add(tx, 1, prepared=True)
            begun.set()
            await SLEEP.rows(tx, {})

    for _ in range(3):
        begun.clear()
        task = asyncio.create_task(never_ends())
        await begun.wait()
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert database.connections_in_use == 0
    assert await numbers(rows) == []
    async with database.begin() as one, database.begin() as other:
        await add(one, 1, prepared=True)
        await add(other, 2, prepared=True)
    assert await numbers(rows) == [1, 2]


async def test_whoever_is_cancelled_twice_leaves_nothing_either(database: Database, rows: asyncpg.Connection) -> None:
    """The second time while it is undone: the connection is closed instead."""
    begun = asyncio.Event()

    async def never_ends() -> None:
        async with database.begin() as tx:
            await add(tx, 1, prepared=True)
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(never_ends())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert database.connections_in_use == 0
    async with database.begin() as one, database.begin() as other:
        await add(one, 1, prepared=True)
        await add(other, 2, prepared=True)
    assert await numbers(rows) == [1, 2]


@pytest.mark.parametrize("prepared", [True, False])
async def test_a_connection_that_was_ended_is_a_database_that_is_gone_and_no_longer_than_that(
    database: Database, rows: asyncpg.Connection, prepared: bool
) -> None:
    async def loses_it() -> None:
        async with database.begin() as tx:
            await add(tx, 1, prepared=prepared)
            await rows.execute("SELECT pg_terminate_backend($1, 5000)", driver(tx).get_server_pid())
            await add(tx, 2, prepared=prepared)

    with pytest.raises(DatabaseUnavailable):
        await loses_it()
    assert database.connections_in_use == 0
    async with database.begin() as tx:
        await add(tx, 3, prepared=prepared)
    assert await numbers(rows) == [3]


async def test_connections_that_were_ended_while_they_waited_are_no_error_of_anybodys(
    database: Database, rows: asyncpg.Connection
) -> None:
    """As after a restart of the database: whoever comes next gets another one."""
    async with database.begin() as one, database.begin() as other:
        pids = [driver(tx).get_server_pid() for tx in (one, other)]
    for pid in pids:
        assert await rows.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    await asyncio.sleep(0.05)
    async with database.begin() as one, database.read() as other:
        await add(one, 1, prepared=True)
        await add(other, 2, prepared=False)
    assert await numbers(rows) == [1, 2]
    assert not database.failures


async def test_a_deadlock_of_prepared_statements_is_undone_and_done_again(
    database: Database, rows: asyncpg.Connection
) -> None:
    await rows.execute("INSERT INTO kept VALUES (1), (2)")
    lock = Prepared(text("SELECT FROM kept WHERE number = :one FOR UPDATE").bindparams(bindparam("one", type_=Integer)))
    both, begun = asyncio.Barrier(2), list[int]()

    async def crossing(tx: Tx, first: int, second: int) -> None:
        begun.append(first)
        await tx.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
        await lock.count(tx, {"one": first})
        if begun.count(first) == 1:
            await both.wait()
        await lock.count(tx, {"one": second})

    await asyncio.gather(database.run(lambda tx: crossing(tx, 1, 2)), database.run(lambda tx: crossing(tx, 2, 1)))
    assert len(begun) in {3, 4}
    assert database.connections_in_use == 0
