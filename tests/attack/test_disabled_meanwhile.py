"""A user who is disabled, or whose credentials change, gets no session for what was proved before: not even beside it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.attack.conftest import END_ALL, House, disable
from tests.attack.lines import Line, Reply, Request, lines
from tests.attack.people import Person, expect, newcomer, with_phone
from tests.attack.processes import until

pytestmark = pytest.mark.attack

LIVE = "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL"


async def raise_version(sql: asyncpg.Connection, user: UUID) -> None:
    """As a change of password does."""
    async with sql.transaction():
        await sql.execute("UPDATE users SET credential_version = credential_version + 1 WHERE id = $1", user)
        await sql.execute(END_ALL, user)


@pytest.mark.parametrize("change", [disable, raise_version])
async def test_what_changes_between_login_and_code_leaves_no_session(
    house: House, change: Callable[[asyncpg.Connection, UUID], Coroutine[Any, Any, None]]
) -> None:
    ada = await with_phone(house.service)
    user, code = await ada.id(), await ada.ask_code()
    await change(house.sql, user)

    refused = await ada.verify(code)

    assert refused.status_code == 401
    assert await house.one(LIVE, user) == 0
    asked = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert asked.json()["code"] == "invalid_token"
    expect(await ada.refresh(), 401)


async def beside(line: Line, request: Request, house: House, user: UUID, *, ahead: float) -> Reply:
    """Answer *request* while the user is being disabled, which begins *ahead* seconds before it (or after, below zero)."""
    disabling = asyncio.create_task(_later(max(0, -ahead), disable(house.sql, user, holding=0.003)))
    await asyncio.sleep(max(0, ahead))
    line.send(request)
    reply, _ = await asyncio.gather(line.reply(), disabling)
    return reply


async def _later(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(seconds)
    await work


async def is_dead(person: Person) -> None:
    """Whatever tokens were answered are worth nothing within a second."""

    async def is_refused() -> bool:
        return (await person.session()).status_code == 401

    await until(is_refused, "the access token is refused", within=1.0)
    expect(await person.refresh(), 401)


async def test_disabling_beside_the_code_never_leaves_a_live_session(house: House) -> None:
    ada = await with_phone(house.service)
    user, seen = await ada.id(), Counter[int]()
    async with lines(house.service, 2) as opened:
        for nth in range(40):
            await house.sql.execute("UPDATE users SET active = true WHERE id = $1", user)
            guess = ada.guess(await ada.ask_code())
            reply = await beside(opened[nth % 2], guess, house, user, ahead=0.010 - 0.0006 * nth)
            seen[reply.status] += 1
            assert await house.one(LIVE, user) == 0, f"round {nth}: answered {reply.told}"
            if reply.status == 200 and seen[200] % 5 == 1:
                ada.keep(reply.body)
                await is_dead(ada)
    assert set(seen) == {200, 401}, f"the race was not run: {seen}"


async def test_disabling_beside_a_login_or_a_refresh_never_leaves_a_live_session(house: House) -> None:
    ada = await newcomer(house.service)
    user, seen = await ada.id(), Counter[int]()
    async with lines(house.service, 2) as opened:
        for nth in range(30):
            await house.sql.execute("UPDATE users SET active = true WHERE id = $1", user)
            await ada.sign_in()
            refresh = Request("POST", "/token/refresh", {"refresh_token": ada.refresh_token})
            reply = await beside(opened[nth % 2], refresh, house, user, ahead=0.008 - 0.0006 * nth)
            seen[reply.status] += 1
            assert await house.one(LIVE, user) == 0, f"round {nth}: answered {reply.told}"
            if reply.status == 200 and seen[200] % 5 == 1:
                ada.keep(reply.body)
                await is_dead(ada)
        for nth in range(15):
            await house.sql.execute("UPDATE users SET active = true WHERE id = $1", user)
            reply = await beside(opened[nth % 2], ada.login_request(), house, user, ahead=-0.006 * nth)
            seen[reply.status] += 1
            assert await house.one(LIVE, user) == 0, f"login {nth}: answered {reply.told}"
    assert set(seen) == {200, 401}, f"the race was not run: {seen}"
