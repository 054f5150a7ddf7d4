"""What an attacker found of attempts: answers that could complete nothing counted against the owner all the same."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import asyncpg
import pytest

from app.store.database import Database
from tests import postgres
from tests.app import AuthenticatorApp
from tests.resets import NEW, disable, forgot, reset
from tests.ring import hearing
from tests.world import Person, World

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
FAILURES = "SELECT coalesce(sum(streak), 0) FROM budgets"
LOCKED = "UPDATE budgets SET streak = $1, locked_until = $2 WHERE kind = 'totp'"
CHANGED = "The password or a factor of this account was changed."


async def renewed(ada: Person) -> None:
    assert (await reset(ada, await forgot(ada))).status_code == 204


@pytest.mark.parametrize("end", [renewed, disable])
async def test_answers_by_a_sign_in_from_before_count_against_nobody(
    world: World, sweeper: asyncpg.Connection, end: Callable[[Person], Awaitable[None]]
) -> None:
    """Who had the old password could lock the owner's factors with it, and have the new one expire."""
    ada = await world.with_app()
    await ada.login()
    await end(ada)
    for code in ("000000", ada.app_code(), "000000"):
        answer = await ada.verify(code, factor="totp")
        assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (401, "invalid_token", CHANGED)
    assert await sweeper.fetchval(FAILURES) == 0
    assert await sweeper.fetchval("SELECT max(attempts) FROM challenges WHERE closed_at IS NULL") == 0


async def test_the_owner_signs_in_after_a_thief_tried_all_that_old_sign_ins_allow(world: World) -> None:
    ada = await world.with_app()
    stolen = []
    for _ in range(4):
        await ada.login()
        stolen.append(ada.mfa_token)
    await renewed(ada)
    for ada.mfa_token in stolen:
        for _ in range(5):
            assert (await ada.verify("000000", factor="totp")).status_code == 401
    await ada.login()
    assert (await ada.verify(ada.app_code())).status_code == 200


async def test_a_sign_in_of_somebody_who_is_gone_is_no_factor_that_is_missing(
    world: World, sweeper: asyncpg.Connection
) -> None:
    ada = await world.with_app()
    await ada.login()
    await sweeper.execute("DELETE FROM users")
    answer = await ada.verify("000000", factor="totp")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


async def test_a_confirmation_from_before_is_no_bad_token(world: World) -> None:
    """A client that is told so refreshes, is told so again, and signs its user out."""
    ada = await world.with_app()
    begun = (await ada.call("POST", "/me/factors", {"factor": "totp"})).json()
    await ada.call("PUT", "/me/password", {"current_password": ada.password, "new_password": NEW})
    right = AuthenticatorApp(begun["setup"]["secret"]).code(world.clock.now())
    for code in ("000000", right):
        answer = await ada.call("POST", f"/me/factors/{begun['id']}/confirm", {"code": code})
        assert (answer.status_code, answer.json()["code"]) == (404, "factor_not_enrolled")
        assert answer.json()["detail"] == CHANGED
    assert (await ada.call("GET", "/me")).status_code == 200


async def test_nor_is_another_code_for_it(world: World) -> None:
    ada = await world.with_app()
    begun = (await ada.begin_phone()).json()
    await ada.call("PUT", "/me/password", {"current_password": ada.password, "new_password": NEW})
    answer = await ada.call("POST", f"/me/factors/{begun['id']}/resend")
    assert (answer.status_code, answer.json()["code"]) == (404, "factor_not_enrolled")


async def test_a_guess_that_counts_against_nobody_is_noted_all_the_same(world: World) -> None:
    ada = await world.with_app()
    await ada.login()
    await renewed(ada)
    with hearing("challenge.") as lines:
        await ada.verify("000000", factor="totp")
    assert [(line["event"], line["factor"]) for line in lines] == [("challenge.code_refused", "totp")]


async def test_a_used_up_step_up_says_when_another_may_begin(world: World) -> None:
    ada = await world.with_app()
    for _ in range(5):
        assert (await ada.step_up("000000", "totp")).status_code == 401
    refused = await ada.step_up(ada.app_code(), "totp")
    assert (refused.status_code, refused.json()["code"]) == (429, "mfa_attempts_exhausted")
    asked = await ada.call("POST", "/step-up/challenge", {"factor": "totp"})
    assert asked.json()["retry_after"] == refused.json()["retry_after"] > 60
    world.clock.forward(timedelta(seconds=refused.json()["retry_after"]))
    await ada.refresh_session()
    assert (await ada.step_up(ada.app_code(), "totp")).status_code == 200


@pytest.mark.parametrize(
    ("streak", "minutes", "told"),
    [(10, 5, timedelta(minutes=5)), (10, -5, timedelta(seconds=1)), (100, 5, timedelta(days=1))],
)
async def test_a_lock_is_told_as_long_as_it_lasts(
    world: World, database: Database, sweeper: asyncpg.Connection, streak: int, minutes: int, told: timedelta
) -> None:
    """A second if it ended in the same moment; a day, whatever pause was the last, if only a new binding ends it."""
    ada = await world.with_app()
    await ada.login()
    await ada.verify("000000")
    obstacles, now = world.app.state.house.verify.judging.obstacles, world.clock.now()
    await sweeper.execute(LOCKED, streak, now + timedelta(minutes=minutes))
    async with database.read() as tx:
        locked = await obstacles.locked(tx, await sweeper.fetchval("SELECT id FROM users"), "totp")
    assert timedelta() <= told - locked.retry_after < timedelta(seconds=1)


async def test_a_new_binding_and_a_wrong_answer_do_not_wait_for_each_other(
    world: World, sweeper: asyncpg.Connection, database_url: str
) -> None:
    """Both take the budget of the factor before the one of all factors."""
    ada = await world.with_app()
    await ada.login()
    await ada.verify("000000")
    begun = (await ada.call("POST", "/me/factors", {"factor": "totp"})).json()
    code = AuthenticatorApp(begun["setup"]["secret"]).code(world.clock.now())
    before = await sweeper.fetchval(DEADLOCKS)
    async with postgres.connections(database_url, 2) as (another, third), AsyncExitStack() as held:
        async with another.transaction():
            await another.execute("SELECT FROM users FOR NO KEY UPDATE")
            confirming = asyncio.create_task(ada.call("POST", f"/me/factors/{begun['id']}/confirm", {"code": code}))
            await postgres.somebody_waits(sweeper, about="users")
            await held.enter_async_context(third.transaction())
            await third.execute("SELECT FROM budgets WHERE kind = '*' FOR UPDATE")
        await postgres.somebody_waits(sweeper, about="budgets")
        answering = asyncio.create_task(ada.verify("000000"))
        await postgres.somebody_waits(sweeper, about="budgets", many=2)
    assert ((await confirming).status_code, (await answering).status_code) == (200, 401)
    await asyncio.sleep(1.2)  # the statistics come a moment later
    await sweeper.execute("SELECT pg_stat_clear_snapshot()")
    assert await sweeper.fetchval(DEADLOCKS) == before
