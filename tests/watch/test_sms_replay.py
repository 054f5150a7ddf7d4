"""Recorded SMS against other rules: a replay decides as the firewall does, and shows whom a rule would have hit."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from itertools import product
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.crypto.chance import new_id
from app.messages import Delivery, Purpose
from app.store import send_reports
from app.store.database import Database
from app.store.sends import Send
from app.watch.sms_counts import networks, number_in_lane
from app.watch.sms_replay import Outcome, Replay
from app.watch.sms_rules import SmsRules
from tests.standins.clock import ManualClock
from tests.watch.texting import JAMAICA, Texting, firewall

ADA = "+12025550123"
Make = Callable[..., Texting]


@pytest.fixture
def make(database: Database) -> Make:
    return lambda **settings: Texting(firewall(**settings)[0], database)


async def recorded(texting: Texting) -> list[Send]:
    since = texting.clock.now() - timedelta(days=30)
    async with texting.database.read() as tx:
        return [send async for send in send_reports.replay(tx, since=since)]


def replayed(asked: Sequence[Send], *, regions: Sequence[str] | None = None, **settings: Any) -> Outcome:
    replay = Replay(firewall(**settings)[1], regions=regions)
    for send in asked:
        replay.play(send)
    return replay.outcome


async def ask(texting: Texting, number: str = "", *, answered: bool = False, **more: Any) -> None:
    """A second apart, as their order is told by their times."""
    verdict = await texting.ask(number, **more)
    texting.forward(seconds=1)
    if answered and verdict.refused_by is None:
        await texting.answer(verdict)


async def a_mixed_day(texting: Texting) -> None:
    """An owner who signs in, a thief of a password, honest newcomers, and a pump."""
    thief = new_id(texting.clock.now())
    for hour in range(12):
        await ask(texting, ADA, confirmed=True, answered=True)
        for _ in range(2):
            await ask(texting, "+12025550777", confirmed=True, user_id=thief)
        for nth in range(3):
            await ask(texting, f"+44770{hour:02}{nth:05}", region="GB", network=f"203.0.113.{nth}", answered=True)
        for nth in range(10):
            network = "192.0.2.1" if nth < 6 else f"2001:db8:1:{nth}{hour:02}::/64"
            wider = network if nth < 6 else "2001:db8:1::/48"
            await ask(texting, network=network, wider_network=wider)
        await ask(texting, f"{JAMAICA}0001", network=f"203.0.113.{hour}")
        texting.forward(minutes=35)


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"conversion": "0/900"},
        {"number": "1/hour", "conversion": "0/900"},
        {"prefix": "3/hour", "conversion": "0/3;1/8"},
        {"prefix": "900/hour", "country": "20/hour", "numbers": "900/hour"},
        {"prefix": "900/hour", "overall": "9/hour;40/day", "numbers": "1/hour"},
        {"prefix": "900/hour", "numbers": "4/2hour;9/day", "block": "3600"},
        {"prefix": "900/hour", "numbers": "900/hour", "conversion_networks": 1, "block": "3600"},
        {
            "user": "1/hour",
            "ceiling": "2/day",
            "confirmed_prefix": "1/hour",
            "confirmed_network": "1/day",
            "conversion": "0/900",
        },
        {
            "prefix": "900/hour",
            "conversion": "0/900",
            "user_share": 1,
            "sms": {"prices": {"*": 0.5, "GB": 0.25}, "budget": "4/hour;30/day"},
        },
    ],
)
async def test_under_the_same_rules_it_refuses_what_was_refused(make: Make, rules: dict[str, Any]) -> None:
    texting = make(**rules)
    await a_mixed_day(texting)
    asked = await recorded(texting)
    replay, differ = Replay(firewall(**rules)[1]), 0
    for send in asked:
        differ += (replay.play(send) is not None) != (send.delivery == "none")
    assert len(asked) == 12 * 17
    assert replay.outcome.refused
    assert differ == 0


class Unforgetting(Replay):
    """Keeps every send, and asks all of them each time."""

    def __init__(self, rules: SmsRules) -> None:
        super().__init__(rules)
        self._every: list[Send] = []
        self._forgiven: set[UUID] = set()

    def _take(self, send: Send, price: int) -> None:
        super()._take(send, price)
        self._every.append(send)

    def _forgive(self, send: Send) -> None:
        whose = number_in_lane(send, "")
        mine = [one for one in self._every if number_in_lane(one, "") == whose and one.id not in self._forgiven]
        answered = {one.id for one in mine if one.verified_at is not None and one.verified_at <= send.created_at}
        self._forgiven |= answered
        for allowed, window in self._rules.counted["number"]:
            bucket = ("number", whose, window)
            full_at = self._full_at.get(bucket, send.created_at)
            self._full_at[bucket] = full_at - len(answered) * window / allowed

    def _too_many_numbers(self, send: Send) -> bool:
        for (network, times), (allowed, window) in product(networks(send), self._rules.numbers):
            from_there = [one for one in self._every if not one.confirmed and network in dict(networks(one))]
            recent = {one.number_index for one in from_there if one.created_at > send.created_at - window}
            if len(recent - {send.number_index}) >= times * allowed:
                return True
        return False


def by_chance(seed: int, length: int) -> list[Send]:
    """Few numbers from few networks, some of which lie in one /48, through four days."""
    at, history = ManualClock().now(), []
    for nth in range(length):
        chance = sha256(f"{seed} {nth}".encode()).digest()
        at += timedelta(seconds=chance[0] * 10)
        network = bytes([chance[1] % 5] * 16)
        send = Send(
            id=UUID(bytes=chance[:16]),
            user_id=UUID(int=chance[2] % 7) if chance[3] % 4 else None,
            challenge_id=None,
            purpose=Purpose.SIGN_IN if chance[4] % 3 else Purpose.NOTICE,
            region=("US", "JM")[chance[5] % 2],
            confirmed=chance[6] % 3 == 0,
            number_index=bytes([chance[7] % 40]),
            prefix_index=bytes([chance[7] % 4]),
            network_index=network + (network if chance[1] % 2 else b"\xff" * 16),
            price=0,
            delivery=(Delivery.ACCEPTED, Delivery.DELIVERED, Delivery.NONE)[chance[8] % 3],
            created_at=at,
            verified_at=at + timedelta(seconds=chance[10] * 40) if chance[9] % 2 else None,
        )
        history.append(send)
    return history


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("numbers", ["2/hour;5/day", "1/minute;2/2hour"])
def test_forgetting_what_is_over_changes_no_decision(seed: int, numbers: str) -> None:
    rules = firewall(numbers=numbers, number="1/6hour", prefix="900/hour", conversion="0/900")[1]
    remembering, forgetting = Unforgetting(rules), Replay(rules)
    asked = by_chance(seed, 300)
    assert [forgetting.play(send) for send in asked] == [remembering.play(send) for send in asked]
    assert forgetting.outcome == remembering.outcome
    assert {"numbers", "number"} <= set(forgetting.outcome.by_limit)


def test_no_more_is_remembered_of_a_network_than_its_longest_window_holds() -> None:
    replay = Replay(firewall(numbers="1/minute", prefix="900/hour", conversion="0/900")[1])
    asked = by_chance(5, 300)
    for send in asked:
        replay.play(send)
    assert max(map(len, replay._numbers.values())) <= 2 * 8
    assert max(map(len, replay._answered_later.values())) < 9


async def test_a_narrower_rule_shows_whom_it_would_have_hit(make: Make) -> None:
    texting = make(mode="record_only", sms={"prices": {"JM": 0.25}})
    for _ in range(20):
        await texting.ask()
    for nth in range(5):
        await texting.answer(await texting.ask(f"+4477009{nth:05}", region="GB"))
    asked = await recorded(texting)
    outcome = replayed(asked, prefix="2/hour", sms={"prices": {"*": 0.25}})
    assert (outcome.asked, outcome.sent_then, outcome.refused, outcome.honest) == (25, 25, 21, 3)
    assert (outcome.spend_then, outcome.spend) == (5_000_000, 1_000_000)
    assert (outcome.by_limit, outcome.by_region) == (Counter(prefix=21), Counter(JM=18, GB=3))
    assert replayed(asked, prefix="900/hour", regions=["GB"]).by_limit == Counter(regions=20)


async def test_what_was_refused_then_never_opens_the_breaker(make: Make) -> None:
    texting = make(prefix="5/hour")
    assert await texting.sent(30) == 5
    texting.forward(minutes=6)
    await texting.ask()
    asked = await recorded(texting)
    assert replayed(asked, prefix="900/hour", conversion="0/6").refused == 0
    assert replayed(asked, prefix="900/hour", conversion="0/5").by_limit == Counter(conversion=1)


async def test_more_than_a_page_of_them_is_read_in_order(make: Make, sweeper: asyncpg.Connection) -> None:
    texting = make()
    await texting.ask()
    await sweeper.execute(
        """INSERT INTO sends SELECT (jsonb_populate_record(sends, jsonb_build_object(
            'id', gen_random_uuid(), 'created_at', created_at + nth / 50 * interval '1 second'))).*
            FROM sends, generate_series(1, 2049) AS nth"""
    )
    asked = await recorded(texting)
    assert len({send.id for send in asked}) == 2050
    assert [send.created_at for send in asked] == sorted(send.created_at for send in asked)
