"""Credential stuffing is told of: many accounts that fail from one network, and far more failures than usual everywhere."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.store.database import Database
from app.watch.stuffing import Surge
from tests.standins.clock import ManualClock
from tests.watch.conftest import Lines
from tests.watch.guesses import ADA, EVERYBODY, EVERYWHERE, HOME, Guesses, throttle

BEGUN = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def suspected(lines: Lines, scope: str) -> list[dict[str, str]]:
    return [line for line in lines() if (line["event"], line.get("scope")) == ("login.stuffing_suspected", scope)]


@pytest.fixture
def lenient(database: Database) -> Guesses:
    """Nobody is refused, so that what is told is not what was refused."""
    return Guesses(throttle(database, network="record_only", login="record_only"), ManualClock())


async def test_a080_many_accounts_that_fail_from_one_network_are_told_of(lenient: Guesses, lines: Lines) -> None:
    await lenient.each(EVERYBODY[:50])
    assert not suspected(lines, "network")
    await lenient.each(EVERYBODY[50:60])
    (told,) = suspected(lines, "network")
    assert told["beyond"] == "50/hour"
    assert len(told["network"]) == 16
    assert HOME not in str(lines())
    assert "user." not in str(lines())


async def test_it_is_told_once_a_minute_and_network(lenient: Guesses, lines: Lines) -> None:
    await lenient.each(EVERYBODY[:60])
    await lenient.each([(account, "198.51.100.7") for account, _ in EVERYBODY[:60]])
    assert len({told["network"] for told in suspected(lines, "network")}) == 2
    lenient.forward(60)
    await lenient.each(EVERYBODY[100:110])
    names = [told["network"] for told in suspected(lines, "network")]
    assert (len(names), len(set(names))) == (3, 2)


async def test_it_is_told_with_limits_that_are_enforced_too(guesses: Guesses, lines: Lines) -> None:
    for minute in range(3):
        await guesses.each(EVERYBODY[30 * minute : 30 * minute + 30])
        guesses.forward(60)
    assert len(suspected(lines, "network")) == 2


async def test_one_account_is_one_however_often_it_fails(lenient: Guesses, lines: Lines) -> None:
    """Somebody who forgot which password it was, and an office where many did."""
    await lenient.wrongs(200)
    await lenient.each(EVERYBODY[:40])
    assert not suspected(lines, "network")


async def test_who_signs_in_did_not_fail(lenient: Guesses, lines: Lines) -> None:
    for account, network in EVERYBODY[:80]:
        await lenient.right(account, network)
    assert not suspected(lines, "network")


async def test_a_known_device_is_nobodys_script(lenient: Guesses, lines: Lines) -> None:
    for account, _ in EVERYBODY[:80]:
        await lenient.wrong(account, device=uuid4())
    assert not suspected(lines, "network")


async def test_it_refuses_nobody(lenient: Guesses) -> None:
    assert await lenient.each(EVERYBODY[:120]) == 120


async def test_a080_far_more_failures_than_usual_are_told_of_wherever_they_come_from(
    guesses: Guesses, lines: Lines
) -> None:
    """Of one account and three hundred networks: those that were refused count as well."""
    await guesses.each(EVERYWHERE[:66])
    assert not suspected(lines, "everywhere")
    await guesses.each(EVERYWHERE[66:300])
    (told,) = suspected(lines, "everywhere")
    assert (told["failures"], told["usual"]) == ("67", "0.0")
    assert ADA not in str(lines())
    guesses.forward(60)
    await guesses.each(EVERYBODY[:30])
    await guesses.each([(account, f"192.0.2.{nth}") for nth, (account, _) in enumerate(EVERYBODY[30:70])])
    assert len(suspected(lines, "everywhere")) == 2


def fails(surge: Surge, at: datetime, times: int) -> int:
    """How often it is told, of so many failures within a minute: it is told as soon as it shows."""
    told = 0
    for nth in range(times):
        if surge.failed(at + nth * MINUTE / (2 * times)):
            surge.told, told = True, told + 1
    return told


def test_what_is_usual_is_learnt_and_five_times_as_much_is_told() -> None:
    surge = Surge(floor=10, times=5)
    told = [fails(surge, BEGUN + nth * MINUTE, 8) for nth in range(300)]
    assert sum(told[30:]) == 0
    assert 7 < surge.usual < 8
    assert fails(surge, BEGUN + 300 * MINUTE, 35) == 0
    assert fails(surge, BEGUN + 301 * MINUTE, 100) == 1


def test_a_surge_does_not_soon_become_what_is_usual() -> None:
    surge = Surge(floor=10, times=5)
    told = [fails(surge, BEGUN + nth * MINUTE, 1000) for nth in range(60)]
    assert told == [1] * 60


def test_what_was_usual_is_forgotten_in_silence() -> None:
    surge = Surge(floor=1, times=5)
    for nth in range(300):
        fails(surge, BEGUN + nth * MINUTE, 1)
    usual = surge.usual
    fails(surge, BEGUN + 335 * MINUTE, 1)
    assert usual / 2.2 < surge.usual < usual / 1.8
    fails(surge, BEGUN + timedelta(days=400), 1)
    assert surge.usual < 0.001


def test_a_clock_that_is_set_back_tells_nothing_twice() -> None:
    surge = Surge(floor=10, times=5)
    assert fails(surge, BEGUN, 100) == 1
    assert fails(surge, BEGUN - timedelta(hours=1), 100) == 0


def test_what_was_no_failure_is_taken_back() -> None:
    surge = Surge(floor=100, times=5)
    for _ in range(100):
        assert not surge.failed(BEGUN)
        surge.undo()
    surge.undo()
    assert surge.failures == 0
