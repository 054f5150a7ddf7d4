"""A163: of two transactions that wait for each other one is undone, and done again: a few times, whole, and nothing else is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from app.problems import DatabaseUnavailable, NotFound
from app.store import limits
from app.store.database import Database, Tx
from app.store.limits import Bucket
from tests import postgres

ADD = text("UPDATE counted SET times = times + 1 WHERE name = :name")
SERIALIZABLE = text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
PRIME = 41
"""So many, and every stride through them is another order."""
TIMES = "SELECT name, times FROM counted"


@pytest.fixture
async def rows(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await postgres.connect(database_url)
    await connection.execute("CREATE TABLE counted (name text PRIMARY KEY, times int)")
    await connection.execute("INSERT INTO counted VALUES ('left', 0), ('right', 0)")
    yield connection
    await connection.execute("DROP TABLE counted")
    await connection.close()


async def counted(rows: asyncpg.Connection) -> dict[str, int]:
    return {row["name"]: row["times"] for row in await rows.fetch(TIMES)}


def crossing(first: str, second: str, both: asyncio.Barrier, begun: list[str]) -> Callable[[Tx], Awaitable[None]]:
    """Take one row; and the other one once somebody else has taken that. Once more, nobody is waited for."""

    async def work(tx: Tx) -> None:
        begun.append(first)
        await tx.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
        await tx.execute(ADD, {"name": first})
        if begun.count(first) == 1:
            await both.wait()
        await tx.execute(ADD, {"name": second})

    return work


async def test_a163_of_two_that_wait_for_each_other_both_are_done_and_done_once(
    database: Database, rows: asyncpg.Connection
) -> None:
    both, begun = asyncio.Barrier(2), list[str]()
    await asyncio.gather(
        database.run(crossing("left", "right", both, begun)), database.run(crossing("right", "left", both, begun))
    )
    assert await counted(rows) == {"left": 2, "right": 2}
    assert len(begun) in {3, 4}, "one of them was begun again; twice, where both met once more"


async def test_a163_what_cannot_be_put_in_an_order_is_done_again(database: Database, rows: asyncpg.Connection) -> None:
    """Where an operator's database is set to a stricter isolation than ours."""
    both, begun = asyncio.Barrier(2), list[int]()

    async def work(tx: Tx) -> int:
        begun.append(1)
        await tx.execute(SERIALIZABLE)
        times: int = (await tx.execute(text("SELECT sum(times) FROM counted"))).scalar_one()
        if len(begun) <= 2:
            await both.wait()
        await tx.execute(text("UPDATE counted SET times = :times WHERE name = 'left'"), {"times": times + 1})
        return times

    assert sorted(await asyncio.gather(database.run(work), database.run(work))) == [0, 1]
    assert await counted(rows) == {"left": 2, "right": 0}
    assert len(begun) == 3


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a163_it_is_tried_three_times_and_then_the_answer_is_503(
    database: Database, rows: asyncpg.Connection, state: str
) -> None:
    begun = []

    async def never(tx: Tx) -> None:
        begun.append(1)
        await tx.execute(ADD, {"name": "left"})
        await tx.execute(text(RAISE[state]))

    with pytest.raises(DatabaseUnavailable):
        await database.run(never)
    assert len(begun) == 3
    assert await counted(rows) == {"left": 0, "right": 0}


RAISE = {
    state: f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
    for state in ("40001", "40P01", "40003", "57014", "08006", "53300", "55P03")
}


@pytest.mark.parametrize("state", ["40003", "57014", "08006", "53300", "55P03"])
async def test_whatever_may_have_been_done_or_would_only_fail_again_is_not_tried_again(
    database: Database, rows: asyncpg.Connection, state: str
) -> None:
    """40003 is a commit whose outcome nobody knows."""
    begun = []

    async def work(tx: Tx) -> None:
        begun.append(1)
        await tx.execute(text(RAISE[state]))

    with pytest.raises(DatabaseUnavailable):
        await database.run(work)
    assert len(begun) == 1
    assert await counted(rows) == {"left": 0, "right": 0}


async def test_a_refusal_is_no_reason_to_try_again(database: Database, rows: asyncpg.Connection) -> None:
    begun = []

    async def refuse(tx: Tx) -> None:
        begun.append(1)
        await tx.execute(ADD, {"name": "left"})
        raise NotFound

    with pytest.raises(NotFound):
        await database.run(refuse)
    assert len(begun) == 1
    assert await counted(rows) == {"left": 0, "right": 0}


async def test_limits_that_are_asked_for_in_any_order_are_taken_in_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is undone and done again here: without one order some would wait in a circle."""
    monkeypatch.setattr("app.store.database._LOST", frozenset())
    at = datetime(2030, 1, 2, tzinfo=UTC)
    buckets = [Bucket(bytes([nth]) * 32, 10, timedelta(hours=1), volatile=nth % 2 == 0) for nth in range(PRIME)]

    async def one(seed: int) -> None:
        mine = [buckets[nth * (5 * seed + 1) % PRIME] for nth in range(PRIME)]
        for _ in range(20):
            await database.run(lambda tx: limits.count(tx, mine, at=at))

    await asyncio.gather(*(one(seed) for seed in range(8)))
