"""Law 5: a guarded request makes no query of its own, whether its token is good, ended or forged; counted in the real app."""

import asyncio

import pytest

from app.api.guard import admissions
from tests.statements import CONNECTION, asked
from tests.world import World

MANY = 50


async def test_what_does_ask_the_database_is_counted(world: World) -> None:
    """Else the tests below could not fail."""
    ada = await world.signed_up()
    await ada.sign_in()
    with asked() as seen:
        assert (await ada.call("GET", "/me")).status_code == 200
    assert seen[0] == CONNECTION
    assert any(statement.startswith("SELECT") for statement in seen)


async def test_a_guarded_request_makes_no_query(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    with asked() as seen:
        answers = [await ada.call("GET", "/session") for _ in range(MANY)]
    assert [answer.status_code for answer in answers] == [200] * MANY
    assert seen == []


async def test_neither_does_one_whose_session_has_ended(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    await ada.call("POST", "/logout", {})
    with asked() as seen:
        answers = [await ada.call("GET", "/session") for _ in range(MANY)]
    assert {answer.json()["code"] for answer in answers} == {"invalid_token"}
    assert seen == []


async def test_what_the_feed_asks_beside_it_is_not_the_requests(world: World) -> None:
    """While it polls, requests go on, and still none of its statements is theirs."""
    ada = await world.signed_up()
    await ada.sign_in()
    with asked() as seen:
        for _ in range(20):
            assert (await ada.call("GET", "/session")).status_code == 200
            await asyncio.sleep(0.03)
    assert seen == []


@pytest.mark.parametrize("token", ["", "x", "x.y.z", "another kind"])
async def test_no_guarded_route_asks_before_it_refuses(world: World, token: str) -> None:
    """Whoever has no good token costs the database nothing, on any route."""
    ada = await world.with_phone()
    await ada.sign_in()
    await ada.login()
    guarded = [(operation, guard.scope) for operation, guard in admissions(world.app) if guard]
    assert len(guarded) >= 8
    with asked() as seen:
        for operation, scope in guarded:
            method, _, path = operation.partition(" ")
            another = ada.access_token if scope == "mfa:verify" else ada.mfa_token
            answer = await ada.call(method, path, token=another if token == "another kind" else token)
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), operation
    assert seen == []
