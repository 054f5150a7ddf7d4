"""A163: the same where answers are paid for and questions are put: undone and done again, each counts and is sent once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests import postgres
from tests.world import Person, World

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
LATER = timedelta(minutes=6)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with postgres.connections(database_url, 1) as [connection]:
        yield connection


@dataclass
class Crossing:
    """Somebody else holds *held*, and asks for *wanted* once the request, which holds that, waits for the other."""

    other: asyncpg.Connection
    sweeper: asyncpg.Connection

    async def __call__(self, request: Coroutine[Any, Any, httpx.Response], *, held: str, wanted: str) -> httpx.Response:
        before = await self._deadlocks()
        async with self.other.transaction():
            await self.other.execute("SET LOCAL deadlock_timeout = '1h'")
            assert await self.other.fetch(f"SELECT 1 FROM {held} FOR UPDATE")  # noqa: S608  ours
            asked = asyncio.create_task(request)
            await postgres.somebody_waits(self.sweeper)
            async with asyncio.timeout(10):
                await self.other.execute(f"SELECT 1 FROM {wanted} FOR UPDATE")  # noqa: S608  ours
        answer = await asked
        await asyncio.sleep(1.2)  # the statistics come a moment later
        # Two, where what was undone begins again before the other goes on; a third would have been a 503.
        assert await self._deadlocks() in {before + 1, before + 2}
        return answer

    async def _deadlocks(self) -> int:
        await self.sweeper.execute("SELECT pg_stat_clear_snapshot()")
        count: int = await self.sweeper.fetchval(DEADLOCKS)
        return count


@pytest.fixture
def crossed(other: asyncpg.Connection, sweeper: asyncpg.Connection) -> Crossing:
    return Crossing(other, sweeper)


async def spent(sweeper: asyncpg.Connection) -> dict[str, int]:
    return {
        row["kind"]: row["streak"] for row in await sweeper.fetch("SELECT kind, streak FROM budgets WHERE streak > 0")
    }


async def test_a163_a_wrong_code_whose_payment_is_undone_is_paid_for_once(
    world: World, crossed: Crossing, sweeper: asyncpg.Connection
) -> None:
    """Law 1: not twice, which would lock its owner out, and not never, which would be a guess for nothing."""
    ada = await world.with_phone()
    await ada.login()
    assert (await ada.verify(ada.wrong_code())).json()["attempts_left"] == 4

    refused = await crossed(ada.verify(ada.wrong_code()), held="budgets WHERE kind = '*'", wanted="challenges")

    assert (refused.status_code, refused.json()["attempts_left"]) == (401, 3)
    assert await spent(sweeper) == {"sms": 2, "*": 2}
    assert await sweeper.fetchval("SELECT max(attempts) FROM challenges") == 2
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_a163_nor_is_one_beside_the_password_paid_for_twice(
    world: World, crossed: Crossing, sweeper: asyncpg.Connection
) -> None:
    ada = await world.with_app()
    await ada.login(code="000000")

    held, wanted = "budgets WHERE kind = '*'", "budgets WHERE kind = 'totp'"
    refused = await crossed(ada.login(code="000000"), held=held, wanted=wanted)

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_mfa_code")
    assert await spent(sweeper) == {"totp": 2, "*": 2}


async def test_an_answer_that_crosses_the_lock_of_its_factor_is_not_looked_at(
    world: World, other: asyncpg.Connection, sweeper: asyncpg.Connection
) -> None:
    """It saw no lock before it took its attempt, and waits for whoever begins one: the attempt is lost, nothing is learnt."""
    ada = await world.with_phone()
    await ada.login()
    await ada.verify(ada.wrong_code())
    async with other.transaction():
        await other.execute("UPDATE budgets SET locked_until = now() + interval '90 years' WHERE kind = 'sms'")
        asked = asyncio.create_task(ada.verify(ada.code("sign_in")))
        await postgres.somebody_waits(sweeper)
    answer = await asked
    assert (answer.status_code, answer.json()["code"]) == (429, "mfa_locked")
    assert await spent(sweeper) == {"sms": 1, "*": 1}
    assert await sweeper.fetchval("SELECT max(attempts) FROM challenges") == 2


async def test_an_answer_that_crosses_another_question_is_judged_by_that(
    world: World, other: asyncpg.Connection, sweeper: asyncpg.Connection
) -> None:
    ada = await world.with_phone()
    world.clock.forward(timedelta(days=1))
    await ada.sign_in()
    await ada.enrol_app()
    await ada.login(factor="sms")
    async with other.transaction():
        await other.execute("UPDATE challenges SET factor = 'totp', sends = sends + 1 WHERE closed_at IS NULL")
        asked = asyncio.create_task(ada.verify(ada.app_code()))
        await postgres.somebody_waits(sweeper)
    answer = await asked
    assert answer.status_code == 200, answer.text
    assert await spent(sweeper) == {}


async def sign_in_at_once(ada: Person) -> httpx.Response:
    return await ada.login(code=ada.app_code())


async def step_up(ada: Person) -> httpx.Response:
    return await ada.step_up(ada.app_code(), "totp")


@pytest.mark.parametrize("answer", [sign_in_at_once, step_up])
async def test_a163_a_right_code_whose_use_is_undone_is_used_once(
    world: World, crossed: Crossing, answer: Callable[[Person], Coroutine[Any, Any, httpx.Response]]
) -> None:
    ada = await world.with_app()
    done = await crossed(answer(ada), held="enrollments WHERE kind = 'totp'", wanted="users")
    assert done.status_code == 200, done.text
    assert ada.app
    used = ada.app.code(world.clock.now())
    assert (await ada.login(code=used)).json()["code"] == "invalid_mfa_code"


async def begin_sign_in(ada: Person) -> httpx.Response:
    return await ada.login()


async def ask_again(ada: Person) -> httpx.Response:
    return await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)


async def ask_to_step_up(ada: Person) -> httpx.Response:
    return await ada.call("POST", "/step-up/challenge", {"factor": "sms"})


@pytest.mark.parametrize(
    ("ask", "purpose", "held", "wanted"),
    [
        (begin_sign_in, "sign_in", "cooldowns", "users"),
        (ask_again, "sign_in", "challenges", "cooldowns"),
        (ask_to_step_up, "step_up", "cooldowns", "users"),
    ],
)
async def test_a163_a_question_that_is_undone_is_put_again_and_its_code_sent_once(
    world: World,
    crossed: Crossing,
    ask: Callable[[Person], Coroutine[Any, Any, httpx.Response]],
    purpose: str,
    held: str,
    wanted: str,
) -> None:
    ada = await world.with_phone()
    await ada.login()
    await ask_to_step_up(ada)
    world.clock.forward(LATER)
    before = len(ada.codes(purpose))

    answer = await crossed(ask(ada), held=held, wanted=wanted)

    assert answer.status_code == 200, answer.text
    assert len(ada.codes(purpose)) == before + 1
    done = await (ada.step_up(ada.code(purpose), "sms") if purpose == "step_up" else ada.verify(ada.code(purpose)))
    assert done.status_code == 200, "the code that was sent is the one that is remembered"


async def test_a163_a_factor_whose_begin_is_undone_is_begun_once(
    world: World, crossed: Crossing, sweeper: asyncpg.Connection
) -> None:
    ada = await world.with_app()
    await ada.begin_phone()
    world.clock.forward(timedelta(minutes=1))

    begun = await crossed(ada.begin_phone(), held="cooldowns", wanted="users")

    assert begun.status_code == 201, begun.text
    assert len(ada.codes("confirm")) == 2
    assert await sweeper.fetchval("SELECT count(*) FROM enrollments WHERE kind = 'sms'") == 1
    assert (await ada.confirm(begun.json()["id"], ada.code("confirm"))).status_code == 200
