"""What the SMS firewall lets through: as many as its limits say, exactly, and what it refuses takes nothing from anybody."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.messages import Delivery
from app.store.database import Database
from app.watch.sms_rules import end_of, read_budget
from tests.postgres import settings_for
from tests.standins.clock import ManualClock
from tests.watch.texting import Texting, firewall

ADA = "+12025550123"
Make = Callable[..., Texting]
Lines = Callable[[], list[dict[str, Any]]]
WIDE = {"prefix": "1000/hour", "conversion": "0/900"}
"""So wide that other limits are met first."""


@pytest.fixture
def make(database: Database) -> Make:
    return lambda **settings: Texting(firewall(**settings)[0], database)


async def test_a061_a_number_gets_three_in_ten_minutes_five_an_hour_and_ten_a_day(make: Make) -> None:
    texting = make()
    assert await texting.asks(5, ADA, confirmed=True) == [None] * 3 + ["number"] * 2
    told = []
    for _ in range(24 * 60):
        texting.forward(minutes=1)
        told.append(await texting.sent(1, ADA, confirmed=True))
    assert [sum(told[:10]), sum(told[:60]), sum(told)] == [2, 7, 17]


async def test_a061_the_owners_known_devices_do_not_pay_for_who_has_only_the_password(make: Make) -> None:
    texting = make()
    assert await texting.sent(20, ADA, confirmed=True, lane="sms") == 3
    assert await texting.sent(20, ADA, confirmed=False, lane="known sms") == 3
    assert await texting.sent(20, ADA, confirmed=True, lane="known sms") == 3


async def test_a_code_that_was_answered_right_no_longer_counts(make: Make) -> None:
    texting = make()
    for _ in range(15):
        await texting.answer(await texting.ask(ADA, confirmed=True))
    assert await texting.sent(5, ADA, confirmed=True) == 3


async def test_an_answer_gives_back_its_own_codes_only(make: Make) -> None:
    texting = make()
    first = await texting.ask(ADA, confirmed=True)
    assert await texting.sent(2, ADA, confirmed=True) == 2
    await texting.answer(first)
    await texting.answer(first)
    assert await texting.sent(5, ADA, confirmed=True) == 1


async def test_what_the_provider_turned_away_is_given_back(make: Make, sweeper: asyncpg.Connection) -> None:
    texting = make(sms={"prices": {"*": 0.25}, "budget": "1/hour"})
    for _ in range(40):
        await texting.end(await texting.ask(ADA, network="192.0.2.1"), Delivery.FAILED, turned_away=True)
    assert await sweeper.fetchval("SELECT sum(price) FROM sends") == 0
    verdict = await texting.ask(ADA, network="192.0.2.1")
    await texting.end(verdict, Delivery.ACCEPTED)
    await texting.end(verdict, Delivery.FAILED, turned_away=True)
    assert await texting.asks(2) == [None, "budget"]


async def test_only_what_has_not_run_off_is_given_back(make: Make) -> None:
    texting = make(overall="10/10second", **WIDE)
    first = await texting.ask()
    texting.forward(seconds=8)
    assert await texting.sent(20) == 10
    await texting.end(first, Delivery.FAILED)
    assert await texting.sent(1) == 0


async def test_a_late_failure_never_takes_a_receipt_back(make: Make, sweeper: asyncpg.Connection) -> None:
    texting = make()
    verdict = await texting.ask(ADA)
    await texting.end(verdict, Delivery.ACCEPTED)
    await texting.end(verdict, Delivery.FAILED)
    (row,) = await sweeper.fetch("SELECT delivery, sender, provider_id FROM sends")
    assert tuple(row) == ("accepted", "plivo", "an id")


@pytest.mark.parametrize(
    ("limit", "asked", "settings", "allowed"),
    [
        ("prefix", {}, {}, 10),
        (
            "network",
            {"number": ADA, "network": "192.0.2.1"},
            {"number": "1000/hour", "repeat": "1000/hour", **WIDE},
            10,
        ),
        ("numbers", {"network": "192.0.2.1"}, WIDE, 3),
        ("country", {}, {"country": "20/hour", **WIDE}, 20),
        ("overall", {}, {"overall": "20/hour;30/day", **WIDE}, 20),
        ("repeat", {"number": ADA, "network": "192.0.2.1"}, {"repeat": "2/day"}, 2),
    ],
)
async def test_a062_each_limit_of_unconfirmed_numbers_holds(
    make: Make, limit: str, asked: dict[str, Any], settings: dict[str, Any], allowed: int
) -> None:
    texting = make(**settings)
    assert Counter(await texting.asks(allowed + 5, **asked)) == {None: allowed, limit: 5}
    assert await texting.sent(3, "+12025559999", confirmed=True, network="192.0.2.1") == 3


async def test_a_refused_one_takes_nothing_from_the_limits_that_had_room(make: Make) -> None:
    texting = make(prefix="2/hour", country="5/hour", conversion="0/900")
    assert await texting.sent(50) == 2
    assert await texting.asks(5, "+18765551234") == ["prefix"] * 5
    assert sum([await texting.sent(1, f"+187{nth}5550000") for nth in range(2, 9)]) == 3


async def test_other_numbers_of_a_network_have_room_once_the_hour_is_over(make: Make) -> None:
    texting = make(**WIDE)
    assert await texting.sent(3, network="192.0.2.1") == 3
    assert await texting.asks(1, network="192.0.2.1") == ["numbers"]
    texting.forward(minutes=60)
    assert await texting.sent(4, network="192.0.2.1") == 3


async def test_a_number_of_before_is_no_further_one(make: Make) -> None:
    texting = make(**WIDE)
    assert await texting.sent(1, ADA, network="192.0.2.1") == 1
    assert await texting.sent(2, network="192.0.2.1") == 2
    assert await texting.asks(2, ADA, network="192.0.2.1") == [None, None]


async def test_a062_the_budget_is_a_hard_stop_and_half_of_it_is_for_known_numbers(make: Make) -> None:
    texting = make(sms={"prices": {"JM": 0.1, "*": 0}, "budget": "2/hour;3/day"}, **WIDE)
    assert Counter(await texting.asks(20)) == {None: 10, "budget": 10}
    others = [f"+1202555{nth:04}" for nth in range(20)]
    told = [(await texting.ask(number, confirmed=True)).refused_by for number in others]
    assert Counter(told) == {None: 10, "budget": 10}
    assert await texting.sent(2, "+12025559999", region="US", confirmed=True) == 2
    texting.forward(hours=1)
    assert Counter(await texting.asks(20)) == {None: 5, "budget": 15}
    texting.forward(days=1)
    assert await texting.sent(12) == 10


async def at_once(texting: Texting, database_url: str, asks: Sequence[dict[str, Any]]) -> Counter[str | None]:
    """Ask for them all by two workers, ten at a time each; by which limit so many were refused."""
    workers, left = [Database(settings_for(database_url)) for _ in range(2)], iter(asks)

    async def run(worker: Database) -> list[str | None]:
        mine = replace(texting, database=worker)
        return [(await mine.ask(**more)).refused_by for more in left]

    told = await asyncio.gather(*(run(workers[nth % 2]) for nth in range(20)))
    for worker in workers:
        await worker.close()
    return Counter(limit for some in told for limit in some)


async def test_a_budget_is_spent_to_the_last_millionth_under_parallel_sends(make: Make, database_url: str) -> None:
    texting = make(sms={"prices": {"*": 0.01}, "budget": "1/day"}, **WIDE)
    asks = [{"number": f"+1202556{nth:04}", "confirmed": True} for nth in range(140)]
    assert await at_once(texting, database_url, asks) == {None: 100, "budget": 40}


@pytest.mark.parametrize(("price", "budget"), [(0.000001, "9000/hour"), (100, "999999999/9999day")])
async def test_money_is_counted_whole(make: Make, sweeper: asyncpg.Connection, price: float, budget: str) -> None:
    """However little one costs of however much."""
    texting = make(sms={"prices": {"*": price}, "budget": budget})
    await texting.ask(ADA, confirmed=True)
    ((_, window),) = read_budget(budget)
    full_at = end_of(window, texting.clock.now()) + timedelta(microseconds=round(price * 1_000_000))
    assert await sweeper.fetchval("SELECT count(*) FROM limits WHERE full_at = $1", full_at) == 2


async def test_purses_of_the_hour_and_the_day_are_never_waited_for_in_a_circle(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the last hour of a day both end together. Nothing is done again here, so a circle is an error."""
    monkeypatch.setattr("app.store.database._LOST", frozenset())
    texting = make(sms={"prices": {"*": 0.01}, "budget": "9000/hour;9000/day"}, **WIDE)
    texting.clock.forward(end_of(timedelta(days=1), texting.clock.now()) - texting.clock.now() - timedelta(minutes=30))

    async def turned_away() -> None:
        for _ in range(10):
            await texting.end(await texting.ask(confirmed=True), Delivery.FAILED, turned_away=True)

    for _ in range(4):
        await asyncio.gather(*(turned_away() for _ in range(6)))
        texting.forward(days=1)


async def test_a062_two_hundred_at_once_on_two_workers_are_counted_exactly(make: Make, database_url: str) -> None:
    told = await at_once(make(network="record_only"), database_url, [{} for _ in range(200)])
    assert told == {None: 10, "prefix": 190}
    asks = [{"number": f"+4477009{nth:05}", "network": "192.0.2.9"} for nth in range(50)]
    told = await at_once(make(**WIDE), database_url, asks)
    assert told[None] == 3


async def test_record_only_lets_pass_what_it_notes(make: Make, lines: Lines) -> None:
    texting = make(mode="record_only", prefix="2/hour", conversion="0/1", sms={"prices": {"*": 1}, "budget": "1/hour"})
    for number, network in ((ADA, "192.0.2.1"), ("", "192.0.2.1")):
        for _ in range(12):
            verdict = await texting.ask(number, network=network)
            assert verdict.refused_by is None
            texting.firewall.tell(verdict)
    texting.forward(minutes=6)
    texting.firewall.tell(await texting.ask())
    noted = {(line["limit"], line["mode"]) for line in lines() if line["event"] == "limit.exceeded"}
    names = {"number", "repeat", "prefix", "network", "numbers", "conversion", "budget"}
    assert noted == {(f"sms {name}", "record_only") for name in names}
    assert not [line for line in lines() if ADA in str(line) or "192.0.2.1" in str(line)]


async def test_single_limits_may_be_recorded_only(make: Make) -> None:
    texting = make(record_only="prefix,number", country="20/hour", conversion="0/900")
    assert Counter(await texting.asks(30)) == {None: 20, "country": 10}
    assert await texting.sent(10, ADA, confirmed=True) == 10


async def test_in_development_a_network_is_only_recorded(make: Make) -> None:
    texting = make(network="record_only", **WIDE)
    assert await texting.sent(30, network="192.0.2.1") == 30


async def test_every_send_is_recorded_by_blind_indexes(make: Make, sweeper: asyncpg.Connection) -> None:
    texting = make(number="1/hour", sms={"prices": {"JM": 0.25}})
    await texting.asks(2, ADA)
    rows = await sweeper.fetch("SELECT * FROM sends ORDER BY id")
    assert {(row["delivery"], row["price"]) for row in rows} == {("unknown", 250_000), ("none", 0)}
    assert [row["challenge_id"] is None for row in sorted(rows, key=lambda row: row["delivery"])] == [True, False]
    assert len({row["number_index"] for row in rows}) == 1
    assert not [row for row in rows if ADA.encode() in b"".join(v for v in row.values() if isinstance(v, bytes))]
    assert texting.clock.now() - rows[0]["created_at"] == timedelta(0)


def test_rules_that_cannot_be_meant_are_refused_with_an_example() -> None:
    for wrong in ("", "10", "3/2", "2/2", "a/b", "0/10,2/20"):
        with pytest.raises(ValueError, match="0/10;2/20"):
            firewall(conversion=wrong)
    with pytest.raises(ValueError, match="5/minute;20/hour"):
        firewall(sms={"prices": {"*": 1}, "budget": "5 a day"})
    with pytest.raises(ValueError, match="5/minute;20/hour"):
        firewall(number="3/0minute")
    with pytest.raises(ValueError, match="US, GB or DE"):
        firewall(sms={"prices": {"UK": 1}})
    assert firewall(number="3/10minute")[1].counted["number"] == [(3, timedelta(minutes=10))]
    assert ManualClock().now().tzinfo


async def test_what_has_run_off_of_an_answered_code_is_not_given_back_again(make: Make) -> None:
    """A right answer after 199 s of 200 forgave what another code had taken."""
    texting = make(number="3/10minute")
    first = await texting.ask(ADA, confirmed=True)
    assert await texting.sent(1, ADA, confirmed=True) == 1
    texting.forward(seconds=199)
    await texting.answer(first)
    texting.forward(seconds=1)
    assert await texting.sent(4, ADA, confirmed=True) == 2
