"""A session that ends on one worker ends on all of them, within a second and under load, though no guarded request asks the database."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.attack.conftest import House, disable
from tests.attack.lines import Line, Request, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, expect, newcomer
from tests.attack.processes import until

pytestmark = pytest.mark.attack

ROUNDS = 120
TOGETHER = 4
POLL = 0.25
BOUND = 1.0
WATCHED = 4.0


@asynccontextmanager
async def load(house: House, *, askers: int = 8, every: float = 0.02, logins: float = 0.25) -> AsyncIterator[list[int]]:
    """So many connections that ask a guarded question again and again, and one that signs in; the value grows with each answer."""
    bystander, newcomer_again = await newcomer(house.service), await newcomer(house.service)
    answered: list[int] = []

    async def ask(line: Line) -> None:
        while True:
            answered.append((await line.ask("GET", "/session", token=bystander.access_token)).status)
            await asyncio.sleep(every)

    async def sign_in(line: Line) -> None:
        while logins:
            line.send(newcomer_again.login_request())
            answered.append((await line.reply()).status)
            await asyncio.sleep(logins)

    async with lines(house.service, askers + 1) as opened:
        tasks = [asyncio.create_task(ask(line)) for line in opened[1:]]
        tasks.append(asyncio.create_task(sign_in(opened[0])))
        try:
            yield answered
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert set(answered) == {200}


async def lag(elsewhere: Line, token: str) -> float:
    """Seconds until the other worker refuses *token*."""
    began = time.monotonic()
    while time.monotonic() - began < 3 * BOUND:
        if (await elsewhere.ask("GET", "/session", token=token)).status == 401:
            return time.monotonic() - began
        await asyncio.sleep(0.01)
    raise AssertionError("not within three seconds")


async def log_out_and_in(person: Person, here: Line, there: Line, rounds: int) -> list[float]:
    """Sign in and out on one worker again and again, and measure how long each token is still good on the other one."""
    lags = []
    for _ in range(rounds):
        here.send(person.login_request())
        person.keep((await here.reply()).body)
        token = person.access_token
        assert (await there.ask("GET", "/session", token=token)).status == 200
        await asyncio.sleep(secrets.SystemRandom().uniform(0, POLL))  # else each round begins where a poll ended
        assert (await here.ask("POST", "/logout", {}, token=token)).status == 204
        lags.append(await lag(there, token))
        assert (await here.ask("GET", "/session", token=token)).status == 401
    return lags


async def test_a026_a_logout_is_honoured_by_the_other_worker_within_a_second_under_load(house: House) -> None:
    people = [await newcomer(house.service) for _ in range(TOGETHER)]
    async with load(house) as answered, lines(house.service, 2 * TOGETHER) as opened:
        began = time.monotonic()
        ways = list(zip(opened[::2], opened[1::2], strict=True))
        ways = [(right, left) if nth % 2 else (left, right) for nth, (left, right) in enumerate(ways)]
        each = [log_out_and_in(person, *way, ROUNDS // TOGETHER) for person, way in zip(people, ways, strict=True)]
        lags = sorted(seconds for some in await asyncio.gather(*each) for seconds in some)
        a_second = len(answered) / (time.monotonic() - began)
    p50, p99 = lags[len(lags) // 2], lags[int(len(lags) * 0.99)]
    measured(
        f"revocation lag across two workers: p50 {p50:.3f} s, p99 {p99:.3f} s, max {lags[-1]:.3f} s "
        f"of {len(lags)} logouts, beside {a_second:.0f} other requests a second"
    )
    assert len(lags) >= 100
    assert lags[-1] <= BOUND


async def is_disabled(house: House, ada: Person) -> None:
    await disable(house.sql, await ada.id())


async def resets_their_password(house: House, ada: Person) -> None:  # noqa: ARG001  as every end is called
    expect(await ada.call("POST", "/password/forgot", {"email": ada.email}), 202)

    async def has_come() -> bool:
        return bool(await ada.codes(ada.email, "reset"))

    await until(has_come, "a link was mailed", within=5)
    (token,) = await ada.codes(ada.email, "reset")
    expect(await ada.call("POST", "/password/reset", {"token": token, "password": f"{PASSWORD} anew"}), 204)


async def enrols_a_factor_elsewhere(house: House, ada: Person) -> None:
    elsewhere = Person(house.service, email=ada.email)
    await elsewhere.sign_in()
    await elsewhere.enrol()
    expect(await elsewhere.session(), 200)


@pytest.mark.parametrize("end", [is_disabled, resets_their_password, enrols_a_factor_elsewhere])
async def test_a026_whatever_ends_a_session_is_honoured_by_every_worker_within_a_second(
    house: House, end: Callable[[House, Person], Awaitable[None]]
) -> None:
    ada = await newcomer(house.service)
    async with lines(house.service, 2) as opened:
        assert [(await line.ask("GET", "/session", token=ada.access_token)).status for line in opened] == [200, 200]
        await end(house, ada)
        lags = await asyncio.gather(*(lag(line, ada.access_token) for line in opened))
    measured(f"{end.__name__}: honoured after {max(lags):.3f} s")
    assert max(lags) <= BOUND
    expect(await ada.refresh(), 401)


async def test_a107_a_stolen_refresh_token_ends_the_session_everywhere_within_a_second(house: House) -> None:
    ada = await newcomer(house.service)
    parent = ada.refresh_token
    expect(await ada.refresh(), 200)
    expect(await ada.refresh(), 200)
    async with lines(house.service, 2) as (here, there):
        here.send(Request("POST", "/token/refresh", {"refresh_token": parent}))
        assert (await here.reply()).status == 401
        assert await lag(there, ada.access_token) <= BOUND


async def transactions(house: House) -> int:
    """How many the database has seen; backends tell it about once a second."""
    count: int = await house.one(
        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    )
    return count


async def test_thousands_of_guarded_requests_cost_the_database_nothing(house: House) -> None:
    """Law 5, counted by PostgreSQL: as many transactions with them as without, which are those of the jobs beside."""
    began = await transactions(house)
    await asyncio.sleep(WATCHED)
    idle = await transactions(house) - began
    async with load(house, askers=4, every=0, logins=0) as answered:
        await asyncio.sleep(1.5)  # what signed the bystanders up has been told by now
        began, before = await transactions(house), len(answered)
        await asyncio.sleep(WATCHED)
        busy, asked = await transactions(house) - began, len(answered) - before
    measured(f"{asked} guarded requests in {WATCHED} s: {busy} transactions beside, {idle} without them")
    assert asked > 500
    assert busy < idle + asked / 20
