"""Wrong passwords for an account, and from a network: so many in a while, whoever tries them and however they are spread."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.addresses import read_address
from app.store.database import Database
from tests.postgres import settings_for
from tests.standins.clock import ManualClock
from tests.watch.guesses import ADA, EVERYBODY, EVERYWHERE, HOME, Guesses, at_once, remembered, throttle

Lines = Callable[[], list[dict[str, Any]]]


async def test_a080_after_a_hundred_failures_an_hour_an_account_is_closed_to_unknown_devices_only(
    guesses: Guesses,
) -> None:
    assert await guesses.each(EVERYWHERE[:150]) == 100
    assert await guesses.right(*EVERYWHERE[300]) == timedelta(seconds=36)
    assert await guesses.right("bob@example.test", EVERYWHERE[0][1]) is None
    assert await guesses.right(device=uuid4()) is None
    guesses.forward(36)
    assert await guesses.each(EVERYWHERE[150:160]) == 1
    guesses.forward(3600)
    assert await guesses.each(EVERYWHERE[160:400]) == 100


async def test_a080_after_thirty_failures_a_minute_a_network_is_closed_for_every_account(guesses: Guesses) -> None:
    assert await guesses.each(EVERYBODY[:50]) == 30
    assert await guesses.right(*EVERYBODY[60]) == timedelta(seconds=2)
    assert await guesses.right(EVERYBODY[60][0], "198.51.100.7") is None
    guesses.forward(2)
    assert await guesses.each(EVERYBODY[50:60]) == 1
    guesses.forward(60)
    assert await guesses.each(EVERYBODY[60:120]) == 30


async def test_an_office_signs_in_at_nine_from_one_address(guesses: Guesses) -> None:
    assert [await guesses.right(*person) for person in EVERYBODY] == [None] * 400


async def test_a_right_password_gives_back_its_own_failure_and_nobody_elses(guesses: Guesses) -> None:
    """So whoever has an account cannot use it to go on guessing others'."""
    assert await guesses.each(EVERYBODY[:29]) == 29
    assert [await guesses.right("eve@example.test") for _ in range(20)] == [None] * 20
    assert await guesses.each(EVERYBODY[29:40]) == 1
    assert await guesses.right("eve@example.test") == timedelta(seconds=2)


async def test_what_has_run_off_is_not_given_back(guesses: Guesses) -> None:
    slow = await guesses.begin("eve@example.test")
    guesses.forward(1)
    slower = await guesses.begin("eve@example.test")
    guesses.forward(9)
    assert await guesses.each(EVERYBODY[:40]) == 30
    for spent in (slow, slower):
        await guesses.throttle.refund(spent, at=guesses.clock.now())
    assert await guesses.wrong(*EVERYBODY[40]) == timedelta(seconds=2)


async def test_what_has_run_off_in_part_is_given_back_in_part(guesses: Guesses) -> None:
    right = await guesses.begin("eve@example.test")
    assert await guesses.each(EVERYBODY[:40]) == 29
    guesses.forward(0.5)
    await guesses.throttle.refund(right, at=guesses.clock.now())
    assert await guesses.wrong(*EVERYBODY[40]) is None
    assert await guesses.wrong(*EVERYBODY[41]) == timedelta(seconds=2)
    guesses.forward(1.5)
    assert await guesses.wrong(*EVERYBODY[41]) == timedelta(seconds=0.5)


async def test_a_refund_after_a_crash_emptied_the_windows_leaves_an_empty_one(
    guesses: Guesses, sweeper: asyncpg.Connection
) -> None:
    spent = await guesses.begin()
    await sweeper.execute("DELETE FROM network_limits")
    await guesses.throttle.refund(spent, at=guesses.clock.now())
    assert await guesses.each(EVERYBODY[:40]) == 30


async def test_a082_the_addresses_of_a_subscriber_are_one_network(guesses: Guesses) -> None:
    spread = [(f"user.{nth}@example.test", f"2001:db8:1:2:{nth:x}::1") for nth in range(50)]
    assert await guesses.each(spread) == 30
    assert await guesses.wrong("bob@example.test", "2001:db8:1:3::1") is None


async def test_a082_the_networks_of_a_provider_s_customer_have_eight_times_as_much_together(guesses: Guesses) -> None:
    spread = [(f"user.{nth}@example.test", f"2001:db8:1:{nth:x}::1") for nth in range(300)]
    assert await guesses.each(spread) == 240
    assert await guesses.wrong("bob@example.test", "2001:db8:1:ffff::1") == timedelta(seconds=0.25)
    assert await guesses.wrong("bob@example.test", "2001:db8:2:ffff::1") is None


async def test_a082_every_spelling_of_an_address_is_one_account(guesses: Guesses) -> None:
    spelt = ("ada@example.test", "Ada@Example.TEST", "ADA@EXAMPLE.TEST")
    tried = [(read_address(spelt[nth % 3]).folded, network) for nth, (_, network) in enumerate(EVERYWHERE[:150])]
    assert await guesses.each(tried) == 100


async def test_visitors_of_whom_nothing_is_told_share_one_network(guesses: Guesses) -> None:
    assert await guesses.each([(account, "") for account, _ in EVERYBODY[:50]]) == 30


@pytest.mark.parametrize(
    ("used_up", "refused"),
    [([(ADA, HOME)] * 5, (ADA, HOME)), (EVERYWHERE[:100], (ADA, "192.0.2.1")), (EVERYBODY[:30], ("bob", HOME))],
    ids=["delay", "account", "network"],
)
async def test_nothing_is_spent_by_what_is_refused(
    guesses: Guesses, sweeper: asyncpg.Connection, used_up: list[tuple[str, str]], refused: tuple[str, str]
) -> None:
    assert await guesses.each(used_up) == len(used_up)
    before = await remembered(sweeper)
    assert await guesses.wrong(*refused) is not None
    assert await remembered(sweeper) == before


@pytest.mark.parametrize(("tried", "looked_at"), [(EVERYWHERE[:200], 100), (EVERYBODY[:200], 30)])
async def test_a083_of_two_hundred_at_once_at_two_workers_exactly_as_many_are_looked_at(
    database_url: str, tried: list[tuple[str, str]], looked_at: int
) -> None:
    workers = [Database(settings_for(database_url)) for _ in range(2)]
    assert await at_once([throttle(worker) for worker in workers], tried, ManualClock()) == looked_at
    for worker in workers:
        await worker.close()


async def test_a083_right_and_wrong_ones_at_once_wait_for_nobody_in_a_circle(database: Database) -> None:
    """Rows of four sorts are taken and given back, in every mixture of accounts and networks."""
    guesses = Guesses(throttle(database, network="record_only", login="record_only"), ManualClock())
    await at_once([guesses.throttle], [(f"{nth % 3}", f"2001:db8:1:{nth % 5}::1") for nth in range(200)], guesses.clock)
    spent = [await guesses.begin(f"{nth % 3}", f"2001:db8:1:{nth % 5}::1") for nth in range(30)]
    async with asyncio.TaskGroup() as group:
        for nth, one in enumerate(spent):
            group.create_task(guesses.throttle.refund(one, at=guesses.clock.now()))
            group.create_task(guesses.wrong(f"{nth % 3}", f"2001:db8:1:{nth % 5}::1"))


async def test_a074_an_account_that_nobody_has_is_throttled_as_any(
    guesses: Guesses, sweeper: asyncpg.Connection
) -> None:
    await sweeper.execute(
        "INSERT INTO users (id, email, email_folded, password_hash, locale, created_at) VALUES ($1, $2, $2, '', 'en', now())",
        uuid4(),
        ADA,
    )
    told = []
    for account in (ADA, "nobody@example.test"):
        tried = [(account, HOME)] * 10 + [(account, network) for _, network in EVERYWHERE[:150]]
        told.append([await guesses.wrong(*guess) for guess in tried])
    assert told[0] == told[1]


async def test_a_limit_may_have_several_windows(database: Database) -> None:
    guesses = Guesses(throttle(database, network_failures="3/second;5/minute"), ManualClock())
    assert await guesses.each(EVERYBODY[:10]) == 3
    guesses.forward(1)
    assert await guesses.each(EVERYBODY[:10]) == 2
    assert await guesses.wrong(*EVERYBODY[20]) == timedelta(seconds=11)


async def test_whoever_waits_as_long_as_they_were_told_waits_once(database: Database) -> None:
    """The longest wait is told, of the windows of a limit and of the limits."""
    guesses = Guesses(throttle(database, network_failures="2/second;3/minute"), ManualClock())
    assert await guesses.each(EVERYBODY[:5]) == 2
    guesses.forward(0.5)
    assert await guesses.each(EVERYBODY[:1]) == 1
    assert await guesses.wrong(*EVERYBODY[6]) == timedelta(seconds=19.5)
    assert await guesses.each(EVERYWHERE) == 100
    assert await guesses.wrong() == timedelta(seconds=36)
