"""A session that ends on one worker ends on all of them, within a second; and who cannot know refuses."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Line, Request, lines
from tests.attack.measured import measured
from tests.attack.people import Person, expect, newcomer

pytestmark = pytest.mark.attack

ROUNDS = 30


@asynccontextmanager
async def light_load(house: House, person: Person) -> AsyncIterator[None]:
    """About a hundred requests a second, beside."""

    async def go_on(line: Line) -> None:
        while True:
            await line.ask("GET", "/session", token=person.access_token)
            await asyncio.sleep(0.04)

    async with lines(house.service, 4) as opened:
        tasks = [asyncio.create_task(go_on(line)) for line in opened]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def lag(elsewhere: Line, token: str) -> float:
    """Seconds until the other worker refuses *token*."""
    began = time.monotonic()
    while time.monotonic() - began < 3:
        if (await elsewhere.ask("GET", "/session", token=token)).status == 401:
            return time.monotonic() - began
        await asyncio.sleep(0.005)
    raise AssertionError("not within three seconds")


async def test_a026_a_logout_is_honoured_by_the_other_worker_within_a_second(house: House) -> None:
    bystander, lags = await newcomer(house.service), []
    ada = await newcomer(house.service)
    async with light_load(house, bystander):
        for nth in range(ROUNDS):
            await ada.sign_in()
            async with lines(house.service, 2) as opened:
                here, there = opened if nth % 2 else reversed(opened)
                assert (await there.ask("GET", "/session", token=ada.access_token)).status == 200
                assert (await here.ask("POST", "/logout", {}, token=ada.access_token)).status == 204
                assert (await here.ask("GET", "/session", token=ada.access_token)).status == 401
                lags.append(await lag(there, ada.access_token))
    lags.sort()
    measured(f"revocation lag: median {lags[ROUNDS // 2]:.3f} s, p99 {lags[-1]:.3f} s")
    assert lags[-1] <= 1.0


async def test_a107_a_stolen_refresh_token_ends_the_session_everywhere_within_a_second(house: House) -> None:
    ada = await newcomer(house.service)
    parent = ada.refresh_token
    expect(await ada.refresh(), 200)
    expect(await ada.refresh(), 200)
    async with lines(house.service, 2) as (here, there):
        here.send(Request("POST", "/token/refresh", {"refresh_token": parent}))
        assert (await here.reply()).status == 401
        assert await lag(there, ada.access_token) <= 1.0


async def test_a_new_factor_ends_the_other_sessions_on_every_worker_within_a_second(house: House) -> None:
    ada = await newcomer(house.service)
    elsewhere = Person(house.service, email=ada.email)
    await elsewhere.sign_in()
    await ada.enrol()
    async with lines(house.service, 2) as opened:
        lags = await asyncio.gather(*(lag(line, elsewhere.access_token) for line in opened))
    assert max(lags) <= 1.0
    expect(await ada.session(), 200)
