"""A transaction is kept whole or not at all, whatever ends it; and no connection comes back from one with something of it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import Integer, Text, bindparam, text
from sqlalchemy.exc import IntegrityError

from app.problems import DatabaseUnavailable
from app.store.connections import driver
from app.store.database import Database, Tx
from app.store.prepared import Prepared
from tests import postgres
from tests.attack.processes import until

ADD = text("INSERT INTO kept VALUES (:number)")
ADD_PREPARED = Prepared(text("INSERT INTO kept VALUES (:number)").bindparams(bindparam("number", type_=Integer)))
SLEEP = Prepared(text("SELECT pg_sleep(:seconds)::text AS slept").columns(slept=Text).bindparams(seconds=60))
MANY = 30
STEPS = 40
"""Turns of the loop that a transaction takes, and some."""


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


async def goes_on(database: Database, rows: asyncpg.Connection) -> None:
    """Nothing is left of what was before, and both connections are as good as new."""
    assert database.connections_in_use == 0
    assert await numbers(rows) == []
    async with database.begin() as one, database.begin() as other:
        await add(one, 1, prepared=True)
        await add(other, 2, prepared=True)
    assert await numbers(rows) == [1, 2]


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
    await goes_on(database, rows)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_whenever_somebody_is_cancelled_the_next_ones_writes_are_kept(
    rows: asyncpg.Connection, database_url: str, times: int
) -> None:
    """Also within BEGIN, which the server may have done already: the next one's write must not be within that transaction."""
    single = Database(postgres.settings_for(database_url, pool_size=1, pool_wait="PT1S"))

    async def begins() -> None:
        async with single.begin() as tx:
            await add(tx, -1, prepared=True)

    for number in range(4 * STEPS):
        task = asyncio.create_task(begins())
        for _ in range(number % STEPS):
            await asyncio.sleep(0)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([task])
        assert single.connections_in_use == 0
        async with single.read() as tx:
            await add(tx, number, prepared=True)
        await rows.execute("DELETE FROM kept WHERE number < 0")
    assert await numbers(rows) == [*range(4 * STEPS)]
    await single.close()


@pytest.mark.parametrize("way", ["begin", "read"])
@pytest.mark.parametrize("prepared", [True, False])
async def test_what_nobody_waits_for_any_more_the_server_ends(
    rows: asyncpg.Connection, database_url: str, way: str, prepared: bool
) -> None:
    """Or it would be done after all, by more backends than the pool is large."""
    single = Database(postgres.settings_for(database_url, pool_size=1, pool_wait="PT5S"))

    async def adds() -> None:
        async with getattr(single, way)() as tx:
            await add(tx, 1, prepared=prepared)

    locker = await postgres.connect(database_url)
    async with locker.transaction():
        await locker.execute("LOCK TABLE kept IN SHARE MODE")
        for _ in range(3):
            task = asyncio.create_task(adds())
            await until(lambda: rows.fetchval(postgres.WAITING), "it waits for the lock")
            task.cancel()
            await asyncio.wait([task])
            assert await rows.fetchval(postgres.WAITING) == 0
    await locker.close()
    assert await numbers(rows) == []
    await single.close()


@pytest.mark.parametrize("prepared", [True, False])
async def test_after_a_server_that_stood_still_the_next_ones_write_is_kept(
    rows: asyncpg.Connection, database_url: str, prepared: bool
) -> None:
    """Until the limit of a statement was over: what it then does with BEGIN is nobody's any more."""
    impatient = Database(postgres.settings_for(database_url, pool_size=1, statement_limit="PT1S"))

    async def begins() -> None:
        async with impatient.begin():
            pass

    async with impatient.read() as tx:
        pid = driver(tx).get_server_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(DatabaseUnavailable):
            await begins()
    finally:
        os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(0.1)
    async with impatient.read() as tx:
        await add(tx, 1, prepared=prepared)
    assert await numbers(rows) == [1]
    await impatient.close()


@pytest.mark.parametrize("prepared", [True, False])
async def test_whenever_a_connection_is_ended_the_database_is_gone_and_nothing_else_is_wrong(
    rows: asyncpg.Connection, database_url: str, prepared: bool
) -> None:
    """Asyncpg has a word for it that is no error of a database: "another operation is in progress"."""
    single = Database(postgres.settings_for(database_url, pool_size=1, pool_wait="PT1S"))
    gone = 0
    for number in range(4 * STEPS):
        async with single.read() as tx:
            pid = driver(tx).get_server_pid()
        ending = asyncio.create_task(rows.execute("SELECT pg_terminate_backend($1)", pid))
        for _ in range(number % STEPS):
            await asyncio.sleep(0)
        try:
            async with single.begin() as tx:
                await add(tx, number, prepared=prepared)
        except DatabaseUnavailable:
            gone += 1
        await ending
        assert single.connections_in_use == 0
    assert gone
    await single.close()


async def test_a_statement_that_was_prepared_before_its_table_changed_is_done_again(
    database: Database, rows: asyncpg.Connection
) -> None:
    """As while a migration runs beside the service."""
    every = Prepared(text("SELECT number FROM kept").columns(number=Integer))
    async with database.begin() as one, database.begin() as other:
        assert [await every.rows(tx, {}) for tx in (one, other)] == [[], []]
    await rows.execute("ALTER TABLE kept ALTER number TYPE bigint")
    await rows.execute("INSERT INTO kept VALUES (1)")
    for _ in range(3):
        assert [row.number for row in await database.run(lambda tx: every.rows(tx, {}))] == [1]


async def test_whoever_is_cancelled_twice_leaves_nothing_either(database: Database, rows: asyncpg.Connection) -> None:
    """The second time while its connection is being closed."""
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
    await goes_on(database, rows)


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


async def test_the_connection_that_was_used_last_is_used_next_unless_it_has_rested_for_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pid() -> int:
        async with database.read() as tx:
            return driver(tx).get_server_pid()

    async with database.read(), database.read() as last:
        used = driver(last).get_server_pid()
    pids = {await pid() for _ in range(5)}
    assert len(pids) == 1
    monkeypatch.setattr("app.store.pool._LONGEST_REST", 0.0)
    assert await pid() not in {used, *pids}
    assert database.connections_in_use == 0


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
