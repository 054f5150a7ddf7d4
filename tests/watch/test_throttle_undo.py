"""A password that was not looked at after all: what was counted in advance is taken back, and nothing else."""

from datetime import timedelta

import asyncpg

from app.store.database import Database
from tests.standins.clock import ManualClock
from tests.watch.guesses import EVERYBODY, HOME, Guesses, remembered, throttle


async def undone(guesses: Guesses, account: str, times: int = 1) -> None:
    for _ in range(times):
        spent = await guesses.begin(account)
        await guesses.throttle.undo(spent, at=guesses.clock.now())


async def test_it_is_given_back_to_the_account_and_to_the_network(guesses: Guesses) -> None:
    """Limits of networks are enforced here: what is not given back would close it."""
    await guesses.each(EVERYBODY[:29])
    await undone(guesses, "eve@example.test", 40)
    assert await guesses.wrong(*EVERYBODY[30]) is None
    assert await guesses.wrong(*EVERYBODY[31]) == timedelta(seconds=2)


async def test_the_delay_that_it_began_ends(guesses: Guesses) -> None:
    account = EVERYBODY[0][0]
    await guesses.wrongs(5, account)
    guesses.forward(1)
    await undone(guesses, account, 3)
    assert await guesses.wrong(account) is None
    assert await guesses.wrong(account) == timedelta(seconds=5)


async def test_a_delay_that_another_failure_began_stays(guesses: Guesses, sweeper: asyncpg.Connection) -> None:
    account = EVERYBODY[0][0]
    await guesses.wrongs(3, account)
    under_way = await guesses.begin(account)
    assert await guesses.wrong(account) is None
    await guesses.throttle.undo(under_way, at=guesses.clock.now())
    ((_, streak, free_at),) = (await remembered(sweeper))["throttles"]
    assert (streak, free_at) == (4, guesses.clock.now() + timedelta(seconds=1))


async def test_what_was_only_noted_was_not_counted_and_is_not_taken_back(
    database: Database, sweeper: asyncpg.Connection
) -> None:
    guesses = Guesses(throttle(database, login="record_only", network="record_only"), ManualClock())
    account = EVERYBODY[0][0]
    assert await guesses.wrongs(5, account, HOME) == 5
    before = (await remembered(sweeper))["throttles"]
    await undone(guesses, account, 3)
    assert (await remembered(sweeper))["throttles"] == before
