"""Passwords guessed by a script, over two workers and a restart: it gets its few guesses, and the owner signs in meanwhile."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from tests.attack.lines import Line, Reply, Request, at_once, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, expect, newcomer
from tests.attack.service import Service, serving

pytestmark = pytest.mark.attack

ENFORCED = {
    "GATEHOUSE_LIMITS__LOGIN": "enforce",
    "GATEHOUSE_LIMITS__NETWORK": "enforce",
    "GATEHOUSE_LIMITS__LOGIN_DELAYS": "10,60",
    "GATEHOUSE_HTTP__TRUSTED_PROXIES": "127.0.0.1",
}
"""We are the proxy, and say where each request comes from. The first delay outlasts what a busy machine makes of an instant."""
PAIRS = 10_000
LOOKED_AT, REFUSED = (401, "invalid_credentials"), (429, "rate_limited")
_networks = (f"198.18.{high}.{low}" for high in range(256) for low in range(1, 255))


@pytest.fixture(scope="module")
async def own() -> AsyncIterator[Service]:
    """With a database of its own, which a killed service leaves running."""
    async with serving(workers=2, database=None, **ENFORCED) as service:
        yield service


@dataclass(frozen=True, slots=True)
class From:
    """A request as our proxy hands it on."""

    network: str
    request: Request

    def encoded(self) -> bytes:
        return self.request.encoded().replace(b"\r\n", f"\r\nX-Forwarded-For: {self.network}\r\n".encode(), 1)


async def ask(line: Line, asked: From) -> Reply:
    line.writer.write(asked.encoded())
    return await line.reply()


def attempt(email: str, password: str = "a wrong password", **more: str) -> Request:
    return Request("POST", "/login", {"email": email, "password": password, **more})


async def signed_in(person: Person, network: str, **more: str) -> tuple[int, str]:
    async with lines(person.service, 1) as (line,):
        return (await ask(line, From(network, attempt(person.email, PASSWORD, **more)))).told


async def owner(service: Service) -> tuple[Person, str]:
    """Somebody, and the token of the device that they signed in on."""
    person = await newcomer(service)
    token: str = expect(await person.login(), 200).json()["device_token"]
    return person, token


async def script(service: Service, pairs: Sequence[From], *, parallel: int = 20) -> Counter[tuple[int, str]]:
    """Try them all, as fast as the service answers."""
    left = iter(pairs)

    async def run(line: Line) -> list[tuple[int, str]]:
        return [(await ask(line, pair)).told for pair in left]

    async with lines(service, parallel) as opened:
        return Counter(itertools.chain(*await asyncio.gather(*(run(line) for line in opened))))


@dataclass
class Owner:
    """Signs in on a known device, twice a second, from the very network that the script comes from."""

    person: Person
    device_token: str
    network: str
    told: list[tuple[int, str]] = field(default_factory=list)

    async def go_on(self) -> None:
        while True:
            self.told.append(await signed_in(self.person, self.network, device_token=self.device_token))
            await asyncio.sleep(0.5)


async def test_a080_ten_thousand_pairs_from_one_network_stay_under_the_budget(own: Service) -> None:
    """Half of them before a kill -9 of the whole service, half after it; every tenth e-mail is the owner's."""
    ada, device_token = await owner(own)
    network = next(_networks)
    pairs = [
        From(network, attempt(f"leaked.{nth}@example.test" if nth % 10 else ada.email, f"leaked password {nth}"))
        for nth in range(PAIRS)
    ]
    told: Counter[tuple[int, str]] = Counter()
    began, at_home = time.monotonic(), Owner(ada, device_token, network)
    for half in (pairs[: PAIRS // 2], pairs[PAIRS // 2 :]):
        going = asyncio.create_task(at_home.go_on())
        told += await script(own, half)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        assert set(at_home.told) == {(200, "")}
        if half[0] is pairs[0]:
            await own.kill()
        else:
            await own.stop()  # what is told once a minute is told now
        await own.start()
    took = time.monotonic() - began

    measured(f"{PAIRS} pairs in {took:.0f} s: {dict(told)}; the owner signed in {len(at_home.told)} times")
    assert set(told) == {LOOKED_AT, REFUSED}
    assert 30 <= told[LOOKED_AT] <= 31 + took / 2
    assert own.events("limit.exceeded", limit="login network", mode="enforce") > 0.9 * PAIRS / 2
    assert own.events("login.stuffing_suspected", scope="everywhere") == 0  # what is refused guesses nothing
    assert await signed_in(ada, next(_networks)) == (200, "")


async def test_a080_pairs_from_three_hundred_networks_are_told_of_once_a_minute(own: Service) -> None:
    """No network and no account is over its limit, so each is looked at."""
    began = time.monotonic()
    told = await script(own, [From(next(_networks), attempt(f"spread.{nth}@example.test")) for nth in range(300)])
    await own.stop()  # what is told once a minute is told now
    await own.start()
    took = time.monotonic() - began
    measured(f"300 pairs from as many networks in {took:.0f} s")
    assert told == {LOOKED_AT: 300}
    assert 1 <= own.events("login.stuffing_suspected", scope="everywhere") <= 2 + took / 60


async def test_a080_one_account_from_three_hundred_networks_is_guessed_a_hundred_times(own: Service) -> None:
    ada, device_token = await owner(own)
    began = time.monotonic()
    told = await script(own, [From(next(_networks), attempt(ada.email)) for _ in range(300)])
    took = time.monotonic() - began
    measured(f"300 networks in {took:.0f} s: {dict(told)}")
    assert set(told) == {LOOKED_AT, REFUSED}
    assert 100 <= told[LOOKED_AT] <= 101 + took / 36
    assert await signed_in(ada, next(_networks)) == REFUSED
    assert await signed_in(ada, next(_networks), device_token=device_token) == (200, "")
    assert await signed_in(ada, next(_networks), device_token="not a token of any device") == REFUSED
    assert await signed_in(await newcomer(own), next(_networks), device_token=device_token) == (200, "")
    async with lines(own, 1) as (line,):
        borrowed = await ask(line, From(next(_networks), attempt(ada.email, device_token=(await owner(own))[1])))
    assert borrowed.told == REFUSED


async def test_a083_two_hundred_guesses_at_once_are_looked_at_five_times(own: Service) -> None:
    """With the right one behind them, which is not looked at either."""
    ada = await newcomer(own)
    began = time.monotonic()
    replies = await at_once(own, [attempt(ada.email)] * 200)
    longest = 10 + time.monotonic() - began  # from the moment at which a request came
    assert Counter(reply.told for reply in replies) == {LOOKED_AT: 5, REFUSED: 195}
    assert all(1 <= int(reply.headers["retry-after"]) <= longest + 1 for reply in replies if reply.told == REFUSED)
    assert (await ada.login()).json()["code"] == "rate_limited"


async def test_a074_an_account_that_nobody_has_is_refused_with_the_same_bytes(own: Service) -> None:
    ada, nobody = await newcomer(own), Person(own)
    seen = []
    async with lines(own, 1) as (line,):
        for person in (ada, nobody):
            network = next(_networks)
            replies = [await ask(line, From(network, attempt(person.email))) for _ in range(6)]
            assert [reply.told for reply in replies] == [LOOKED_AT] * 5 + [REFUSED]
            seen.append([reply.seen() for reply in replies])
    assert seen[0] == seen[1]


def spoofed(network: str) -> Iterator[str]:
    """What a visitor of *network* may have written before our proxy put the truth behind it."""
    return (
        f"203.0.113.{nth}, 127.0.0.1, {network}\r\nX-Real-IP: 203.0.113.{nth}\r\nForwarded: for=203.0.113.{nth}"
        for nth in itertools.count(1)
    )


@pytest.mark.parametrize("header", ["spoofed", "of one subscriber"])
async def test_a082_a_network_is_the_same_whatever_a_visitor_says_of_it(own: Service, header: str) -> None:
    told_by_proxy = (
        spoofed(next(_networks)) if header == "spoofed" else (f"2001:db8:1:2:{nth:x}::1" for nth in itertools.count(1))
    )
    tried = [From(next(told_by_proxy), attempt(f"user.{nth}.{header[0]}@example.test")) for nth in range(100)]
    began = time.monotonic()
    told = await script(own, tried)
    assert 30 <= told[LOOKED_AT] <= 31 + (time.monotonic() - began) / 2
    assert set(told) == {LOOKED_AT, REFUSED}
