"""Wrong passwords in a row: a delay that grows, for an account from one network, and apart from it for a known device."""

from datetime import timedelta
from uuid import uuid4

import asyncpg

from app.store.database import Database
from tests.postgres import settings_for
from tests.standins.clock import ManualClock
from tests.watch.guesses import ADA, HOME, Guesses, at_once, remembered, throttle

ELSEWHERE = "198.51.100.7"
DELAYS = [timedelta(seconds=seconds) for seconds in (1, 5, 15, 60, 300, 900)]
MOMENT = timedelta(microseconds=1)


async def test_from_the_fifth_wrong_password_in_a_row_each_costs_a_longer_delay(guesses: Guesses) -> None:
    assert await guesses.wrongs(4) == 4
    for delay in [*DELAYS, DELAYS[-1], DELAYS[-1]]:
        assert await guesses.wrong() is None
        assert await guesses.wrong() == delay
        guesses.clock.forward(delay - MOMENT)
        assert await guesses.wrong() == MOMENT
        guesses.clock.forward(MOMENT)


async def test_what_is_refused_neither_counts_nor_makes_the_delay_longer(
    guesses: Guesses, sweeper: asyncpg.Connection
) -> None:
    await guesses.wrongs(5)
    before = await remembered(sweeper)
    assert await guesses.wrongs(50) == 0
    assert await remembered(sweeper) == before
    guesses.forward(1)
    assert await guesses.right() is None


async def test_in_a_delay_the_right_password_is_not_looked_at_either(guesses: Guesses) -> None:
    await guesses.wrongs(5)
    assert await guesses.right() == DELAYS[0]


async def test_a_right_password_ends_the_row(guesses: Guesses, sweeper: asyncpg.Connection) -> None:
    await guesses.wrongs(5)
    guesses.forward(1)
    await guesses.wrong()
    guesses.forward(5)
    assert await guesses.right() is None
    assert (await remembered(sweeper))["throttles"] == []
    assert await guesses.wrongs(5) == 5
    assert await guesses.wrong() == DELAYS[0]


async def test_right_passwords_may_follow_each_other_at_any_speed(guesses: Guesses) -> None:
    assert [await guesses.right() for _ in range(50)] == [None] * 50


async def test_the_delay_is_of_one_account_from_one_network(guesses: Guesses) -> None:
    assert await guesses.wrongs(6) == 5
    assert await guesses.wrong("bob@example.test", HOME) is None
    assert await guesses.wrong(ADA, ELSEWHERE) is None
    assert await guesses.wrong(ADA, HOME) == DELAYS[0]


async def test_a_row_is_forgotten_a_day_after_its_last_delay(guesses: Guesses, sweeper: asyncpg.Connection) -> None:
    for delay in [timedelta(0)] * 4 + DELAYS:
        assert await guesses.wrong() is None
        guesses.clock.forward(delay)
    guesses.clock.forward(timedelta(days=1))
    assert await guesses.wrong() is None
    assert await guesses.wrong() == DELAYS[-1]
    guesses.clock.forward(DELAYS[-1] + timedelta(days=1) + MOMENT)
    assert await guesses.wrongs(6) == 5
    assert [streak for _, streak, _ in (await remembered(sweeper))["throttles"]] == [5]


async def test_a_row_grows_no_longer_than_the_delays(guesses: Guesses, sweeper: asyncpg.Connection) -> None:
    for _ in range(30):
        assert await guesses.wrong() is None
        guesses.clock.forward(DELAYS[-1])
    assert [streak for _, streak, _ in (await remembered(sweeper))["throttles"]] == [10]


async def test_where_it_begins_and_how_it_grows_are_settings(database: Database) -> None:
    guesses = Guesses(
        throttle(database, login_delay_at=2, login_delays=(3, 7), login_delay_forgotten=10), ManualClock()
    )
    assert await guesses.wrongs(3) == 2
    for seconds in (3, 7, 7):
        assert await guesses.wrong() == timedelta(seconds=seconds)
        guesses.forward(seconds)
        assert await guesses.wrong() is None
    guesses.forward(17.1)
    assert await guesses.wrongs(3) == 2


async def test_a_known_device_is_not_kept_out_by_others_who_guess(guesses: Guesses) -> None:
    """From its own network, and with the account's and the network's limits used up."""
    phone = uuid4()
    for nth in range(100):
        assert await guesses.wrong(ADA, f"198.51.100.{nth}") is None
    await guesses.wrongs(5)
    for nth in range(40):
        await guesses.wrong(f"user.{nth}@example.test", HOME)
    assert await guesses.right() is not None
    assert await guesses.right(ADA, "192.0.2.1") is not None
    assert await guesses.right("eve@example.test", HOME) is not None
    assert [await guesses.right(device=phone) for _ in range(50)] == [None] * 50


async def test_a_known_device_has_a_delay_of_its_own(guesses: Guesses) -> None:
    phone, laptop = uuid4(), uuid4()
    assert await guesses.wrongs(6, device=phone) == 5
    guesses.forward(1)
    assert await guesses.wrong(device=phone) is None
    assert await guesses.wrong(ADA, ELSEWHERE, device=phone) == DELAYS[1]  # wherever it is taken
    assert await guesses.right(device=laptop) is None
    guesses.forward(5)
    assert await guesses.right(device=phone) is None
    assert await guesses.wrongs(6, device=phone) == 5


async def test_what_a_known_device_gets_wrong_keeps_nobody_else_out(
    guesses: Guesses, sweeper: asyncpg.Connection
) -> None:
    for nth in range(40):
        assert await guesses.wrong(f"user.{nth}@example.test", device=uuid4()) is None
    assert {table: len(rows) for table, rows in (await remembered(sweeper)).items()} == {
        "throttles": 40,
        "limits": 40,
        "network_limits": 1,  # how many fail everywhere
    }
    assert await guesses.wrongs(6) == 5


async def test_a_success_on_a_known_device_forgives_nobody_else(guesses: Guesses) -> None:
    await guesses.wrongs(5)
    await guesses.right(device=uuid4())
    assert await guesses.wrong() == DELAYS[0]


async def test_a083_of_two_hundred_guesses_at_once_at_two_workers_five_are_looked_at(database_url: str) -> None:
    workers = [Database(settings_for(database_url)) for _ in range(2)]
    clock = ManualClock()
    for expected in (5, 1, 1):
        assert await at_once([throttle(worker) for worker in workers], [(ADA, HOME)] * 200, clock) == expected
        clock.forward(timedelta(seconds=5))
    for worker in workers:
        await worker.close()
