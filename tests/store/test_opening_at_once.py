"""A session that is opened by one statement, while the user is as they were read; what crosses it is never overlooked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.crypto.claims import PASSWORD_ONLY
from app.store import credentials, devices, opening, users
from app.store.database import Database, Tx
from app.store.devices import Device
from app.store.opening import Told
from app.store.sessions import Session

AT = datetime(2029, 1, 1, 12, tzinfo=UTC)
ADA, WEEK = UUID(int=7), timedelta(days=7)
SESSION = Session(
    id=ADA,
    user_id=ADA,
    credential_version=1,
    counter=0,
    key_id=b"k",
    device_id=None,
    network="203.0.113.9",
    agent="curl",
    amr=["pwd"],
    acr=PASSWORD_ONLY,
    auth_time=AT,
    rotated_at=AT,
    expires_at=AT + WEEK,
)


@pytest.fixture
async def state(database: Database) -> str:
    """Of Ada, who was added."""
    async with database.begin() as tx:
        assert await users.add(
            tx, ADA, email="ada@example.test", email_folded="ada@example.test", password_hash="$", locale="en", at=AT
        )
    return await state_of(database)


async def state_of(database: Database) -> str:
    async with database.read() as tx:
        return (await credentials.of_address(tx, "ada@example.test")).state


async def open_at_once(database: Database, state: str, *, most: int = 9, at: datetime = AT) -> Told | None:
    device = Device(uuid4(), ADA, 1, uuid4().bytes, b"k", "203.0.113.9", "curl", at, at, None)
    session = replace(SESSION, id=uuid4(), device_id=device.id, rotated_at=at, auth_time=at)
    on = devices.adding(device, most=9)
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


async def disable(tx: Tx) -> None:
    await users.disable(tx, ADA)


async def rename(tx: Tx) -> None:
    await users.describe(tx, ADA, display_name="Ada")


async def admit(tx: Tx) -> None:
    """As whoever opens another session in a transaction."""
    assert await users.admit(tx, ADA, credential_version=1, at=AT - WEEK)


async def remove(tx: Tx) -> None:
    assert await users.remove(tx, ADA)


CROSSED = pytest.mark.parametrize("change", [disable, rename, admit, remove])
Change = Callable[[Tx], Awaitable[None]]


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
