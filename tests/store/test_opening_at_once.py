"""A session that is opened by one statement, while the user is as they were read; what crosses it is never overlooked."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

from app.store import opening, users
from app.store.database import Database, Tx
from app.store.opening import Told
from tests.store.ada import ADA, AT, WEEK, Change, add, admit, disable, opening_of, state_of


@pytest.fixture
async def state(database: Database) -> str:
    """Of Ada, who was added."""
    await add(database)
    return await state_of(database)


async def open_at_once(database: Database, state: str, *, most: int = 9, at: datetime = AT) -> Told | None:
    session, on = opening_of(at)
    return await database.once(lambda tx: opening.admit_and_open(tx, session, state=state, most=most, idle=WEEK, on=on))


async def left(sweeper: asyncpg.Connection) -> tuple[int, int]:
    """Sessions that are open, and devices."""
    found = await sweeper.fetchrow(
        "SELECT (SELECT count(*) FROM sessions WHERE ended_at IS NULL), (SELECT count(*) FROM devices)"
    )
    assert found
    return found[0], found[1]


async def test_of_fifty_at_once_that_read_the_same_one_opens(
    database: Database, state: str, sweeper: asyncpg.Connection
) -> None:
    """The others find it held, or changed, and leave nothing behind."""
    opened = await asyncio.gather(*(open_at_once(database, state) for _ in range(50)))
    assert len([one for one in opened if one]) == 1
    assert await left(sweeper) == (1, 1)


async def rename(tx: Tx) -> None:
    await users.describe(tx, ADA, display_name="Ada")


async def remove(tx: Tx) -> None:
    assert await users.remove(tx, ADA)


CROSSED = pytest.mark.parametrize("change", [disable, rename, admit, remove])


@CROSSED
async def test_nothing_is_opened_after_any_change_of_the_user(
    database: Database, state: str, sweeper: asyncpg.Connection, change: Change
) -> None:
    await database.run(change)
    assert await open_at_once(database, state) is None
    assert await left(sweeper) == (0, 0)


@CROSSED
async def test_nothing_is_opened_beside_a_change_that_is_under_way(
    database: Database, state: str, sweeper: asyncpg.Connection, change: Change
) -> None:
    """Nor does it wait for that: it would still see what the change takes away."""
    async with database.begin() as tx:
        await change(tx)
        assert await open_at_once(database, state) is None
    assert await left(sweeper) == (0, 0)


async def test_nothing_is_opened_while_somebody_holds_the_user(
    database: Database, state: str, sweeper: asyncpg.Connection
) -> None:
    """As whoever ends sessions does, or forgets devices: the row stays as it was, but what belongs to it does not."""
    async with database.begin() as tx:
        assert await users.lock(tx, ADA)
        assert await open_at_once(database, state) is None
    async with database.begin() as tx:
        assert await users.hold(tx, ADA, credential_version=1)
        assert await open_at_once(database, state) is None
    assert await left(sweeper) == (0, 0)
    assert await state_of(database) == state
    assert await open_at_once(database, state)


@pytest.mark.usefixtures("state")
async def test_the_surplus_ends_the_oldest_first(database: Database, sweeper: asyncpg.Connection) -> None:
    for nth in range(4):
        told = await open_at_once(database, await state_of(database), most=2, at=AT + timedelta(minutes=nth))
        assert told is not None
        assert len(told.ended) == (nth > 1)
    assert await left(sweeper) == (2, 4)
