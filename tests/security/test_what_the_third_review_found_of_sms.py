"""What an attacker's review of the SMS firewall found, so that it stays found: with the limits as they are shipped, enforced."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.crypto.chance import new_id
from app.messages import Delivery, Purpose
from app.store.database import Database
from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn, status
from tests.watch.texting import JAMAICA, Texting, firewall
from tests.world import running, settings_for

ADA, EVE = "+12025550123", f"{JAMAICA}0001"


@pytest.fixture
def texting(database: Database) -> Texting:
    return Texting(firewall()[0], database)


async def answered(texting: Texting, count: int, number: str, **more: Any) -> Counter[str | None]:
    """Have codes sent and answer each: by which limit so many were refused."""
    told: Counter[str | None] = Counter()
    for _ in range(count):
        verdict = await texting.ask(number, confirmed=True, **more)
        told[verdict.refused_by] += 1
        if verdict.refused_by is None:
            await texting.answer(verdict, more.get("lane", "sms"))
    return told


async def test_whoever_is_paid_for_answering_has_an_end(database_url: str, tmp_path: Path) -> None:
    """Three hundred codes in half a minute: a right answer gave back what the code had taken, cool-down and all."""
    settings = settings_for(database_url, tmp_path, sms_limits={"mode": "enforce"})
    async with running(settings) as world:
        eve = await world.with_phone()
        told = []
        for _ in range(22):
            told.append((await eve.login()).json()["challenge"]["delivery"])
            if told[-1] == "accepted":
                assert (await eve.verify(eve.code("sign_in"))).status_code == 200
        assert told == ["accepted"] * 19 + ["none"] * 3
        assert (await eve.verify(eve.recovery_codes[0], factor="recovery_code")).status_code == 200


async def test_neither_a_known_device_nor_another_account_opens_a_numbers_ceiling(texting: Texting) -> None:
    assert await answered(texting, 12, ADA) == {None: 12}
    assert await answered(texting, 12, ADA, lane="known sms") == {None: 8, "ceiling": 4}
    told = 0
    for _ in range(24):
        texting.forward(hours=1)
        told += (await answered(texting, 30, ADA))[None]
    assert told <= 2 * 40


async def test_another_number_does_not_open_a_users_ceiling(texting: Texting) -> None:
    eve = new_id(texting.clock.now())
    told = sum([await answered(texting, 3, f"+1{nth}025550123", user_id=eve) for nth in range(2, 10)], Counter())
    assert told == {None: 20, "user": 4}


async def test_a_last_word_to_a_replaced_phone_is_no_code_that_somebody_used_up(texting: Texting) -> None:
    eve = new_id(texting.clock.now())
    await answered(texting, 25, ADA, user_id=eve)
    asked = await texting.ask(ADA, confirmed=True, lane="notice", user_id=eve, purpose=Purpose.NOTICE)
    assert asked.refused_by is None


async def test_one_user_does_not_spend_everybodys_money(database: Database) -> None:
    texting = Texting(firewall(sms={"prices": {"*": 0.01}, "budget": "1/hour"})[0], database)
    eve = new_id(texting.clock.now())
    assert await answered(texting, 15, EVE, user_id=eve) == {None: 10, "budget": 5}
    assert await answered(texting, 1, ADA) == {None: 1}
    dear = Texting(firewall(sms={"prices": {"*": 1}, "budget": "9/hour"})[0], database)
    assert await answered(dear, 5, "+12025550777", user_id=new_id(texting.clock.now())) == {None: 3, "budget": 2}


@pytest.mark.parametrize("limit", ["confirmed_prefix", "confirmed_network"])
async def test_many_who_are_paid_for_answering_share_a_limit(database: Database, limit: str) -> None:
    texting = Texting(firewall(**{limit: "20/hour"})[0], database)
    elsewhere = "+1202" if limit == "confirmed_network" else JAMAICA
    told: Counter[str | None] = Counter()
    for nth in range(25):
        number = f"{elsewhere}{nth:03}0001" if limit == "confirmed_network" else f"{elsewhere}{nth:04}"
        told += await answered(texting, 1, number, **({"network": "192.0.2.1"} if "network" in limit else {}))
    assert told == {None: 20, limit: 5}
    assert await answered(texting, 1, ADA) == {None: 1}


async def test_what_plivo_refuses_is_tried_a_few_times_and_not_for_ever(database_url: str, tmp_path: Path) -> None:
    """Six hundred requests of one account in twenty seconds, until Plivo refused everybody."""
    account = {"plivo_auth_id": AUTH_ID, "plivo_auth_token": AUTH_TOKEN, "plivo_src": "+12025550100"}
    with PlivoStandIn() as plivo:
        sms = {**account, "plivo_base_url": plivo.url, "prices": {"*": 0.01}, "budget": "1/hour"}
        async with running(settings_for(database_url, tmp_path, sms=sms, sms_limits={"mode": "enforce"})) as world:
            eve = await world.signed_up()
            await eve.sign_in()
            plivo.always(status(403))
            told = [(await eve.begin_phone()).status_code for _ in range(8)]
            assert told == [503] * 3 + [201] + [429] * 4
            assert len(plivo.requests) == 3


async def test_a_refused_number_costs_no_money_and_nothing_that_is_everybodys(database: Database) -> None:
    rules: dict[str, Any] = {"country": "4/hour", "sms": {"prices": {"*": 0.25}, "budget": "1/hour"}}
    texting = Texting(firewall(**rules)[0], database)
    for nth in range(8):
        await texting.end(await texting.ask(f"+187{nth % 9}555{nth:04}"), Delivery.FAILED)
    assert await texting.asks(3) == [None, None, "budget"]


async def test_a_user_has_an_end_even_while_the_provider_turns_everybody_away(texting: Texting) -> None:
    eve, told = new_id(texting.clock.now()), []
    for _ in range(25):
        verdict = await texting.ask(EVE, user_id=eve)
        told.append(verdict.refused_by)
        if verdict.refused_by is None:
            await texting.end(verdict, Delivery.FAILED, turned_away=True)
    assert told == [None] * 20 + ["user"] * 5
    assert await texting.sent(1, EVE) == 1


async def test_a062_two_numbers_of_one_network_close_no_prefix(texting: Texting) -> None:
    """Ten unanswered codes to them closed it to ten thousand, for twelve hours."""
    for _ in range(30):
        for number in (f"{JAMAICA}0001", f"{JAMAICA}0002"):
            await texting.ask(number, network="192.0.2.1")
        texting.forward(minutes=5)
    texting.forward(minutes=30)
    assert await texting.asks(1) == [None]


@pytest.mark.parametrize(("networks", "refused_by"), [(2, None), (3, "conversion")])
async def test_a062_silence_that_few_networks_asked_for_is_theirs(
    texting: Texting, networks: int, refused_by: str | None
) -> None:
    for nth in range(10):
        assert (await texting.ask(network=f"192.0.2.{nth % networks}")).refused_by is None
        texting.forward(minutes=30)
    assert await texting.asks(1) == [refused_by]


async def test_a062_a_number_whose_owner_answered_is_no_made_up_one(texting: Texting) -> None:
    for nth in range(10):
        number = f"{JAMAICA}{nth:04}"
        await texting.answer(await texting.ask(number))
        texting.forward(minutes=10)
        await texting.ask(number)
        texting.forward(minutes=10)
    assert await texting.asks(1) == [None]


async def test_a062_a_pump_behind_one_network_is_stopped_by_its_own_limits(texting: Texting) -> None:
    sent = 0
    for _ in range(12):
        sent += await texting.sent(5, network="192.0.2.1")
        texting.forward(minutes=30)
    assert sent <= 3 * 7


async def test_a_stranger_does_not_use_up_a_number_before_its_owner_enrols_it(texting: Texting) -> None:
    """One network asked every other minute, and the owner was refused all day."""
    eve, owner = new_id(texting.clock.now()), new_id(texting.clock.now())
    told = []
    for nth in range(72):
        await texting.ask(ADA, network=f"2001:db8:1:{nth:x}::/64", wider_network="2001:db8:1::/48")
        await texting.ask(ADA, user_id=eve)
        texting.forward(minutes=30)
        if nth % 24 == 23:
            told.append((await texting.ask(ADA, network="203.0.113.7", user_id=owner)).refused_by)
    assert told == [None] * 3


async def test_a_48_has_eight_times_what_a_network_has(texting: Texting) -> None:
    """One customer took all that a country has in an hour, from networks of their own."""
    told: Counter[str | None] = Counter()
    for nth in range(30):
        network = {"network": f"2001:db8:1:{nth:x}::/64", "wider_network": "2001:db8:1::/48"}
        told[(await texting.ask(f"+1{200 + nth}5550001", region="US", **network)).refused_by] += 1
    assert told == {None: 24, "numbers": 6}
    again = [f"+1{200 + nth % 24}5550001" for nth in range(72)]
    for nth, number in enumerate(again):
        network = {"network": f"2001:db8:1:{nth:x}::/64", "wider_network": "2001:db8:1::/48"}
        told[(await texting.ask(number, region="US", **network)).refused_by] += 1
    assert told[None] == 24 + 48
    assert await texting.sent(1, "+13055550001", region="US", network="203.0.113.9") == 1
