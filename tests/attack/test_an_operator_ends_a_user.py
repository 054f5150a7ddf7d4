"""An operator disables or deletes a user beside two busy workers: both refuse within a second, and nothing slips out beside it."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import pytest

from app.flows.operator import Operator
from app.problems import DatabaseUnavailable
from app.settings.groups import DatabaseSettings
from app.store.database import Database
from tests.attack.conftest import House
from tests.attack.lines import Line, lines
from tests.attack.measured import measured
from tests.attack.people import Person, newcomer, refreshing

pytestmark = pytest.mark.attack

ROUNDS = 10


@pytest.fixture
async def operator(house: House) -> AsyncIterator[Operator]:
    """In a process of its own, as `gatehouse users` is one: nothing but the database is shared."""
    database = Database(DatabaseSettings.model_validate({"url": house.service.database, "tls": "disable"}))
    yield Operator(database)
    await database.close()


async def lag(line: Line, token: str) -> float:
    """Seconds until this worker refuses *token*."""
    began = time.monotonic()
    while (await line.ask("GET", "/session", token=token)).status != 401:
        assert time.monotonic() - began < 3, "not within three seconds"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def end(operator: Operator, verb: str, user: UUID) -> None:
    await (operator.delete(user) if verb == "delete" else operator.disable(str(user)))


@pytest.mark.parametrize("verb", ["disable", "delete"])
async def test_a026_both_workers_refuse_within_a_second(house: House, operator: Operator, verb: str) -> None:
    lags: list[float] = []
    for _ in range(ROUNDS):
        ada = await newcomer(house.service)
        user = await ada.id()
        async with lines(house.service, 2) as opened:
            await end(operator, verb, user)
            lags += await asyncio.gather(*(lag(line, ada.access_token) for line in opened))
    lags.sort()
    measured(f"{verb}: median {lags[len(lags) // 2]:.3f} s, longest of {len(lags)} {lags[-1]:.3f} s")
    assert lags[-1] <= 1.0


async def test_deleting_beside_a_refresh_leaves_no_token_that_is_good(house: House, operator: Operator) -> None:
    """No session is left that could tell: whatever was being minted lies before the cut-off, which lies ahead."""
    seen = Counter[int]()
    for nth in range(2 * ROUNDS):
        ada = await newcomer(house.service)
        user = await ada.id()
        async with lines(house.service, 2) as opened:
            ahead = 0.0008 * (nth % 10 - 5)
            deleting = asyncio.create_task(delete(operator, user, after=max(0, -ahead)))
            await asyncio.sleep(max(0, ahead))
            opened[nth % 2].send(refreshing(ada.refresh_token))
            reply = await opened[nth % 2].reply()
            await deleting
            seen[reply.status] += 1
            if reply.status == 200:
                ada.keep(reply.body)
            await gone(ada, opened)
    measured(f"answers beside a deletion: {dict(seen)}")
    assert {200, 401} <= set(seen) <= {200, 401, 503}, f"the race was not run: {seen}"


async def delete(operator: Operator, user: UUID, *, after: float) -> None:
    """As an operator does: a verb that could not reach the database, or lost to a refresh, is run again."""
    await asyncio.sleep(after)
    for _ in range(3):
        with suppress(DatabaseUnavailable):
            await operator.delete(user)
            return


async def gone(ada: Person, opened: list[Line]) -> None:
    """Dead on both workers within a second, and dead it stays."""
    await asyncio.gather(*(lag(line, ada.access_token) for line in opened))
    for line in opened:
        assert (await line.ask("GET", "/session", token=ada.access_token)).status == 401
        line.send(refreshing(ada.refresh_token))
        assert (await line.reply()).status == 401
