"""What an attacker's review of the limits found, so that it stays found; the SMS firewall has its own page."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.problems import RateLimited
from app.store.database import Database
from app.watch.network_limits import NetworkLimit
from app.watch.stuffing import Surge
from tests.postgres import WAITING, connect
from tests.receipts import receiving
from tests.standins.clock import ManualClock
from tests.standins.plivo import PlivoStandIn
from tests.standins.receipts import Receipt
from tests.statements import CONNECTION, asked
from tests.watch.conftest import Lines, lines, stream  # noqa: F401  fixtures
from tests.watch.guesses import ADA, EVERYBODY, HOME, Guesses, remembered, throttle, visitor
from tests.world import KEY, PASSWORD, Person, World, running, settings_for

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def guesses(database: Database, clock: ManualClock) -> Guesses:
    return Guesses(throttle(database), clock)


@pytest.fixture
def codes(database: Database, clock: ManualClock) -> NetworkLimit:
    vault = Vault(KeyRing([SecretStr(KEY)]))
    return NetworkLimit("codes", "3/hour", mode="enforce", database=database, vault=vault, clock=clock)


@pytest.fixture
def plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


async def test_a_refused_flood_of_a_network_takes_one_connection_a_second(
    codes: NetworkLimit, clock: ManualClock
) -> None:
    """Each refusal was a transaction on that network's row."""
    for _ in range(3):
        await codes.spend(visitor(HOME))
    told = []
    with asked() as seen:
        for _ in range(100):
            told.append(await codes.spend(visitor(HOME)))
            clock.forward(timedelta(milliseconds=25))
    assert seen.count(CONNECTION) == 3
    assert all(rate.wait and rate.standings[0].left == 0 for rate in told)
    first, last = told[0].wait, told[-1].wait
    assert first is not None
    assert last == first - 99 * timedelta(milliseconds=25)


async def test_a_refused_flood_of_guesses_takes_one_connection_a_second(guesses: Guesses) -> None:
    """Of one account, of many accounts from one network, and from a whole /48."""
    await guesses.each([*[(ADA, HOME)] * 5, *EVERYBODY[:25]])
    around = [(f"x{nth}@example.test", f"2001:db8:1:{nth:x}::1") for nth in range(300)]
    await guesses.each(around[:241])
    with asked() as seen:
        assert await guesses.each([*[(ADA, HOME)] * 50, *EVERYBODY[100:150], *around[241:]]) == 0
    assert seen.count(CONNECTION) <= 3


async def test_what_is_given_back_is_there_at_once(guesses: Guesses) -> None:
    """The wall must not keep an office out that signs in at the same time."""
    under_way = [await guesses.begin(*person) for person in EVERYBODY[:30]]
    assert await guesses.wrong(*EVERYBODY[30]) == timedelta(seconds=2)
    await guesses.throttle.refund(under_way[0], at=guesses.clock.now())
    assert await guesses.right(*EVERYBODY[30]) is None


async def waiting(rows: asyncpg.Connection) -> int:
    """How many connections wait for a row."""
    return int(await rows.fetchval(WAITING))


@asynccontextmanager
async def held(database_url: str, table: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody holds every row of *table*."""
    holder = await connect(database_url)
    async with holder.transaction():
        await holder.fetch(f"SELECT * FROM {table} FOR UPDATE")  # noqa: S608  ours
        yield holder
    await holder.close()


async def test_no_more_than_two_connections_wait_for_the_rows_of_one_network(
    codes: NetworkLimit, guesses: Guesses, database_url: str, sweeper: asyncpg.Connection
) -> None:
    async def spend(_: int) -> object:
        return await codes.spend(visitor(HOME))

    async def guess(nth: int) -> object:
        return await guesses.wrong(EVERYBODY[nth][0], HOME)

    tries: tuple[Callable[[int], Awaitable[object]], ...] = (spend, guess)
    for attempt in tries:
        await attempt(0)
        async with held(database_url, "network_limits"):
            crowd = asyncio.gather(*(attempt(nth) for nth in range(1, 9)))
            await asyncio.sleep(0.3)
            assert await waiting(sweeper) == 2
        await crowd


Mailing = Callable[[str, str], Awaitable[httpx.Response]]


@asynccontextmanager
async def mailing(database_url: str, folder: Path, **more: Any) -> AsyncIterator[tuple[World, Mailing]]:
    """A service that believes what we say of where a sign-up comes from."""
    groups = {"http": {"trusted_proxies": ["127.0.0.1"]}, "limits": {"register_network": "100/hour"}, **more}
    async with running(settings_for(database_url, folder, **groups)) as world:

        async def register(email: str, network: str) -> httpx.Response:
            body = {"email": email, "password": PASSWORD}
            answer = await world.client.post("/register", json=body, headers={"X-Forwarded-For": network})
            assert answer.status_code == 202
            await world.app.state.house.register.background.drain(within=timedelta(seconds=5))
            return answer

        yield world, register
        await world.app.state.house.register.background.drain(within=timedelta(seconds=5))


async def mails(world: World, *addresses: str) -> int:
    await asyncio.sleep(0.1)
    return sum(len(world.inbox(address)) for address in addresses)


async def test_whoever_registers_a_victims_address_does_not_use_up_their_mails(
    database_url: str, tmp_path: Path
) -> None:
    async with mailing(database_url, tmp_path) as (world, register):
        ada = Person(world)
        await register(ada.email, "192.0.2.1")
        await world.message(ada.email, "verify_email")
        answer = await register(ada.email, HOME)
        code = (await world.message(ada.email, "verify_email", beyond=1)).code
        body = {"registration_id": answer.json()["registration_id"], "code": code}
        assert (await world.client.post("/verify-email", json=body)).status_code == 204


async def test_a_mailbox_gets_no_flood_from_many_networks_nor_by_its_tags(database_url: str, tmp_path: Path) -> None:
    async with mailing(database_url, tmp_path) as (world, register):
        for nth in range(12):
            await register("ada@example.test", f"198.51.100.{nth}")
        assert await mails(world, "ada@example.test") == 6
        tagged = [f"bob+{nth}@example.test" for nth in range(12)]
        for address in tagged:
            await register(address, HOME)
        assert await mails(world, *tagged) == 2
        spread = [f"2001:db8:1:{nth:x}::1" for nth in range(12)]
        for network in spread:
            await register("eve@example.test", network)
        assert await mails(world, "eve@example.test") == 1


async def test_whoever_has_an_account_at_plivo_cannot_silence_our_receipts(
    database_url: str, tmp_path: Path, plivo: PlivoStandIn, sweeper: asyncpg.Connection
) -> None:
    """They have Plivo's own addresses call us, as often as they like."""
    limits = {"network": "enforce", "refused_receipts": "5/minute"}
    async with receiving(database_url, tmp_path, plivo, sweeper, limits=limits) as post:
        ada = await post.asked()
        theirs = Receipt(post.receipt("sent").address, post.receipt("sent").fields, token="the attacker's own token")
        answers = [(await post.call(theirs)).status_code for _ in range(20)]
        assert answers == [403] * 5 + [429] * 15
        assert (await post.report("delivered")).status_code == 204
        assert (await post.seen(ada))["delivery"] == "delivered"


async def test_right_passwords_are_limited_too_and_known_devices_have_their_own(guesses: Guesses) -> None:
    """Each opened a session, and each that it pushed out was told to every service."""
    assert [await guesses.right() for _ in range(60)] == [None] * 60
    assert [await guesses.right() for _ in range(10)] == [MINUTE] * 10
    assert await guesses.right(ADA, "198.51.100.7") == MINUTE
    assert await guesses.right("bob@example.test") is None
    assert await guesses.right(device=(phone := uuid4())) is None
    assert [await guesses.right(device=phone) for _ in range(60)].count(None) == 59
    guesses.forward(60)
    assert [await guesses.right(), await guesses.right()] == [None, MINUTE]


async def test_a_right_password_too_many_is_no_failure_and_tells_nothing_of_a_wrong_one(
    database: Database, clock: ManualClock, sweeper: asyncpg.Connection
) -> None:
    guesses = Guesses(throttle(database, login_successes="2/hour"), clock)
    assert [await guesses.right() for _ in range(20)].count(None) == 2
    assert (await remembered(sweeper))["throttles"] == []
    told = [[await guesses.wrong(who) for _ in range(6)] for who in (ADA, "nobody@example.test")]
    assert told[0] == told[1]


async def test_counting_a_success_costs_no_statement_more(guesses: Guesses) -> None:
    spent = await guesses.begin()
    with asked() as seen:
        await guesses.throttle.refund(spent, at=guesses.clock.now())
    assert seen.count(CONNECTION) == 1
    assert len(seen) == 1 + 1


async def test_the_sixty_first_sign_in_is_429(database_url: str, tmp_path: Path) -> None:
    limits = {"login_successes": "2/hour"}
    async with running(settings_for(database_url, tmp_path, limits=limits)) as world:
        ada = await world.signed_up()
        answers = [await ada.login() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[-1].headers["retry-after"] == "1800"
        assert (await ada.login(device_token=ada.device_token)).status_code == 200


async def test_stuffing_from_many_networks_of_one_customer_is_told(guesses: Guesses, lines: Lines) -> None:  # noqa: F811
    """Four hundred /64s, an account each."""
    spread = [(f"user.{nth}@example.test", f"2001:db8:1:{nth:x}::1") for nth in range(201)]
    await guesses.each(spread[:200])
    assert not [line for line in lines() if line["event"] == "login.stuffing_suspected" and "network" in line]
    await guesses.each(spread[200:])
    (told,) = [line for line in lines() if line["event"] == "login.stuffing_suspected" and "network" in line]
    assert told["scope"] == "network"
    assert "2001" not in str(lines())


async def test_a_surge_is_counted_at_all_workers_together(database: Database, lines: Lines, clock: ManualClock) -> None:  # noqa: F811
    workers = [Guesses(throttle(database), clock) for _ in range(20)]
    for nth in range(200):
        await workers[nth % 20].wrong(EVERYBODY[nth][0], f"198.51.100.{nth}")
    told = [line for line in lines() if line.get("scope") == "everywhere"]
    assert len(told) == 1


def test_what_grows_slowly_enough_does_not_become_usual() -> None:
    """Eight of a hundred more each minute were never told of."""
    surge, begun, told = Surge(floor=10, times=5), datetime(2030, 1, 2, tzinfo=UTC), []
    for minute in range(24 * 60 + 60):
        growth = 1.08 ** max(0, minute - 24 * 60)
        failed = [surge.failed(begun + minute * MINUTE) for _ in range(int(20 * growth))]
        if any(failed) and minute > 60:
            surge.told = True
            told.append(minute)
    assert told
    assert min(told) >= 24 * 60


@pytest.mark.parametrize("path", ["/me%0a", "/livez%0a", "/login%0a", "/%00", "/me%7f", "/nothing%0d%0a"])
async def test_a134_a_path_with_a_control_character_is_no_path(world: World, path: str) -> None:
    """`$` matches before a line feed, so `/login%0a` reached its route, beside every limit of a proxy for `/login`."""
    url = httpx.URL(str(world.client.base_url)).copy_with(raw_path=path.encode())
    for method in ("GET", "POST"):
        answer = await world.client.send(world.client.build_request(method, url, json={}))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_whoever_is_refused_for_the_network_is_told_alike_with_every_address(guesses: Guesses) -> None:
    await guesses.each(EVERYBODY[:30])
    waits = []
    for account in (ADA, "nobody@example.test"):
        with pytest.raises(RateLimited) as refused:
            await guesses.begin(account)
        waits.append(refused.value.retry_after)
    assert waits == [timedelta(seconds=2)] * 2
