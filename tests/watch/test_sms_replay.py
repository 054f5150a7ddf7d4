"""Recorded SMS against other rules: a replay decides as the firewall does, and shows whom a rule would have hit."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.crypto.chance import new_id
from app.store import send_reports
from app.store.database import Database
from app.store.sends import Send
from app.watch.sms_replay import Outcome, Replay
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
