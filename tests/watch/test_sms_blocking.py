"""What nothing is sent to: a prefix whose codes hardly anybody answers, for a while; and what an operator blocked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from app.clock import Clock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.sms_operator import SmsOperator, UnknownPlace
from app.store import sms_blocks
from app.store.database import Database
from app.store.sms_blocks import Block
from app.watch.sms_blocking import SmsBlocking
from tests.standins.clock import ManualClock
from tests.watch.texting import JAMAICA, Texting, firewall
from tests.world import KEY

Make = Callable[..., Texting]
Lines = Callable[[], list[dict[str, Any]]]
WIDE = {"prefix": "1000/hour"}


@pytest.fixture
def make(database: Database) -> Make:
    return lambda **settings: Texting(firewall(**settings)[0], database)


def operator(database: Database, clock: Clock) -> SmsOperator:
    rules = firewall()[1]
    return SmsOperator(rules, database, clock, SmsBlocking(rules, vault=Vault(KeyRing([SecretStr(KEY)]))), "ops")


@pytest.mark.parametrize(
    ("settled", "blocked"),
    [
        ("-" * 9, False),
        ("-" * 10, True),
        ("-" * 9 + "+", False),
        ("+" + "-" * 10, True),
        ("-----+--------+----", False),
        ("-----+--------+-----", True),
        ("----+----+----+-----", False),
        ("+" * 30 + "-----+--------+-----", True),
    ],
)
async def test_a062_a_prefix_that_converts_badly_is_blocked(make: Make, settled: str, blocked: bool) -> None:
    texting = make(**WIDE)
    await texting.settled(settled)
    assert (await texting.ask()).refused_by == ("conversion" if blocked else None)


async def test_codes_that_may_still_be_answered_do_not_count(make: Make) -> None:
    texting = make(**WIDE)
    assert await texting.sent(30) == 30
    texting.forward(minutes=4)
    assert await texting.sent(1) == 1
    texting.forward(minutes=1)
    assert await texting.asks(1) == ["conversion"]


async def test_an_undelivered_one_counts_at_once(make: Make, sweeper: asyncpg.Connection) -> None:
    texting = make(**WIDE)
    assert await texting.sent(10) == 10
    await sweeper.execute("UPDATE sends SET delivery = 'undelivered'")
    assert await texting.asks(1) == ["conversion"]


async def test_what_was_not_sent_says_nothing_of_a_prefix(make: Make, sweeper: asyncpg.Connection) -> None:
    texting = make(**WIDE)
    await texting.settled("-" * 10)
    await sweeper.execute("UPDATE sends SET delivery = 'failed'")
    assert await texting.sent(1) == 1
    await sweeper.execute("UPDATE sends SET delivery = 'none'")
    assert await texting.sent(1) == 1


async def test_a062_a_block_ends_by_itself_and_what_came_before_is_forgotten(make: Make, lines: Lines) -> None:
    texting = make(**WIDE)
    await texting.settled("-" * 10)
    texting.firewall.tell(await texting.ask())
    told = [(line["event"], line.get("reason")) for line in lines() if line["event"].startswith("sms.")]
    assert told == [("sms.blocked", "hardly any code is answered"), ("sms.refused", None)]
    texting.forward(hours=11, minutes=59)
    assert await texting.asks(1) == ["conversion"]
    texting.forward(minutes=1)
    await texting.settled("-" * 9)
    assert await texting.sent(1) == 1
    texting.forward(minutes=5)
    assert await texting.asks(1) == ["conversion"]


async def test_a_blocked_prefix_still_serves_the_people_who_live_there(make: Make) -> None:
    texting = make(**WIDE)
    await texting.settled("-" * 10)
    assert await texting.asks(1) == ["conversion"]
    assert await texting.sent(1, f"{JAMAICA}0001", confirmed=True) == 1
    assert await texting.sent(1, "+18765560001") == 1


async def test_a_day_later_nobody_remembers_how_a_prefix_converted(make: Make) -> None:
    texting = make(**WIDE)
    await texting.settled("-" * 9)
    texting.forward(days=1)
    await texting.settled("-" * 1)
    assert await texting.sent(1) == 1


@pytest.mark.parametrize("place", ["JM", "+1", "+1876", JAMAICA, f"{JAMAICA}0", f"{JAMAICA}01"])
async def test_an_operators_block_is_for_everybody(make: Make, database: Database, place: str) -> None:
    texting = make()
    stop = operator(database, texting.clock)
    await stop.block(place, lasting=timedelta(hours=1), reason="a campaign")
    assert await texting.asks(1, f"{JAMAICA}0123") == [f"block of {place}"]
    assert await texting.asks(1, f"{JAMAICA}0123", confirmed=True) == [f"block of {place}"]
    assert await texting.sent(1, "+447700900123", region="GB") == 1
    assert [block.label for block in await stop.blocks()] == [place]
    texting.forward(hours=1)
    assert await texting.sent(1, f"{JAMAICA}0123") == 1
    assert await stop.blocks() == []


async def test_a_block_without_an_end_ends_with_unblock_and_a_shorter_one_replaces_it(
    make: Make, database: Database
) -> None:
    texting = make()
    stop = operator(database, texting.clock)
    await stop.block("JM", lasting=None, reason="a campaign")
    texting.forward(days=400)
    assert await texting.sent(1) == 0
    await stop.block("JM", lasting=timedelta(minutes=1), reason="almost over")
    assert [block.reason for block in await stop.blocks()] == ["almost over"]
    assert len(await stop.unblock("JM")) == 1
    assert await stop.unblock("JM") == []
    assert await texting.sent(1) == 1


async def test_unblock_ends_what_the_breaker_began_and_it_begins_to_count_anew(make: Make, database: Database) -> None:
    texting = make(**WIDE)
    stop = operator(database, texting.clock)
    await texting.settled("-" * 10)
    assert await texting.asks(1) == ["conversion"]
    assert [block.label for block in await stop.unblock(JAMAICA)] == [JAMAICA]
    await texting.settled("-" * 9)
    assert await texting.sent(1) == 1


@pytest.mark.parametrize("place", ["", "Jamaica", "jm", "XX", "+", "1876", "+0876", "+1876555012", "+1876;"])
async def test_a_block_of_nothing_or_of_a_whole_number_is_refused(database: Database, make: Make, place: str) -> None:
    stop = operator(database, make().clock)
    with pytest.raises(UnknownPlace):
        await stop.block(place, lasting=None, reason="")
    with pytest.raises(UnknownPlace):
        await stop.unblock(place)


async def test_only_the_first_of_two_begins_a_block(database: Database) -> None:
    clock = ManualClock()

    async def begin(hours: int) -> bool:
        block = Block(b"a key", JAMAICA, "", clock.now() + timedelta(hours=hours), clock.now())
        return await database.run(lambda tx: sms_blocks.begin(tx, block))

    assert [await begin(2), await begin(9)] == [True, False]
    clock.forward(timedelta(hours=1))
    assert await begin(9) is False
    clock.forward(timedelta(hours=1))
    assert await begin(9) is True


NEW = "8sN1vJm3rXq0eTz5bYwKc7uHd2LgAf9oPi4ZtQx6RkE"


async def test_blocks_stand_when_the_key_they_were_made_under_has_left_the_ring(make: Make, database: Database) -> None:
    """A label stands in the clear: it is found by no secret. What conversion there was before is forgotten with the key."""
    old = make(**WIDE)
    await operator(database, old.clock).block("GB", lasting=None, reason="a campaign")
    await old.settled("-" * 10)
    assert await old.asks(1) == ["conversion"]
    new = replace(old, firewall=firewall(keys=(NEW,), **WIDE)[0])
    assert await new.asks(1) == ["conversion"]
    assert await new.asks(1, "+447400123456", region="GB", confirmed=True) == ["block of GB"]
    assert await new.sent(1, f"{JAMAICA}0001", confirmed=True) == 1


async def test_a_block_of_before_is_found_while_its_key_is_on_the_ring(
    make: Make, database: Database, sweeper: asyncpg.Connection
) -> None:
    """Blocks were found by blind indexes once."""
    index = Vault(KeyRing([SecretStr(KEY)])).index
    for label, of in (("GB", "sms block"), (JAMAICA, "sms conversion")):
        key, until = index(label, of=of), make().clock.now() + timedelta(hours=1)
        await sweeper.execute("INSERT INTO sms_blocks VALUES ($1, $2, '', $3, now())", key, label, until)
    turned = replace(make(), firewall=firewall(keys=(NEW, KEY))[0])
    assert await turned.asks(1) == ["conversion"]
    assert await turned.asks(1, "+447400123456", region="GB") == ["block of GB"]
    assert len(await operator(database, turned.clock).unblock("GB")) == 1


async def test_what_was_sent_before_the_ring_turned_still_counts(make: Make) -> None:
    old = make(**WIDE)
    turned = replace(old, firewall=firewall(keys=(NEW, KEY), **WIDE)[0])
    assert await old.sent(3, network="192.0.2.1") == 3
    assert await turned.asks(1, network="192.0.2.1") == ["numbers"]
    await old.settled("-" * 7)
    assert await turned.asks(1) == ["conversion"]
